// String operators: StringConcat, StringNormalizer, StringSplit.
#include <cctype>
#include <unordered_set>

#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kStrings = dtype_set(DType::kString);

// ---- StringConcat: with broadcasting

Result<void> infer_string_concat(InferContext& context) {
  if (!context.has_rank(0) || !context.has_rank(1)) {
    context.set_output(0, DType::kString);
    return {};
  }
  context.set_output(0, DType::kString, TRY(broadcast_dims(context.dims(0), context.dims(1))));
  return {};
}

// Position in an operand of `shape` for the linear output index.
int64_t broadcast_position(const Shape& shape, const Shape& out, int64_t index) {
  int64_t position = 0;
  int64_t stride = 1;
  for (size_t i = out.rank(); i-- > 0;) {
    const int64_t at = index % out[i];
    index /= out[i];
    if (i + shape.rank() < out.rank()) continue;
    const size_t axis = i + shape.rank() - out.rank();
    if (shape[axis] != 1) position += at * stride;
    stride *= shape[axis];
  }
  return position;
}

Result<std::unique_ptr<Kernel>> make_string_concat(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    const TensorView& y = args.inputs[1];
    const TensorView dst = args.allocate(0, DType::kString, shape);
    if (args.failed()) return;
    for (int64_t i = 0; i < shape.count(); ++i) {
      dst.as<std::string>()[i] = x.as<std::string>()[broadcast_position(x.shape, shape, i)] +
                                 y.as<std::string>()[broadcast_position(y.shape, shape, i)];
    }
  });
}

// ---- StringSplit

Result<void> infer_string_split(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kString);
    context.set_output(1, DType::kInt64);
    return {};
  }
  Dims dims = context.dims(0);
  context.set_output(1, DType::kInt64, dims);
  dims.push_back(Dim::unknown());
  context.set_output(0, DType::kString, std::move(dims));
  return {};
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Runs of blanks separate, those at the ends do not count; the last piece keeps what is left.
std::vector<std::string> split_by_blanks(const std::string& text, int64_t limit) {
  std::vector<std::string> pieces;
  size_t at = 0;
  for (;;) {
    while (at < text.size() && is_blank(text[at])) ++at;
    if (at == text.size()) return pieces;
    if (static_cast<int64_t>(pieces.size()) == limit) break;
    size_t end = at;
    while (end < text.size() && !is_blank(text[end])) ++end;
    pieces.push_back(text.substr(at, end - at));
    at = end;
  }
  size_t end = text.size();
  while (end > at && is_blank(text[end - 1])) --end;
  pieces.push_back(text.substr(at, end - at));
  return pieces;
}

std::vector<std::string> split_by(const std::string& text, const std::string& delimiter,
                                  int64_t limit) {
  std::vector<std::string> pieces;
  if (text.empty()) return pieces;
  size_t at = 0;
  while (static_cast<int64_t>(pieces.size()) < limit) {
    const size_t end = text.find(delimiter, at);
    if (end == std::string::npos) break;
    pieces.push_back(text.substr(at, end - at));
    at = end + delimiter.size();
  }
  pieces.push_back(text.substr(at));
  return pieces;
}

Result<std::unique_ptr<Kernel>> make_string_split(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const int64_t given = attrs.has("maxsplit") ? attrs.get_int("maxsplit") : -1;
  const int64_t limit = given < 0 ? INT64_MAX : given;
  const bool has_lengths = request.has_output(1);
  return make_kernel(
      [delimiter = attrs.get_string("delimiter"), limit, has_lengths](RunArgs& args) {
        const TensorView& x = args.inputs[0];
        std::vector<std::vector<std::string>> rows;
        size_t most = 0;
        for (const std::string& text : x.elements<const std::string>()) {
          rows.push_back(delimiter.empty() ? split_by_blanks(text, limit)
                                           : split_by(text, delimiter, limit));
          most = std::max(most, rows.back().size());
        }
        Shape shape = x.shape;
        shape.push_back(static_cast<int64_t>(most));
        const TensorView dst = args.allocate(0, DType::kString, shape);
        const TensorView lengths =
            has_lengths ? args.allocate(1, DType::kInt64, x.shape) : TensorView();
        if (args.failed()) return;
        for (size_t i = 0; i < rows.size(); ++i) {
          auto* to = dst.as<std::string>() + i * most;
          for (size_t k = 0; k < most; ++k) to[k] = k < rows[i].size() ? rows[i][k] : std::string();
          if (has_lengths) lengths.as<int64_t>()[i] = static_cast<int64_t>(rows[i].size());
        }
      });
}

// ---- StringNormalizer: drops stopwords, changes case

enum class CaseChange : uint8_t { kNone, kLower, kUpper };

Result<CaseChange> read_case_change(const AttrMap& attrs) {
  const std::string& action = attrs.get_string("case_change_action");
  if (action == "NONE") return CaseChange::kNone;
  if (action == "LOWER") return CaseChange::kLower;
  if (action == "UPPER") return CaseChange::kUpper;
  return fail(Code::kInvalidArgument,
              "case_change_action is '{}', expected 'NONE', 'LOWER' or 'UPPER'", action);
}

// One code point of UTF-8 at `at`, stepping over it; bytes that are no UTF-8 stand for themselves.
struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 1;
};
CodePoint decode(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  if (first < 0xC0 || first >= 0xE0 || at + 1 >= text.size()) return {first, 1};
  return {((first & 0x1F) << 6) | (byte(at + 1) & 0x3Fu), 2};
}

