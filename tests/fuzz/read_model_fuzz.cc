// libFuzzer target: any bytes through the model room (make test-all runs it for a minute).
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/support/exercise_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string complaint =
      sardonyx::exercise_model({reinterpret_cast<const char*>(data), size});
  if (!complaint.empty()) {
    std::fprintf(stderr, "%s\n", complaint.c_str());
    std::abort();
  }
  return 0;
}
