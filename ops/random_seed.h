// Numbers of random operators, and the process's source of seeds for those that have none.
#pragma once

#include <cstdint>

namespace sardonyx {

// Their next runs, in the order in which they happen, give the same numbers after the same seed.
void seed_random_ops(uint64_t seed);

// What the next run without a seed of its own starts from.
uint64_t next_random_seed();
// Number `index` of a seed's, in [0, 1).
double random_unit(uint64_t seed, uint64_t index);

}  // namespace sardonyx
