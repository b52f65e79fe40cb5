// Libraries of custom operators that were built for ONNX Runtime, for doors other than the C ABI.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx::capi {

// Loads the library, which stays loaded, and gives the operators that it registers.
Result<std::vector<std::shared_ptr<const CustomOp>>> load_custom_ops(const std::string& path);

}  // namespace sardonyx::capi
