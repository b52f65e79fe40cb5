// The version of the library; CMake defines SARDONYX_VERSION from the VERSION file.
#include "sardonyx/sardonyx.h"

namespace sardonyx {

const char* version() { return SARDONYX_VERSION; }

}  // namespace sardonyx
