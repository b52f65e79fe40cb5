module OnnxRuntime
  # A loaded model, with the methods of the gem onnxruntime's class of this name.
  class InferenceSession
    LEVELS = { none: 0, basic: 1, extended: 2, layout: 3, all: 99 }.freeze
    MODES = { sequential: 0, parallel: 1 }.freeze

    attr_reader :inputs, :outputs

    def initialize(path_or_bytes, enable_cpu_mem_arena: true, enable_mem_pattern: true,
                   enable_profiling: false, execution_mode: nil,
                   free_dimension_overrides_by_denotation: nil, free_dimension_overrides_by_name: nil,
                   graph_optimization_level: nil, inter_op_num_threads: nil, intra_op_num_threads: nil,
                   log_severity_level: nil, log_verbosity_level: nil, logid: nil,
                   optimized_model_filepath: nil, profile_file_prefix: "onnxruntime_profile_",
                   providers: [], session_config_entries: nil)
      options = Table.owned(:SessionOptions, Table.made(:CreateSessionOptions))
      set = lambda do |name, value, table = nil|
        next if value.nil?
        Table.call(name, options, table ? table.fetch(value) : value)
      end
      Table.call(enable_cpu_mem_arena ? :EnableCpuMemArena : :DisableCpuMemArena, options)
      Table.call(enable_mem_pattern ? :EnableMemPattern : :DisableMemPattern, options)
      set.call(:EnableProfiling, profile_file_prefix) if enable_profiling
      set.call(:SetSessionExecutionMode, execution_mode, MODES)
      set.call(:SetSessionGraphOptimizationLevel, graph_optimization_level, LEVELS)
      set.call(:SetInterOpNumThreads, inter_op_num_threads)
      set.call(:SetIntraOpNumThreads, intra_op_num_threads)
      set.call(:SetSessionLogSeverityLevel, log_severity_level)
      set.call(:SetSessionLogVerbosityLevel, log_verbosity_level)
      set.call(:SetSessionLogId, logid)
      set.call(:SetOptimizedModelFilePath, optimized_model_filepath)
      free_dimension_overrides_by_denotation&.each do |name, value|
        Table.call(:AddFreeDimensionOverride, options, name.to_s, value)
      end
      free_dimension_overrides_by_name&.each do |name, value|
        Table.call(:AddFreeDimensionOverrideByName, options, name.to_s, value)
      end
      session_config_entries&.each do |key, value|
        Table.call(:AddSessionConfigEntry, options, key.to_s, value.to_s)
      end
      providers.each do |name|
        Table.call(:SessionOptionsAppendExecutionProvider, options, name, nil, nil, 0)
      end
      @session = Table.owned(:Session, load(path_or_bytes, options))
      @inputs = read_nodes(:Input)
      @outputs = read_nodes(:Output)
    end

    # Values of the named outputs (nil: all), in order: arrays, hashes and strings, or OrtValue.
    def run(output_names, input_feed, output_type: :ruby, **run_options)
      unless %i[ruby ort_value].include?(output_type)
        raise ArgumentError, "Invalid output type: #{output_type}"
      end
      feed = input_feed.to_h do |name, data|
        [name, data.is_a?(OrtValue) ? data : OrtValue.from_array(data, element_type: type_of(name.to_s))]
      end
      values = run_with_ort_values(output_names, feed, **run_options)
      output_type == :ruby ? values.map(&:to_ruby) : values
    end

    def run_with_ort_values(output_names, input_feed, **run_options)
      output_names ||= outputs.map { |output| output[:name] }
      results = FFI::MemoryPointer.new(:pointer, [output_names.size, 1].max)
      input_texts, inputs = texts(input_feed.keys)
      output_texts, outputs = texts(output_names)
      values = pointers(input_feed.values.map(&:to_ptr))
      Table.call(:Run, @session, make_run_options(**run_options), inputs, values, input_feed.size,
                 outputs, output_names.size, results)
      [input_texts, output_texts].clear # what they held was needed until here
      results.read_array_of_pointer(output_names.size).map { |value| OrtValue.new(value) }
    end

    def io_binding
      IOBinding.new(@session)
    end

    def run_with_iobinding(binding, **run_options)
      Table.call(:RunWithBinding, @session, make_run_options(**run_options), binding.to_ptr)
    end

    def modelmeta
      metadata = Table.owned(:ModelMetadata, Table.made(:SessionGetModelMetadata, @session))
      get = ->(name) { Table.text(:"ModelMetadataGet#{name}", metadata, Table.allocator) }
      {
        custom_metadata_map: custom_metadata(metadata), description: get.call("Description"),
        domain: get.call("Domain"), graph_name: get.call("GraphName"),
        graph_description: get.call("GraphDescription"), producer_name: get.call("ProducerName"),
        version: Table.number(:ModelMetadataGetVersion, metadata)
      }
    end

    # The name of the file.
    def end_profiling
      Table.text(:SessionEndProfiling, @session, Table.allocator)
    end

    def providers
      count = FFI::MemoryPointer.new(:int)
      list = FFI::MemoryPointer.new(:pointer)
      Table.call(:GetAvailableProviders, list, count)
      names = list.read_pointer.read_array_of_pointer(count.read_int).map(&:read_string)
      Table.call(:ReleaseAvailableProviders, list.read_pointer, count.read_int)
      names
    end

    private

    def load(source, options)
      source = source.read if source.respond_to?(:read)
      bytes = source.respond_to?(:to_str) && source.encoding == Encoding::BINARY
      return Table.made(:CreateSession, Table.env, source.to_s, options) unless bytes
      memory = FFI::MemoryPointer.new(:char, [source.bytesize, 1].max).put_bytes(0, source)
      Table.made(:CreateSessionFromArray, Table.env, memory, source.bytesize, options)
    end

    def read_nodes(kind)
      Array.new(Table.number(:"SessionGet#{kind}Count", @session)) do |index|
        name = Table.text(:"SessionGet#{kind}Name", @session, index, Table.allocator)
        info = Table.owned(:TypeInfo, Table.made(:"SessionGet#{kind}TypeInfo", @session, index))
        { name: name }.merge(Types.describe(info))
      end
    end

    def make_run_options(log_severity_level: nil, log_verbosity_level: nil, logid: nil, terminate: nil)
      options = Table.owned(:RunOptions, Table.made(:CreateRunOptions))
      Table.call(:RunOptionsSetRunLogSeverityLevel, options, log_severity_level) if log_severity_level
      Table.call(:RunOptionsSetRunLogVerbosityLevel, options, log_verbosity_level) if log_verbosity_level
      Table.call(:RunOptionsSetRunTag, options, logid) if logid
      Table.call(:RunOptionsSetTerminate, options) if terminate
      options
    end

    def type_of(name)
      input = inputs.find { |each| each[:name] == name } or raise Error, "Unknown input: #{name}"
      element = input[:type][/\Atensor\((\w+)\)\z/, 1] or
        raise Error, "Unsupported input type: #{input[:type]}"
      element.to_sym
    end

    def texts(names)
      kept = names.map { |name| FFI::MemoryPointer.from_string(name.to_s) }
      [kept, pointers(kept)]
    end

    def pointers(list)
      FFI::MemoryPointer.new(:pointer, [list.size, 1].max).write_array_of_pointer(list)
    end

    def custom_metadata(metadata)
      keys = FFI::MemoryPointer.new(:pointer)
      count = FFI::MemoryPointer.new(:int64)
      Table.call(:ModelMetadataGetCustomMetadataMapKeys, metadata, Table.allocator, keys, count)
      return {} if count.read_int64.zero?
      pointers = keys.read_pointer.read_array_of_pointer(count.read_int64)
      result = pointers.to_h do |pointer|
        key = pointer.read_string.force_encoding("UTF-8")
        Table.call(:AllocatorFree, Table.allocator, pointer)
        [key, Table.text(:ModelMetadataLookupCustomMetadataMap, metadata, Table.allocator, key)]
      end
      Table.call(:AllocatorFree, Table.allocator, keys.read_pointer)
      result
    end
  end
end
