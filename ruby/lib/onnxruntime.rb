# Sardonyx for Ruby, with the API of the gem onnxruntime:
#
#   model = OnnxRuntime::Model.new("model.onnx")
#   model.predict({x: [[1, 2], [3, 4]]})    # => {"y" => [[...]]}
#
# OnnxRuntime.ffi_lib names the library (default: libonnxruntime.so.1, as the loader finds it).
require "ffi"
require "onnxruntime/table"
require "onnxruntime/value"
require "onnxruntime/types"
require "onnxruntime/ort_value"
require "onnxruntime/io_binding"
require "onnxruntime/inference_session"
require "onnxruntime/model"

module OnnxRuntime
  class Error < StandardError; end

  class << self
    attr_accessor :ffi_lib

    # The version of ONNX Runtime's C API that the library offers.
    def lib_version
      Table.version
    end
  end
  self.ffi_lib = ["libonnxruntime.so.1", "libonnxruntime.so"]
end
