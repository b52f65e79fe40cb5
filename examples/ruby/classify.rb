# classify MODEL PICTURE.ppm: prints the five best classes, `index score`.
require "onnxruntime"

PIXELS = 224 * 224
MEAN = [0.485, 0.456, 0.406].freeze
DEVIATION = [0.229, 0.224, 0.225].freeze

def read_picture(path)
  header = "P6\n224 224\n255\n".b
  file = File.binread(path)
  unless file.start_with?(header) && file.bytesize == header.bytesize + 3 * PIXELS
    abort "error: #{path} is no P6 picture of 224 by 224"
  end
  pixels = file.byteslice(header.bytesize..).bytes
  Array.new(3) do |channel|
    Array.new(224) do |row|
      Array.new(224) { |column| (pixels[(row * 224 + column) * 3 + channel] / 255.0 - MEAN[channel]) / DEVIATION[channel] }
    end
  end
end

abort "usage: classify MODEL PICTURE.ppm" unless ARGV.size == 2
OnnxRuntime.ffi_lib = ENV["LIBRARY"] if ENV["LIBRARY"]
model = OnnxRuntime::Model.new(ARGV[0])
scores = model.predict({ model.inputs[0][:name] => [read_picture(ARGV[1])] }).values[0][0]
scores.each_with_index.max_by(5) { |score, _| score }.each { |score, index| printf("%d %.6f\n", index, score) }
