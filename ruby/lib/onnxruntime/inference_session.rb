module OnnxRuntime
  # A loaded model, with the methods of the gem onnxruntime's class of this name.
  class InferenceSession
    LEVELS = { none: 0, basic: 1, extended: 2, layout: 3, all: 99 }.freeze
    MODES = { sequential: 0, parallel: 1 }.freeze

    attr_reader :inputs, :outputs

    def initialize(path_or_bytes, enable_cpu_mem_arena: true, enable_mem_pattern: true,
                   enable_profiling: false, execution_mode: nil, free_dimension_overrides_by_name: nil,
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

    # Values of the named outputs (nil: all), in order.
    def run(output_names, input_feed, log_severity_level: nil, log_verbosity_level: nil, logid: nil,
            terminate: nil, output_type: :ruby)
      raise ArgumentError, "Invalid output type: #{output_type}" unless output_type == :ruby
      options = Table.owned(:RunOptions, Table.made(:CreateRunOptions))
      Table.call(:RunOptionsSetRunLogSeverityLevel, options, log_severity_level) if log_severity_level
      Table.call(:RunOptionsSetRunLogVerbosityLevel, options, log_verbosity_level) if log_verbosity_level
      Table.call(:RunOptionsSetRunTag, options, logid) if logid
      Table.call(:RunOptionsSetTerminate, options) if terminate
      output_names ||= outputs.map { |output| output[:name] }
      names = input_feed.keys.map(&:to_s)
      kept = names.zip(input_feed.values).map { |name, data| Values.tensor(data, type_of(name)) }
      results = FFI::MemoryPointer.new(:pointer, [output_names.size, 1].max)
      input_texts, input_pointers = texts(names)
      output_texts, output_pointers = texts(output_names.map(&:to_s))
      Table.call(:Run, @session, options, input_pointers, pointers(kept.map(&:first)), kept.size,
                 output_pointers, output_names.size, results)
      [input_texts, output_texts].clear
      results.read_array_of_pointer(output_names.size).map do |value|
        Values.read(Table.owned(:Value, value))
      end
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
        { name: name }.merge(describe(info))
      end
    end

    def describe(info)
      case Table.number(:GetOnnxTypeFromTypeInfo, info, type: :int)
      when Values::TENSOR
        tensor = Table.made(:CastTypeInfoToTensorInfo, info)
        { type: "tensor(#{element_name(:GetTensorElementType, tensor)})", shape: shape(tensor) }
      when Values::SEQUENCE
        element = Table.made(:GetSequenceElementType, Table.made(:CastTypeInfoToSequenceTypeInfo, info))
        { type: "seq(#{describe(Table.owned(:TypeInfo, element))[:type]})", shape: [] }
      when Values::MAP
        map = Table.made(:CastTypeInfoToMapTypeInfo, info)
        value = Table.owned(:TypeInfo, Table.made(:GetMapValueType, map))
        { type: "map(#{element_name(:GetMapKeyType, map)},#{describe(value)[:type]})", shape: [] }
      else { type: "unknown", shape: [] }
      end
    end

    def element_name(entry, info)
      Values::NAMES.fetch(Table.number(entry, info, type: :int), "undefined")
    end

    def shape(info)
      dims = Values.dims(info)
      names = FFI::MemoryPointer.new(:pointer, [dims.size, 1].max)
      Table.call(:GetSymbolicDimensions, info, names, dims.size)
      dims.zip(names.read_array_of_pointer(dims.size)).map do |dim, name|
        symbol = name.read_string
        symbol.empty? ? dim : symbol
      end
    end

    def type_of(name)
      input = inputs.find { |each| each[:name] == name } or raise Error, "Unknown input: #{name}"
      element = input[:type][/\Atensor\((\w+)\)\z/, 1] or
        raise Error, "Unsupported input type: #{input[:type]}"
      element.to_sym
    end

    def texts(names)
      kept = names.map { |name| FFI::MemoryPointer.from_string(name) }
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
