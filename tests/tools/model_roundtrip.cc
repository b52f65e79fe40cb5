// Reads models and writes them again, for tests/python/test_model_files.py. Each line of standard
// input is "SOURCE<tab>TARGET"; TARGET gets what write_model makes of SOURCE. Prints "ok", or what
// went wrong, for each.
#include <fstream>
#include <iostream>
#include <string>

#include "model/read_model.h"
#include "model/write_model.h"

namespace {

sardonyx::Result<void> roundtrip(const std::string& source, const std::string& target) {
  const sardonyx::Model model = TRY(sardonyx::read_model_file(source));
  const std::string bytes = TRY(sardonyx::write_model(model));
  // Not write_model_file, which waits for the disk.
  std::ofstream(target, std::ios::binary) << bytes;
  return {};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const size_t tab = line.find('\t');
    const auto done = roundtrip(line.substr(0, tab), line.substr(tab + 1));
    std::cout << (done ? "ok" : done.error().text()) << '\n';
  }
}
