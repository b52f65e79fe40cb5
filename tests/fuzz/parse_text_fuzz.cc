// libFuzzer target: any text through the parser; what parses must print and parse back.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "model/text.h"
#include "model/write_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sardonyx;
  ReadOptions options;
  options.max_depth = 32;
  const auto model = parse_text({reinterpret_cast<const char*>(data), size}, options);
  if (!model) return 0;
  const std::string text = to_text(*model);
  const auto again = parse_text(text, options);
  if (!again || to_text(*again) != text) {
    std::fprintf(stderr, "%s\n", again ? text.c_str() : again.error().text().c_str());
    std::abort();
  }
  return 0;
}
