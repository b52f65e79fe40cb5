// What concerns the whole process rather than one session. CMake defines SARDONYX_VERSION from the
// VERSION file.
#include "base/thread_pool.h"
#include "ops/random_seed.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {

const char* version() { return SARDONYX_VERSION; }

void set_random_seed(uint64_t seed) { seed_random_ops(seed); }

void set_default_threads(int threads) { set_default_thread_count(threads); }

}  // namespace sardonyx
