// com.microsoft Tokenizer: every string becomes a row of tokens: what lies between separators, or
// what an expression finds; rows are padded to the same length.
#include <algorithm>

#include "ops/op.h"
#include "ops/regex.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> infer_tokenizer(InferContext& context) {
  const AttrMap& attrs = context.attrs();
  const bool has_separators = !attrs.get_strings("separators").empty();
  if (has_separators == attrs.has("tokenexp")) {
    return fail(Code::kInvalidGraph, "needs either separators or tokenexp");
  }
  if (attrs.get_int("mincharnum") < 1) {
    return fail(Code::kInvalidGraph, "mincharnum is {}, expected 1 or more",
                attrs.get_int("mincharnum"));
  }
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kString);
    return {};
  }
  if (context.rank(0) < 1 || context.rank(0) > 2) {
    return fail(Code::kInvalidArgument, "{} must have rank 1 or 2", context.describe(0));
  }
  Dims dims = context.dims(0);
  dims.push_back(Dim::unknown());
  context.set_output(0, DType::kString, dims);
  return {};
}

size_t character_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xc0 ? 1 : (byte < 0xe0 ? 2 : (byte < 0xf0 ? 3 : 4));
}

int64_t count_characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

using Row = std::vector<std::string>;

class Tokenizer {
 public:
  static Result<Tokenizer> make(const AttrMap& attrs) {
    Tokenizer made;
    made.least_ = attrs.get_int("mincharnum");
    const std::vector<std::string>& separators = attrs.get_strings("separators");
    made.by_character_ =
        attrs.get_string("tokenexp") == "." || (separators.size() == 1 && separators[0].empty());
    if (made.by_character_) return made;
    for (const std::string& separator : separators) {
      made.separators_.push_back(TRY(Regex::compile(separator)));
    }
    if (separators.empty()) made.token_ = TRY(Regex::compile(attrs.get_string("tokenexp")));
    return made;
  }

  Result<Row> tokens(const std::string& text) const {
    if (by_character_) return characters(text);
    if (separators_.empty()) return found(text);
    Row row = {text};
    for (const Regex& separator : separators_) {
      Row parts;
      for (const std::string& part : row) TRY(cut(separator, part, parts));
      row = std::move(parts);
    }
    return row;
  }

 private:
  static Row characters(const std::string& text) {
    Row row;
    for (size_t at = 0; at < text.size();) {
      const size_t bytes = std::min(character_bytes(text[at]), text.size() - at);
      row.push_back(text.substr(at, bytes));
      at += bytes;
    }
    return row;
  }

  void add(Row& row, std::string token) const {
    if (count_characters(token) >= least_) row.push_back(std::move(token));
  }

  // Where to look on: behind the match, and behind one character where it is empty.
  static size_t after(const std::string& text, const RegexMatch& match) {
    if (match.end > match.begin || match.end >= text.size()) return match.end;
    return match.end + character_bytes(text[match.end]);
  }

  Result<void> cut(const Regex& separator, const std::string& text, Row& parts) const {
    size_t from = 0;
    while (from <= text.size()) {
      const auto match = TRY(separator.find(text, from));
      if (!match) break;
      add(parts, text.substr(from, match->begin - from));
      const size_t next = after(text, *match);
      if (next == from) break;
      from = next;
    }
    if (from < text.size()) add(parts, text.substr(from));
    return {};
  }

  Result<Row> found(const std::string& text) const {
    Row row;
    size_t from = 0;
    while (from < text.size()) {
      const auto match = TRY(token_.find(text, from));
      if (!match) break;
      add(row, text.substr(match->begin, match->end - match->begin));
      from = after(text, *match);
    }
    return row;
  }

  int64_t least_ = 1;
  bool by_character_ = false;
  std::vector<Regex> separators_;
  Regex token_;
};

void run(const Tokenizer& tokenizer, bool mark, const std::string& pad, RunArgs& args) {
  const TensorView& x = args.inputs[0];
  std::vector<Row> rows;
  size_t longest = 0;
  for (int64_t i = 0; i < x.count(); ++i) {
    auto row = tokenizer.tokens(x.as<std::string>()[i]);
    if (!row) {
      return args.report(Code::kFail,
                         fmt::format("the pattern on string {}: {}", i, row.error().message));
    }
    longest = std::max(longest, row->size());
    rows.push_back(std::move(*row));
  }
  if (mark && longest > 0) {
    longest += 2;
    for (Row& row : rows) {
      row.insert(row.begin(), "\x02");
      row.push_back("\x03");
    }
  }
  Shape shape = x.shape;
  shape.push_back(static_cast<int64_t>(longest));
  const TensorView dst = args.allocate(0, DType::kString, shape);
  if (args.failed()) return;
  auto* to = dst.as<std::string>();
  for (Row& row : rows) {
    row.resize(longest, pad);
    for (std::string& token : row) *to++ = std::move(token);
  }
}

Result<std::unique_ptr<Kernel>> make_tokenizer(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const Tokenizer tokenizer = TRY(Tokenizer::make(attrs));
  const bool mark = attrs.get_int("mark") != 0;
  const std::string pad = attrs.get_string("pad_value");
  return make_kernel([tokenizer, mark, pad](RunArgs& args) { run(tokenizer, mark, pad, args); });
}

}  // namespace

OpDef op_Tokenizer() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", dtype_set(DType::kString)}};
  op.outputs = {{"Y", "T", dtype_set(DType::kString)}};
  op.attrs = {required_attr("mark", Kind::kInt), required_attr("mincharnum", Kind::kInt),
              required_attr("pad_value", Kind::kString),
              optional_attr("separators", Kind::kStrings),
              optional_attr("tokenexp", Kind::kString)};
  op.infer = infer_tokenizer;
  op.kernels = {{"automaton", make_tokenizer}};
  return op;
}

}  // namespace sardonyx
