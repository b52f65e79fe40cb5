module OnnxRuntime
  # The functions of the C API, by their places in the table. All but Release* return a status.
  module Table
    API_VERSION = 14
    P = :pointer
    ENTRIES = {
      CreateEnv: [3, [:int, :string, P]],
      CreateSession: [7, [P, :string, P, P]],
      CreateSessionFromArray: [8, [P, P, :size_t, P, P]],
      Run: [9, [P, P, P, P, :size_t, P, :size_t, P]],
      CreateSessionOptions: [10, [P]],
      SetOptimizedModelFilePath: [11, [P, :string]],
      SetSessionExecutionMode: [13, [P, :int]],
      EnableProfiling: [14, [P, :string]],
      EnableMemPattern: [16, [P]],
      DisableMemPattern: [17, [P]],
      EnableCpuMemArena: [18, [P]],
      DisableCpuMemArena: [19, [P]],
      SetSessionLogId: [20, [P, :string]],
      SetSessionLogVerbosityLevel: [21, [P, :int]],
      SetSessionLogSeverityLevel: [22, [P, :int]],
      SetSessionGraphOptimizationLevel: [23, [P, :int]],
      SetIntraOpNumThreads: [24, [P, :int]],
      SetInterOpNumThreads: [25, [P, :int]],
      SessionGetInputCount: [30, [P, P]],
      SessionGetOutputCount: [31, [P, P]],
      SessionGetInputTypeInfo: [33, [P, :size_t, P]],
      SessionGetOutputTypeInfo: [34, [P, :size_t, P]],
      SessionGetInputName: [36, [P, :size_t, P, P]],
      SessionGetOutputName: [37, [P, :size_t, P, P]],
      CreateRunOptions: [39, [P]],
      RunOptionsSetRunLogVerbosityLevel: [40, [P, :int]],
      RunOptionsSetRunLogSeverityLevel: [41, [P, :int]],
      RunOptionsSetRunTag: [42, [P, :string]],
      RunOptionsSetTerminate: [46, [P]],
      CreateTensorAsOrtValue: [48, [P, P, :size_t, :int, P]],
      CreateTensorWithDataAsOrtValue: [49, [P, P, :size_t, P, :size_t, :int, P]],
      GetTensorMutableData: [51, [P, P]],
      FillStringTensor: [52, [P, P, :size_t]],
      GetStringTensorDataLength: [53, [P, P]],
      GetStringTensorContent: [54, [P, P, :size_t, P, :size_t]],
      CastTypeInfoToTensorInfo: [55, [P, P]],
      GetOnnxTypeFromTypeInfo: [56, [P, P]],
      GetTensorElementType: [60, [P, P]],
      GetDimensionsCount: [61, [P, P]],
      GetDimensions: [62, [P, P, :size_t]],
      GetSymbolicDimensions: [63, [P, P, :size_t]],
      GetTensorShapeElementCount: [64, [P, P]],
      GetTensorTypeAndShape: [65, [P, P]],
      GetTypeInfo: [66, [P, P]],
      GetValueType: [67, [P, P]],
      CreateCpuMemoryInfo: [69, [:int, :int, P]],
      AllocatorFree: [76, [P, P]],
      GetAllocatorWithDefaultOptions: [78, [P]],
      AddFreeDimensionOverride: [79, [P, :string, :int64]],
      GetValue: [80, [P, :int, P, P]],
      GetValueCount: [81, [P, P]],
      CastTypeInfoToMapTypeInfo: [103, [P, P]],
      CastTypeInfoToSequenceTypeInfo: [104, [P, P]],
      GetMapKeyType: [105, [P, P]],
      GetMapValueType: [106, [P, P]],
      GetSequenceElementType: [107, [P, P]],
      SessionEndProfiling: [110, [P, P, P]],
      SessionGetModelMetadata: [111, [P, P]],
      ModelMetadataGetProducerName: [112, [P, P, P]],
      ModelMetadataGetGraphName: [113, [P, P, P]],
      ModelMetadataGetDomain: [114, [P, P, P]],
      ModelMetadataGetDescription: [115, [P, P, P]],
      ModelMetadataLookupCustomMetadataMap: [116, [P, P, :string, P]],
      ModelMetadataGetVersion: [117, [P, P]],
      ModelMetadataGetCustomMetadataMapKeys: [123, [P, P, P, P]],
      AddFreeDimensionOverrideByName: [124, [P, :string, :int64]],
      GetAvailableProviders: [125, [P, P]],
      ReleaseAvailableProviders: [126, [P, :int]],
      AddSessionConfigEntry: [130, [P, :string, :string]],
      RunWithBinding: [133, [P, P, P]],
      CreateIoBinding: [134, [P, P]],
      BindInput: [136, [P, :string, P]],
      BindOutput: [137, [P, :string, P]],
      ModelMetadataGetGraphDescription: [158, [P, P, P]],
      SessionOptionsAppendExecutionProvider: [216, [P, :string, P, P, :size_t]]
    }.freeze
    RELEASES = {
      Status: 93, Session: 95, Value: 96, RunOptions: 97, TypeInfo: 98,
      TensorTypeAndShapeInfo: 99, SessionOptions: 100, ModelMetadata: 118, IoBinding: 135
    }.freeze

    class << self
      # Calls an entry; a status is an Error.
      def call(name, *arguments)
        index, types = ENTRIES.fetch(name)
        status = function(name, index, :pointer, types).call(*arguments)
        return if status.null?
        message = function(:GetErrorMessage, 2, :string, [P]).call(status).dup.force_encoding("UTF-8")
        release(:Status, status)
        raise Error, message
      end

      # What an entry writes through its last argument.
      def made(name, *arguments)
        out = FFI::MemoryPointer.new(:pointer)
        call(name, *arguments, out)
        out.read_pointer
      end

      def number(name, *arguments, type: :size_t)
        out = FFI::MemoryPointer.new(:uint64)
        call(name, *arguments, out)
        type == :int ? out.read_int : out.read_int64
      end

      # A text that the library allocated; nil for none.
      def text(name, *arguments)
        pointer = made(name, *arguments)
        return if pointer.null?
        result = pointer.read_string.force_encoding("UTF-8")
        call(:AllocatorFree, allocator, pointer)
        result
      end

      def release(kind, pointer)
        function(:"Release#{kind}", RELEASES.fetch(kind), :void, [P]).call(pointer)
      end

      # A pointer that releases itself.
      def owned(kind, pointer)
        FFI::AutoPointer.new(pointer, ->(held) { release(kind, held) })
      end

      def env
        @env ||= made(:CreateEnv, 3, "Default")
      end

      def allocator
        @allocator ||= made(:GetAllocatorWithDefaultOptions)
      end

      def cpu_memory
        @cpu_memory ||= made(:CreateCpuMemoryInfo, 1, 0)
      end

      # "1.31.0": the version of the C API's library.
      def version
        FFI::Function.new(:string, [], base.get_pointer(FFI::Pointer.size)).call
      end

      private

      def function(name, index, result, types)
        @functions ||= {}
        @functions[name] ||=
          FFI::Function.new(result, types, table.get_pointer(index * FFI::Pointer.size))
      end

      def table
        @table ||= begin
          table = FFI::Function.new(:pointer, [:uint32], base.get_pointer(0)).call(API_VERSION)
          raise LoadError, "#{OnnxRuntime.ffi_lib} has no API #{API_VERSION}" if table.null?
          table
        end
      end

      def base
        @base ||= FFI::Function.new(:pointer, [], open_library.find_function("OrtGetApiBase")).call
      end

      def open_library
        errors = []
        Array(OnnxRuntime.ffi_lib).each do |name|
          return FFI::DynamicLibrary.open(name, FFI::DynamicLibrary::RTLD_LAZY)
        rescue LoadError => error
          errors << error.message
        end
        raise LoadError, errors.join("; ")
      end
    end
  end
end
