// Uses the installed library as a stranger would: runs a model that it writes itself, y = x, and
// sees the error for a file that is not there.
#include <sardonyx/sardonyx.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

// One field of the protobuf wire format that holds bytes.
std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

// One field that holds a small number.
std::string field(int number, int value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

// A float tensor of one dim, 3.
std::string value_info(const std::string& name) {
  const std::string shape = field(1, field(1, 3));
  return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)));
}

std::string identity_model() {
  const std::string node = field(1, "x") + field(2, "y") + field(4, "Identity");
  const std::string graph =
      field(1, node) + field(2, "g") + field(11, value_info("x")) + field(12, value_info("y"));
  return field(1, 8) + field(7, graph) + field(8, field(2, 17));
}

bool runs() {
  const std::string model = identity_model();
  const auto session =
      sardonyx::Session::load(std::as_bytes(std::span(model.data(), model.size())), nullptr)
          .value();
  float data[3] = {1, 2, 3};
  const auto x = sardonyx::Tensor::wrap(sardonyx::DType::kFloat32, {3}, data, {});
  const auto outputs = session.run({{"x", x}}).value();
  return outputs.size() == 1 && std::memcmp(outputs[0].tensor().data(), data, sizeof data) == 0;
}

bool reports() {
  const auto session = sardonyx::Session::load("no-such-model.onnx");
  if (session || session.error().code != sardonyx::Code::kNoSuchFile) return false;
  std::printf("sardonyx %s: %s\n", sardonyx::version(), session.error().text().c_str());
  return true;
}

}  // namespace

int main() {
  try {
    return runs() && reports() ? 0 : 1;
  } catch (const sardonyx::Exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
