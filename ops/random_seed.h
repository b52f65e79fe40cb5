// The process's source of seeds for random operators that have no seed attribute.
#pragma once

#include <cstdint>

namespace sardonyx {

// Their next runs, in the order in which they happen, give the same numbers after the same seed.
void seed_random_ops(uint64_t seed);

}  // namespace sardonyx
