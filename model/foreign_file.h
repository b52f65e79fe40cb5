// Says what bytes that are no ONNX model look like, so that the error can. Entry point:
// describe_foreign_file.
#pragma once

#include <string_view>

namespace sardonyx {

// "a ZIP archive (a PyTorch checkpoint?)", ...; empty when the bytes look like nothing known.
std::string_view describe_foreign_file(std::string_view bytes);

}  // namespace sardonyx
