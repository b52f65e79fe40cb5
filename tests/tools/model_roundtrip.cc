// Reads files and writes them again, for tests/python/test_model_files.py. Each line of standard
// input is "FORM<tab>SOURCE<tab>TARGET"; TARGET gets what the writer makes of SOURCE. Prints "ok",
// or what went wrong, for each. Forms: model (protobuf → protobuf), text (protobuf → text →
// protobuf), print (protobuf → text), parse (text → protobuf), and for files with one value tensor,
// sparse_tensor, sequence, map, optional.
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "base/mapped_file.h"
#include "model/check.h"
#include "model/read_model.h"
#include "model/text.h"
#include "model/value_file.h"
#include "model/write_model.h"

namespace {

using namespace sardonyx;

TypeDef::Kind value_kind(const std::string& form) {
  if (form == "tensor") return TypeDef::Kind::kTensor;
  if (form == "sparse_tensor") return TypeDef::Kind::kSparseTensor;
  if (form == "sequence") return TypeDef::Kind::kSequence;
  if (form == "map") return TypeDef::Kind::kMap;
  if (form == "optional") return TypeDef::Kind::kOptional;
  return TypeDef::Kind::kNone;
}

Result<std::string> roundtrip(const std::string& form, const std::string& source) {
  if (value_kind(form) != TypeDef::Kind::kNone) {
    const NamedValue read = TRY(read_value_file(source, value_kind(form)));
    return write_value(read.value, read.name);
  }
  if (form == "parse") {
    const Bytes text = TRY(map_file(source));
    const Model parsed = TRY(parse_text(text.view()));
    return write_model(parsed);
  }
  const Model model = TRY(read_model_file(source));
  TRY(check_model(model));
  if (form == "model") return write_model(model);
  const std::string text = to_text(model);
  if (form == "print") return text;
  const Model parsed = TRY(parse_text(text));
  const std::string once = TRY(write_model(model));
  const std::string again = TRY(write_model(parsed));
  if (once != again) return fail(Code::kFail, "the text parses to another model");
  return again;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream fields(line);
    std::string form, source, target;
    std::getline(fields, form, '\t');
    std::getline(fields, source, '\t');
    std::getline(fields, target, '\t');
    const Result<std::string> bytes = roundtrip(form, source);
    // Not FileWriter, which waits for the disk.
    if (bytes) std::ofstream(target, std::ios::binary) << *bytes;
    std::cout << (bytes ? "ok" : bytes.error().text()) << std::endl;
  }
}
