// Custom operators as Python callables: CustomOp, CustomNode. Entry point: add_custom_ops.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

struct PyCustomOp {
  std::shared_ptr<const CustomOp> op;
};

void add_custom_ops(nanobind::module_& module);

}  // namespace sardonyx::python
