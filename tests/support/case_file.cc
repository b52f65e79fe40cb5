// The parser of tests/cases/*.txt: rows, items, values.
#include "tests/support/case_file.h"

#include <fstream>

#include "base/result.h"
#include "model/text.h"
#include "tests/support/case_elements.h"

namespace sardonyx {
namespace {

// A place in the text of a row.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }
  // Whether the text goes on with `word`; if so, steps over it.
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  // The same after blanks.
  bool take_next(std::string_view word) {
    skip_blanks();
    return take(word);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  // Everything up to one of `stops` or the end.
  std::string until(std::string_view stops) {
    const size_t end = std::min(text_.find_first_of(stops, at_), text_.size());
    std::string word(text_.substr(at_, end - at_));
    at_ = end;
    return word;
  }
  // A name that stands before '=', if one does; steps over both.
  std::optional<std::string> take_name() {
    skip_blanks();
    size_t end = at_;
    while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) ||
                                  text_[end] == '_' || text_[end] == '.')) {
      ++end;
    }
    if (end == at_ || end >= text_.size() || text_[end] != '=') return std::nullopt;
    std::string name(text_.substr(at_, end - at_));
    at_ = end + 1;
    return name;
  }
  // "text" with \" \\ \n \t inside; the opening quote is next.
  Result<std::string> quoted() {
    std::string word;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[++at_];
        word += next == 'n' ? '\n' : next == 't' ? '\t' : next;
      } else {
        word += text_[at_];
      }
    }
    if (at_ == text_.size()) return fail(Code::kFail, "a string is not closed");
    ++at_;
    return word;
  }
  // The text between "{", which is next, and the "}" that belongs to it.
  Result<std::string> braced() {
    const size_t start = at_ + 1;
    int open = 0;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '{') ++open;
      if (text_[at_] == '}' && --open == 0) break;
    }
    if (peek() != '}') return fail(Code::kFail, "a body is not closed");
    return std::string(text_.substr(start, at_++ - start));
  }
  tl::unexpected<Error> error(std::string_view expected) const {
    return fail(Code::kFail, "expected {} at '{}'", expected, text_.substr(at_, 30));
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

// ---- values

// The blank-separated words up to `close`, which is stepped over; quotes are removed.
Result<std::vector<std::string>> read_words(Cursor& cursor, char close) {
  std::vector<std::string> words;
  for (;;) {
    if (cursor.at_end()) return cursor.error(std::string(1, close));
    if (cursor.peek() == close) {
      cursor.take(std::string(1, close));
      return words;
    }
    if (cursor.peek() == '"') {
      words.push_back(TRY(cursor.quoted()));
    } else {
      words.push_back(cursor.until(std::string(" \t") + close));
    }
  }
}

Result<ValueType> read_type(Cursor& cursor) {
  for (const auto& [word, kind] : {std::pair("seq<", ValueType::Kind::kSequence),
                                   std::pair("opt<", ValueType::Kind::kOptional)}) {
    if (!cursor.take_next(word)) continue;
    ValueType element = TRY(read_type(cursor));
    if (!cursor.take_next(">")) return cursor.error(">");
    return kind == ValueType::Kind::kSequence ? ValueType::sequence(std::move(element))
                                              : ValueType::optional(std::move(element));
  }
  const std::string name = cursor.until(" \t<>[({=");
  const DType dtype = case_dtype(name);
  if (dtype == DType::kUndefined) return fail(Code::kFail, "'{}' is no dtype", name);
  return ValueType::tensor(dtype);
}

struct Parsed {
  ValueType type;
  std::optional<Value> value;  // none for "f32[3]" alone
  std::vector<size_t> negative_zeros;
};

// Values that have no seed of their own get different ones.
struct Seeds {
  uint64_t next = 1;
};

Result<Parsed> read_value(Cursor& cursor, Seeds& seeds);

Result<std::vector<Value>> read_items(Cursor& cursor, Seeds& seeds, ValueType& element) {
  std::vector<Value> items;
  while (!cursor.take_next(")")) {
    Parsed item = TRY(read_value(cursor, seeds));
    if (!item.value) return cursor.error("a value with elements");
    element = item.type;
    if (element.is_tensor()) element.dims.reset();
    items.push_back(std::move(*item.value));
  }
  return items;
}

Result<Parsed> read_sequence(Cursor& cursor, Seeds& seeds) {
  ValueType element;
  if (cursor.take("<")) {
    element = TRY(read_type(cursor));
    if (!cursor.take_next(">")) return cursor.error(">");
  }
  if (!cursor.take_next("(")) return cursor.error("(");
  std::vector<Value> items = TRY(read_items(cursor, seeds, element));
  const DType dtype = element.dtype;
  return Parsed{ValueType::sequence(element), Value::sequence(std::move(items), dtype), {}};
}

// "2,3]"
Result<Shape> read_shape(Cursor& cursor) {
  Shape shape;
  for (const std::string& dims : TRY(read_words(cursor, ']'))) {
    size_t at = 0;
    while (at < dims.size()) {
      const size_t comma = std::min(dims.find(',', at), dims.size());
      shape.push_back(std::strtoll(dims.c_str() + at, nullptr, 10));
      at = comma + 1;
    }
  }
  return shape;
}

Result<Parsed> read_tensor(Cursor& cursor, Seeds& seeds) {
  Parsed parsed;
  parsed.type = TRY(read_type(cursor));
  if (!cursor.take("[")) return cursor.error("[");
  const Shape shape = TRY(read_shape(cursor));
  parsed.type.dims = to_dims(shape);
  if (!cursor.take("{")) return parsed;
  const std::vector<std::string> words = TRY(read_words(cursor, '}'));
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "-0" || words[i] == "-0.0") parsed.negative_zeros.push_back(i);
  }
  parsed.value = Value(TRY(make_elements(parsed.type.dtype, shape, words, seeds.next++)));
  return parsed;
}

