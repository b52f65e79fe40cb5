// bind MODEL: runs ten times into one output of its own, and prints the output's first values.
#include <onnxruntime_cxx_api.h>

#include <cstdio>
#include <vector>

namespace {

void bind(const char* model) {
  Ort::Env env(ORT_LOGGING_LEVEL_WARNING, "bind");
  Ort::Session session(env, model, Ort::SessionOptions{});
  Ort::AllocatorWithDefaultOptions allocator;
  const auto input_name = session.GetInputNameAllocated(0, allocator);
  const auto output_name = session.GetOutputNameAllocated(0, allocator);
  const auto output_shape = session.GetOutputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();

  const std::vector<int64_t> input_shape{1, 3, 224, 224};
  std::vector<float> image(3 * 224 * 224), scores(output_shape.at(0) * output_shape.at(1));
  for (size_t i = 0; i < image.size(); ++i) image[i] = float(i % 256) / 255;
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const auto tensor = [&](std::vector<float>& data, const std::vector<int64_t>& shape) {
    return Ort::Value::CreateTensor<float>(memory, data.data(), data.size(), shape.data(),
                                           shape.size());
  };

  Ort::IoBinding binding(session);
  binding.BindInput(input_name.get(), tensor(image, input_shape));
  binding.BindOutput(output_name.get(), tensor(scores, output_shape));
  for (int run = 0; run < 10; ++run) session.Run(Ort::RunOptions{}, binding);
  for (int i = 0; i < 5; ++i) std::printf("%.9g%c", scores[i], i < 4 ? ' ' : '\n');
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: bind MODEL\n"), 2;
  try {
    bind(argv[1]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "error: %s\n", error.what()), 1;
  }
}