// The simple case pairs of Latin, Greek and Cyrillic letters of up to two bytes.
uint32_t change_case(uint32_t c, bool upper) {
  const auto pair = [&](uint32_t low, uint32_t high, uint32_t distance) -> uint32_t {
    // Capitals are [low, high]; small letters lie `distance` above.
    if (upper && c >= low + distance && c <= high + distance) return c - distance;
    if (!upper && c >= low && c <= high) return c + distance;
    return c;
  };
  if (c < 0x80) return pair('A', 'Z', 32);
  if (c == 0xD7 || c == 0xF7) return c;
  if (c >= 0xC0 && c <= 0xFE) return pair(0xC0, 0xDE, 32);
  if (c == 0xFF) return upper ? 0x178 : c;
  if (c == 0x178) return upper ? c : 0xFF;
  const bool even_capitals = (c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) ||
                             (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x481);
  if (even_capitals) return upper ? c & ~1u : c | 1u;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) {  // odd capitals
    return upper ? c - (c % 2 == 0) : c + (c % 2);
  }
  if (c >= 0x391 && c <= 0x3C9 && c != 0x3C2) return pair(0x391, 0x3A9, 32);
  if (c >= 0x410 && c <= 0x44F) return pair(0x410, 0x42F, 32);
  if (c >= 0x400 && c <= 0x45F) return pair(0x400, 0x40F, 80);
  return c;
}

std::string changed_case(const std::string& text, CaseChange change) {
  if (change == CaseChange::kNone) return text;
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    const bool whole = point.bytes == 2 || point.value < 0x80;
    const uint32_t c = whole ? change_case(point.value, change == CaseChange::kUpper) : 0;
    if (!whole) {
      result += text[at];
    } else if (c < 0x80) {
      result += static_cast<char>(c);
    } else {
      result += static_cast<char>(0xC0 | (c >> 6));
      result += static_cast<char>(0x80 | (c & 0x3F));
    }
    at += point.bytes;
  }
  return result;
}

Result<void> infer_string_normalizer(InferContext& context) {
  TRY(read_case_change(context.attrs()));
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kString);
    return {};
  }
  const int64_t rank = context.rank(0);
  const bool rank_fits =
      rank == 1 ||
      (rank == 2 && (!context.dims(0)[0].is_constant() || context.dims(0)[0] == Dim(1)));
  if (!rank_fits) {
    return fail(Code::kInvalidArgument, "{} must have the shape [C] or [1, C]",
                context.describe(0));
  }
  Dims dims = context.dims(0);
  if (context.attrs().has("stopwords")) dims.back() = Dim::unknown();
  context.set_output(0, DType::kString, std::move(dims));
  return {};
}

Result<std::unique_ptr<Kernel>> make_string_normalizer(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const CaseChange change = TRY(read_case_change(attrs));
  const bool sensitive = attrs.get_int("is_case_sensitive") != 0;
  const auto key = [sensitive](const std::string& word) {
    return sensitive ? word : changed_case(word, CaseChange::kLower);
  };
  std::unordered_set<std::string> stopwords;
  for (const std::string& word : attrs.get_strings("stopwords")) stopwords.insert(key(word));
  const bool may_drop = attrs.has("stopwords");
  return make_kernel([=](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    std::vector<std::string> kept;
    for (const std::string& word : x.elements<const std::string>()) {
      if (stopwords.count(key(word)) == 0) kept.push_back(changed_case(word, change));
    }
    // Nothing left is one empty string (spec: StringNormalizer-10).
    if (kept.empty() && may_drop) kept.emplace_back();
    Shape shape = x.shape;
    shape[shape.rank() - 1] = static_cast<int64_t>(kept.size());
    const TensorView dst = args.allocate(0, DType::kString, shape);
    if (args.failed()) return;
    std::move(kept.begin(), kept.end(), dst.as<std::string>());
  });
}

OpDef string_op(std::vector<int> versions, InferRule infer,
                Result<std::unique_ptr<Kernel>> (*make)(const KernelRequest&)) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{"X", "T", kStrings}};
  op.outputs = {{"Y", "T", kStrings}};
  op.infer = infer;
  op.kernels = {{"reference", make}};
  return op;
}

}  // namespace

OpDef op_StringConcat() {
  OpDef op = string_op({20}, infer_string_concat, make_string_concat);
  op.inputs.push_back({"Y", "T", kStrings});
  op.outputs = {{"Z", "T", kStrings}};
  return op;
}

OpDef op_StringSplit() {
  OpDef op = string_op({20}, infer_string_split, make_string_split);
  op.outputs.push_back({"Z", "", dtype_set(DType::kInt64)});
  op.attrs = {optional_attr("delimiter", FormalAttr::Kind::kString),
              optional_attr("maxsplit", FormalAttr::Kind::kInt)};
  return op;
}

OpDef op_StringNormalizer() {
  OpDef op = string_op({10}, infer_string_normalizer, make_string_normalizer);
  op.attrs = {string_attr("case_change_action", "NONE"), int_attr("is_case_sensitive", 0),
              optional_attr("locale", FormalAttr::Kind::kString),
              optional_attr("stopwords", FormalAttr::Kind::kStrings)};
  return op;
}

}  // namespace sardonyx
