// Uses the installed library as a stranger would: its version, and the error for a file that is
// not there.
#include <sardonyx/sardonyx.h>

#include <cstdio>
#include <string_view>

int main() {
  auto session = sardonyx::Session::load("no-such-model.onnx");
  if (session) return 1;
  if (session.error().code != sardonyx::Code::kNoSuchFile) return 1;
  std::printf("sardonyx %s: %s\n", sardonyx::version(), session.error().text().c_str());
  return std::string_view(sardonyx::version()).empty() ? 1 : 0;
}
