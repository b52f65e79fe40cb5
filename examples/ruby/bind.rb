# bind MODEL: runs ten times into one output of its own, and prints the output's first values.
require "onnxruntime"

abort "usage: bind MODEL" unless ARGV.size == 1
OnnxRuntime.ffi_lib = ENV["LIBRARY"] if ENV["LIBRARY"]
session = OnnxRuntime::InferenceSession.new(ARGV[0])
input, output = session.inputs[0], session.outputs[0]
image = OnnxRuntime::OrtValue.from_shape_and_type(input[:shape], :float)
image.data_ptr.write_array_of_float(Array.new(input[:shape].inject(:*)) { |i| i % 256 / 255.0 })
scores = OnnxRuntime::OrtValue.from_shape_and_type(output[:shape], :float)

binding = session.io_binding
binding.bind_input(input[:name], image)
binding.bind_output(output[:name], scores)
10.times { session.run_with_iobinding(binding) }
puts scores.data_ptr.read_array_of_float(5).join(" ")
