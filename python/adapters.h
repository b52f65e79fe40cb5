// LoRA adapters as Python sees them: LoraAdapter and AdapterFormat. Entry point: add_adapters.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

// What is loaded is shared with the RunOptions that use it; loading again leaves those as they are.
struct PyLoraAdapter {
  std::shared_ptr<const Adapter> adapter;
};

void add_adapters(nanobind::module_& module);

}  // namespace sardonyx::python
