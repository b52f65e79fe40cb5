// Kernels of the two elementwise operators that also take strings.
#pragma once

#include "ops/kernel.h"

namespace sardonyx {

Result<std::unique_ptr<Kernel>> make_where_strings(const KernelRequest& request);
Result<std::unique_ptr<Kernel>> make_equal_strings(const KernelRequest& request);

}  // namespace sardonyx
