# Sardonyx for Ruby, with the API of the gem onnxruntime:
#
#   model = OnnxRuntime::Model.new("model.onnx")
#   model.predict({x: [[1, 2], [3, 4]]})    # => {"y" => [[...]]}
#
# OnnxRuntime.ffi_lib names the library (default: libonnxruntime.so.1, as the loader finds it).
require "ffi"
require "onnxruntime/table"
require "onnxruntime/value"
require "onnxruntime/inference_session"
require "onnxruntime/model"

module OnnxRuntime
  class Error < StandardError; end

  class << self
    attr_accessor :ffi_lib
  end
  self.ffi_lib = ["libonnxruntime.so.1", "libonnxruntime.so"]
end
