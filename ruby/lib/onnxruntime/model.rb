module OnnxRuntime
  # The short way: outputs as a hash by name.
  class Model
    def initialize(source, **session_options)
      @session = InferenceSession.new(source, **session_options)
    end

    def predict(input_feed, output_names: nil, **run_options)
      names = output_names || outputs.map { |output| output[:name] }
      names.map(&:to_s).zip(@session.run(names, input_feed, **run_options)).to_h
    end

    def inputs
      @session.inputs
    end

    def outputs
      @session.outputs
    end

    def metadata
      @session.modelmeta
    end
  end
end
