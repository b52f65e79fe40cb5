// Kernels of the two elementwise operators that also take strings, tiles for all other dtypes.
#pragma once

#include "ops/kernel.h"

namespace sardonyx {

Result<std::unique_ptr<Kernel>> make_where(const KernelRequest& request);
Result<std::unique_ptr<Kernel>> make_equal(const KernelRequest& request);

}  // namespace sardonyx