Result<Parsed> read_sparse(Cursor& cursor, Seeds& seeds) {
  SparseTensor sparse;
  sparse.dense_shape = TRY(read_shape(cursor));
  if (!cursor.take_next("(")) return cursor.error("(");
  const Parsed indices = TRY(read_value(cursor, seeds));
  const Parsed values = TRY(read_value(cursor, seeds));
  if (!indices.value || !values.value || !cursor.take_next(")")) {
    return cursor.error("indices, values and )");
  }
  sparse.indices = indices.value->tensor();
  sparse.values = values.value->tensor();
  ValueType type = ValueType::tensor(values.type.dtype, to_dims(sparse.dense_shape));
  type.kind = ValueType::Kind::kSparse;
  return Parsed{std::move(type), Value::sparse(std::move(sparse)), {}};
}

Result<Parsed> read_value(Cursor& cursor, Seeds& seeds) {
  cursor.skip_blanks();
  if (cursor.take("seq")) return read_sequence(cursor, seeds);
  if (cursor.take("sparse[")) return read_sparse(cursor, seeds);
  if (cursor.take("none<")) {
    ValueType element = TRY(read_type(cursor));
    if (!cursor.take_next(">")) return cursor.error(">");
    return Parsed{ValueType::optional(std::move(element)), Value::optional(), {}};
  }
  if (cursor.take("some(")) {
    Parsed inner = TRY(read_value(cursor, seeds));
    if (!inner.value || !cursor.take_next(")")) return cursor.error("one value and )");
    return Parsed{ValueType::optional(inner.type), Value::optional(std::move(*inner.value)), {}};
  }
  if (cursor.take("map(")) {
    Parsed keys = TRY(read_value(cursor, seeds));
    Parsed values = TRY(read_value(cursor, seeds));
    if (!keys.value || !values.value || !cursor.take_next(")")) return cursor.error("keys, values");
    return Parsed{ValueType::map(keys.type.dtype, ValueType::tensor(values.type.dtype)),
                  Value::map(keys.value->tensor(), values.value->tensor()),
                  {}};
  }
  return read_tensor(cursor, seeds);
}

