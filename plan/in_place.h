// Concat and Split without copies. A tensor that is only joined to others is computed where it
// goes, inside of the whole, and a piece is read where it lies: kernels are told how far apart rows
// are (Kernel::gives_stride, takes_stride). Entry point: place_parts.
#pragma once

#include <vector>

#include "plan/plan.h"

namespace sardonyx {

// What the layout of a plan's memory goes by; both by index.
struct PartsOfPlan {
  std::vector<bool> is_part;   // roots that are in plan.parts
  std::vector<bool> needless;  // steps that have nothing left to do
};

// Fills plan.parts, and tells kernels. needs_slot: roots that come as Values. last_use: the last
// step that reads a root, `steps.size()` where something after the plan does; raised where parts of
// a root are read later than the root.
PartsOfPlan place_parts(const Graph& graph, Plan& plan, const std::vector<bool>& needs_slot,
                        std::vector<int>& last_use);

}  // namespace sardonyx
