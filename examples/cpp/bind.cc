// bind MODEL: runs ten times into one output of its own, and prints the output's first values.
#include <sardonyx/sardonyx.h>

#include <cstdio>
#include <stdexcept>

namespace {

// A tensor of an input or output whose dims are all known.
sardonyx::Tensor make_tensor(const sardonyx::ArgInfo& info) {
  sardonyx::Shape shape;
  for (const auto& dim : info.dims) shape.push_back(dim.value);
  return sardonyx::Tensor::allocate(info.dtype, shape).value();
}

void bind(const char* model) {
  const auto session = sardonyx::Session::load(model).value();
  const auto image = make_tensor(session.inputs()[0]);
  for (int64_t i = 0; i < image.count(); ++i) image.as<float>()[i] = float(i % 256) / 255;

  // Results that already have a tensor of the right type and shape are written in place.
  std::vector<sardonyx::Value> results{make_tensor(session.outputs()[0])};
  const float* scores = results[0].tensor().as<float>();
  for (int run = 0; run < 10; ++run) {
    session.run_into({{session.inputs()[0].name, image}}, {session.outputs()[0].name}, results)
        .value();
  }
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
