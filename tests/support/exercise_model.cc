// See exercise_model.h.
#include "tests/support/exercise_model.h"

#include "model/check.h"
#include "model/read_model.h"
#include "model/text.h"
#include "model/value_file.h"
#include "model/write_model.h"

namespace sardonyx {
namespace {

// Small limits: a hostile file may not take more than this.
ReadOptions limits() {
  ReadOptions options;
  options.max_decoded_bytes = 64 << 20;
  options.max_depth = 16;
  options.load_external = false;
  return options;
}

std::string exercise_text(const Model& model, const std::string& bytes) {
  ReadOptions options = limits();
  options.max_depth = 64;  // the text counts a level for every type too
  const std::string text = to_text(model);
  const auto parsed = parse_text(text, options);
  if (!parsed) return "the text does not parse: " + parsed.error().text() + "\n" + text;
  const auto again = write_model(*parsed);
  if (!again) return "the parsed model cannot be written: " + again.error().text();
  return *again == bytes ? "" : "the text parses to another model\n" + text;
}

std::string exercise_values(std::string_view bytes) {
  for (const TypeDef::Kind kind :
       {TypeDef::Kind::kTensor, TypeDef::Kind::kSparseTensor, TypeDef::Kind::kSequence,
        TypeDef::Kind::kMap, TypeDef::Kind::kOptional}) {
    const auto value = read_value(Bytes::borrow(bytes), kind, limits());
    if (!value) continue;
    const auto written = write_value(value->value, value->name);
    if (!written) return "a value cannot be written: " + written.error().text();
    const auto again = read_value(Bytes::borrow(*written), kind, limits());
    if (!again) return "a written value cannot be read: " + again.error().text();
  }
  return "";
}

}  // namespace

std::string exercise_model(std::string_view bytes) {
  std::string complaint = exercise_values(bytes);
  if (!complaint.empty()) return complaint;
  const auto model = read_model(Bytes::borrow(bytes), limits());
  if (!model) return model.error().text().empty() ? "an error says nothing" : "";
  const auto checked = check_model(*model);
  if (!checked && checked.error().message.empty()) return "an error says nothing";
  const auto written = write_model(*model);
  if (!written) return "the model cannot be written: " + written.error().text();
  const auto again = read_model(Bytes::borrow(*written), limits());
  if (!again) return "the written model cannot be read: " + again.error().text();
  const auto rewritten = write_model(*again);
  if (!rewritten || *rewritten != *written) return "writing twice gives two models";
  return exercise_text(*model, *written);
}

}  // namespace sardonyx
