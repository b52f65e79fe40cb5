module OnnxRuntime
  # Inputs and outputs that stay where they are from run to run; the names are those of Python's
  # IOBinding:
  #
  #   binding = session.io_binding
  #   binding.bind_input("x", OnnxRuntime::OrtValue.from_array(x, element_type: :float))
  #   binding.bind_output("y", OnnxRuntime::OrtValue.from_shape_and_type([1, 10], :float))
  #   session.run_with_iobinding(binding)
  class IOBinding
    def initialize(session)
      @pointer = Table.owned(:IoBinding, Table.made(:CreateIoBinding, session))
      @values = {}
    end

    def bind_input(name, value)
      bind(:BindInput, name, value)
    end

    # A run writes into the value.
    def bind_output(name, value)
      bind(:BindOutput, name, value)
    end

    def to_ptr
      @pointer
    end

    private

    def bind(entry, name, value)
      Table.call(entry, @pointer, name.to_s, value.to_ptr)
      @values[[entry, name.to_s]] = value
      self
    end
  end
end