// ---- attributes

bool looks_like_float(const std::string& word) {
  return word.find_first_of(".enif") != std::string::npos && !word.starts_with("0x");
}

template <class T>
std::vector<T> numbers(const std::vector<std::string>& words) {
  std::vector<T> result;
  for (const std::string& word : words) {
    if constexpr (std::is_same_v<T, float>) {
      result.push_back(std::strtof(word.c_str(), nullptr));
    } else {
      result.push_back(std::strtoll(word.c_str(), nullptr, 0));
    }
  }
  return result;
}

Result<Attr> read_list(Cursor& cursor, std::optional<FormalAttr::Kind> kind) {
  cursor.skip_blanks();
  const bool strings = cursor.peek() == '"' || kind == FormalAttr::Kind::kStrings;
  const std::vector<std::string> words = TRY(read_words(cursor, ']'));
  if (strings) return Attr(words);
  const bool floats = kind ? *kind == FormalAttr::Kind::kFloats
                           : std::any_of(words.begin(), words.end(), looks_like_float);
  if (floats) return Attr(numbers<float>(words));
  return Attr(numbers<int64_t>(words));
}

Result<Attr> read_attr(Cursor& cursor, Seeds& seeds, std::optional<FormalAttr::Kind> kind) {
  cursor.skip_blanks();
  if (cursor.peek() == '"') return Attr(TRY(cursor.quoted()));
  if (cursor.take("[")) return read_list(cursor, kind);
  if (kind == FormalAttr::Kind::kType) return Attr(TRY(read_type(cursor)));
  const char first = cursor.peek();
  if (kind == FormalAttr::Kind::kTensor ||
      (std::isalpha(static_cast<unsigned char>(first)) && kind != FormalAttr::Kind::kFloat)) {
    Parsed parsed = TRY(read_value(cursor, seeds));
    if (!parsed.value || !parsed.value->is_tensor()) return cursor.error("a tensor with elements");
    return Attr(parsed.value->tensor());
  }
  const std::string word = cursor.until(" \t");
  const bool is_float = kind == FormalAttr::Kind::kFloat ||
                        (kind != FormalAttr::Kind::kInt && looks_like_float(word));
  if (is_float) return Attr(std::strtof(word.c_str(), nullptr));
  return Attr(static_cast<int64_t>(std::strtoll(word.c_str(), nullptr, 0)));
}

// A graph in ONNX's text form between braces.
Result<AttrDef> read_body(Cursor& cursor, const std::string& name) {
  cursor.skip_blanks();
  if (cursor.peek() != '{') return cursor.error("{a graph}");
  const std::string text = "<ir_version: 10, opset_import: [\"\": 1]> " + TRY(cursor.braced());
  AttrDef body;
  body.name = name;
  body.type = AttrType::kGraph;
  body.graphs.push_back(TRY(parse_text(text)).graph);
  return body;
}

// ---- rows

std::optional<FormalAttr::Kind> formal_kind(const OpDef* op, const std::string& name) {
  if (op == nullptr) return std::nullopt;
  for (const FormalAttr& attr : op->attrs) {
    if (attr.name == name && attr.kind != FormalAttr::Kind::kAny) return attr.kind;
  }
  return std::nullopt;
}

std::optional<size_t> formal_input(const OpDef* op, const std::string& name) {
  if (op == nullptr) return std::nullopt;
  for (size_t i = 0; i < op->inputs.size(); ++i) {
    if (op->inputs[i].name == name) return i;
  }
  return std::nullopt;
}

