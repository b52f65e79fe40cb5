// classify MODEL PICTURE.ppm: prints the five best classes, `index score`.
#include <sardonyx/sardonyx.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <stdexcept>

namespace {

constexpr int kPixels = 224 * 224;

std::vector<float> read_picture(const char* path) {
  const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
  std::ifstream file(path, std::ios::binary);
  std::string format;
  int width = 0, height = 0, most = 0;
  std::vector<unsigned char> pixels(kPixels * 3);
  file >> format >> width >> height >> most;
  file.get();
  file.read(reinterpret_cast<char*>(pixels.data()), kPixels * 3);
  if (!file || format != "P6" || width != 224 || height != 224 || most != 255) {
    throw std::runtime_error(std::string(path) + " is no P6 picture of 224 by 224");
  }
  std::vector<float> image(kPixels * 3);
  for (int i = 0; i < kPixels * 3; ++i) {
    const int channel = i % 3, pixel = i / 3;
    image[channel * kPixels + pixel] = (pixels[i] / 255.f - mean[channel]) / deviation[channel];
  }
  return image;
}

void classify(const char* model, const char* picture) {
  const auto session = sardonyx::Session::load(model).value();
  std::vector<float> image = read_picture(picture);
  const auto input =
      sardonyx::Tensor::wrap(sardonyx::DType::kFloat32, {1, 3, 224, 224}, image.data(), nullptr);
  const auto outputs = session.run({{session.inputs()[0].name, input}}).value();

  const auto scores = outputs[0].tensor().elements<float>();
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + 5, order.end(),
                    [&](int a, int b) { return scores[a] > scores[b]; });
  for (int i = 0; i < 5; ++i) std::printf("%d %.6f\n", order[i], scores[order[i]]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: classify MODEL PICTURE.ppm\n"), 2;
  try {
    classify(argv[1], argv[2]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "error: %s\n", error.what()), 1;
  }
}
