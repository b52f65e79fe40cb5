# Sardonyx for Ruby: the API of the gem onnxruntime over libonnxruntime.so.1.
Gem::Specification.new do |spec|
  spec.name = "sardonyx-onnxruntime"
  spec.version = File.read(File.join(__dir__, "..", "VERSION")).strip
  spec.summary = "Runs ONNX models, with the API of the gem onnxruntime"
  spec.authors = ["The Sardonyx authors"]
  spec.license = "Apache-2.0"
  spec.required_ruby_version = ">= 3.0"
  spec.files = Dir["lib/**/*.rb"]
  spec.add_dependency "ffi"
end