Result<void> read_items_of_row(Cursor& cursor, const OpDef* op, Seeds& seeds, Case& row) {
  while (!cursor.take_next("->")) {
    if (cursor.at_end()) return cursor.error("->");
    const auto name = cursor.take_name();
    const auto input = name ? formal_input(op, *name) : std::nullopt;
    const auto kind = name ? formal_kind(op, *name) : std::nullopt;
    if (name && kind == FormalAttr::Kind::kGraph) {
      row.bodies.push_back(TRY(read_body(cursor, *name)));
      continue;
    }
    if (name && (kind || !input)) {
      row.attrs.set(*name, TRY(read_attr(cursor, seeds, kind)));
      continue;
    }
    const size_t index = input.value_or(row.inputs.size());
    if (index < row.inputs.size() && row.inputs[index].value) {
      return fail(Code::kFail, "input '{}' is given twice", *name);
    }
    row.inputs.resize(std::max(row.inputs.size(), index + 1));
    if (!name && cursor.take_next("_")) continue;
    Parsed parsed = TRY(read_value(cursor, seeds));
    if (!parsed.value) return cursor.error("elements: {...}");
    row.inputs[index] = {std::move(parsed.value), std::move(parsed.type)};
  }
  return {};
}

Result<CaseResult> read_result(Cursor& cursor, Seeds& seeds) {
  CaseResult result;
  if (cursor.take_next("?")) return result;
  if (cursor.take_next("_")) {
    result.kind = CaseResult::Kind::kOmitted;
    return result;
  }
  Parsed parsed = TRY(read_value(cursor, seeds));
  result.kind = parsed.value ? CaseResult::Kind::kValue : CaseResult::Kind::kTypeOnly;
  result.type = std::move(parsed.type);
  if (parsed.value) result.value = std::move(*parsed.value);
  result.negative_zeros = std::move(parsed.negative_zeros);
  return result;
}

Result<void> read_results(Cursor& cursor, Seeds& seeds, Case& row) {
  while (!cursor.at_end()) {
    if (cursor.take("error ")) {
      cursor.skip_blanks();
      if (cursor.peek() != '"') return cursor.error("a string");
      row.error = TRY(cursor.quoted());
    } else if (cursor.take("tol=")) {
      row.tolerance = std::strtod(cursor.until(" \t").c_str(), nullptr);
    } else if (cursor.take("random")) {
      row.random = true;
    } else if (cursor.take("needs=")) {
      row.needs = cursor.until(" \t");
    } else {
      cursor.take_name();
      row.results.push_back(TRY(read_result(cursor, seeds)));
    }
  }
  if (row.results.empty() && !row.error) return fail(Code::kFail, "no result is given");
  return {};
}

Result<Case> read_row(const std::string& text) {
  Case row;
  row.text = text;
  Cursor cursor(text);
  std::string op_type = cursor.until(" \t");
  if (const size_t at = op_type.find('@'); at != std::string::npos) {
    row.opset = std::strtoll(op_type.c_str() + at + 1, nullptr, 10);
    op_type.resize(at);
  }
  if (const size_t dot = op_type.rfind('.'); dot != std::string::npos) {
    row.domain = op_type.substr(0, dot);
    op_type.erase(0, dot + 1);
  }
  row.op_type = op_type;
  const OpDef* op = find_op(row.domain, row.op_type);
  Seeds seeds;
  TRY(read_items_of_row(cursor, op, seeds, row));
  TRY(read_results(cursor, seeds, row));
  return row;
}

}  // namespace

Result<std::vector<Case>> read_case_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Code::kNoSuchFile, "cannot open {}", path);
  std::vector<std::pair<int, std::string>> rows;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const size_t text = line.find_first_not_of(" \t\r");
    if (text == std::string::npos || line[text] == '#') continue;
    if (text > 0 && !rows.empty()) {
      rows.back().second += ' ' + line.substr(text);
    } else {
      rows.emplace_back(number, line);
    }
  }
  std::vector<Case> cases;
  for (const auto& [number, text] : rows) {
    const std::string place = fmt::format("{}:{}", path, number);
    cases.push_back(TRY_AT(place, read_row(text)));
    cases.back().place = place;
  }
  return cases;
}

}  // namespace sardonyx
