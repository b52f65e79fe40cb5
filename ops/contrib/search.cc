// See ops/contrib/search.h.
#include "ops/contrib/search.h"

#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

bool given(const RunArgs& args, size_t index) {
  return index != 0 && index < args.inputs.size() && args.inputs[index].data != nullptr &&
         args.inputs[index].count() > 0;
}

ModelKind kind_of(const AttrMap& attrs) {
  return static_cast<ModelKind>(attrs.get_int("model_type"));
}

// Whether a model may look at each token of a text: what the mask says, or else all but padding;
// of an encoder's text but the padding in front, as ONNX Runtime has it.
Result<std::vector<int32_t>> shown_tokens(const RunArgs& args, const Search& search, size_t mask,
                                          ModelKind kind) {
  const std::span<const int32_t> ids = args.inputs[0].elements<const int32_t>();
  const std::span<const int32_t> marks = ints_of(args, mask);
  if (!marks.empty() && marks.size() != ids.size()) {
    return fail(Code::kInvalidArgument, "attention_mask has {} numbers, input_ids {}", marks.size(),
                ids.size());
  }
  if (!marks.empty()) return std::vector<int32_t>(marks.begin(), marks.end());
  const auto length = static_cast<size_t>(args.inputs[0].shape[1]);
  std::vector<int32_t> shown(ids.size(), 1);
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool counts = kind == ModelKind::kDecoder || i % length == 0 || shown[i - 1] == 0;
    if (counts && ids[i] == search.pad) shown[i] = 0;
  }
  return shown;
}

}  // namespace

std::span<const int32_t> ints_of(const RunArgs& args, size_t index) {
  if (!given(args, index)) return {};
  return args.inputs[index].elements<const int32_t>();
}

int64_t int_of(const RunArgs& args, size_t index, int64_t fallback) {
  const std::span<const int32_t> numbers = ints_of(args, index);
  return numbers.empty() ? fallback : numbers[0];
}

float float_of(const RunArgs& args, size_t index, float fallback) {
  if (!given(args, index)) return fallback;
  visit_float(args.inputs[index].dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    fallback = static_cast<float>(widen(args.inputs[index].as<T>()[0]));
  });
  return fallback;
}

Result<void> infer_search(InferContext& context) {
  TRY(check_token_model(context));
  const ModelKind kind = kind_of(context.attrs());
  const bool is_text = kind != ModelKind::kSpeechEncoder;
  if ((context.dtype(0) == DType::kInt32) != is_text) {
    return fail(Code::kInvalidArgument, "{} must be {} for model_type {}", context.describe(0),
                is_text ? "int32" : "floats", static_cast<int64_t>(kind));
  }
  return expect_rank(context, 0, is_text ? 2 : 3);
}

Result<Search> read_search(const RunArgs& args, const AttrMap& attrs, const SearchInputs& at) {
  Search search;
  search.batch = args.inputs[0].shape[0];
  search.prompt = args.inputs[0].shape[1];
  if (kind_of(attrs) != ModelKind::kDecoder) {
    search.prompt = 1;
    if (given(args, at.decoder_ids)) {
      const Shape& shape = args.inputs[at.decoder_ids].shape;
      if (shape.rank() != 2 || shape[0] != search.batch) {
        return fail(Code::kInvalidArgument, "decoder_input_ids are {} for {} items",
                    shape.to_string(), search.batch);
      }
      search.prompt = shape[1];
    }
  }
  search.most = int_of(args, 1, 0);
  search.beams = int_of(args, at.beams, 1);
  search.returned = int_of(args, at.returned, 1);
  search.length_penalty = float_of(args, at.length_penalty, 1);
  search.rules.min_length = int_of(args, 2, 0);
  search.rules.repetition_penalty = float_of(args, at.repetition_penalty, 1);
  search.rules.temperature = float_of(args, at.temperature, 1);
  search.rules.no_repeat_ngram = attrs.get_int("no_repeat_ngram_size");
  search.rules.eos = static_cast<int32_t>(attrs.get_int("eos_token_id"));
  search.rules.vocab_mask = ints_of(args, at.vocab_mask);
  search.pad = static_cast<int32_t>(attrs.get_int("pad_token_id"));
  constexpr int64_t kMost = 1 << 20;
  if (search.batch < 1 || search.prompt < 1 || search.most <= search.prompt ||
      search.most > kMost || search.beams < 1 || search.beams > 4096 || search.returned < 1 ||
      search.returned > search.beams) {
    return fail(Code::kInvalidArgument,
                "what is to be continued is {}x{}, max_length is {}, num_beams {}, "
                "num_return_sequences {}",
                search.batch, search.prompt, search.most, search.beams, search.returned);
  }
  return search;
}

Result<Prompts> read_prompts(const RunArgs& args, const AttrMap& attrs, const Search& search,
                             const SearchInputs& at) {
  const ModelKind kind = kind_of(attrs);
  Prompts prompts;
  prompts.beams = search.beams;
  std::vector<int32_t> shown;
  if (kind != ModelKind::kSpeechEncoder) {
    shown = TRY(shown_tokens(args, search, at.attention_mask, kind));
  }
  const bool has_ids = given(args, at.decoder_ids);
  if (kind == ModelKind::kDecoder && has_ids) {
    return fail(Code::kInvalidArgument,
                "decoder_input_ids are for a decoder behind an encoder; leave them out");
  }
  const auto start = static_cast<int32_t>(attrs.get_int("decoder_start_token_id"));
  if (kind != ModelKind::kDecoder && !has_ids && start < 0) {
    return fail(Code::kInvalidArgument,
                "decoder_start_token_id is {}, but the decoder begins with it", start);
  }
  const auto length = static_cast<size_t>(search.prompt);
  TokenRow ids(static_cast<size_t>(search.batch) * length, start);
  const size_t source = kind == ModelKind::kDecoder ? 0 : at.decoder_ids;
  if (kind == ModelKind::kDecoder || has_ids) {
    const std::span<const int32_t> tokens = args.inputs[source].elements<const int32_t>();
    ids.assign(tokens.begin(), tokens.end());
  }
  for (int64_t row = 0; row < search.batch * search.beams; ++row) {
    const int64_t first = row / search.beams * search.prompt;
    prompts.rows.emplace_back(ids.begin() + first, ids.begin() + first + search.prompt);
    if (kind != ModelKind::kDecoder) continue;
    prompts.mask.insert(prompts.mask.end(), shown.begin() + first,
                        shown.begin() + first + search.prompt);
  }
  if (kind == ModelKind::kTextEncoder) prompts.mask = std::move(shown);
  return prompts;
}

TokenRules rules_of(const RunArgs& args, const Search& search, const SearchInputs& at, int64_t item,
                    bool first, size_t words) {
  TokenRules rules = search.rules;
  const std::span<const int32_t> prefix = ints_of(args, at.prefix_mask);
  const size_t begin = static_cast<size_t>(item) * words;
  if (first && prefix.size() >= begin + words) rules.prefix_mask = prefix.subspan(begin, words);
  return rules;
}

std::vector<float> row_of(const std::vector<float>& scores, size_t row, size_t words) {
  const auto begin = scores.begin() + static_cast<int64_t>(row * words);
  return {begin, begin + static_cast<int64_t>(words)};
}

std::vector<FormalAttr> search_attrs() {
  using Kind = FormalAttr::Kind;
  return {required_attr("decoder", Kind::kGraph),
          int_attr("decoder_start_token_id", -1),
          optional_attr("encoder", Kind::kGraph),
          required_attr("eos_token_id", Kind::kInt),
          optional_attr("init_decoder", Kind::kGraph),
          int_attr("model_type", 0),
          int_attr("no_repeat_ngram_size", 0),
          required_attr("pad_token_id", Kind::kInt),
          int_attr("vocab_size", -1)};
}

FormalParam search_ints(const char* name, Form form) {
  return {name, "I", dtype_set(DType::kInt32), form};
}
FormalParam search_floats(const char* name) {
  return {name, "T", dtype_set(DType::kFloat32, DType::kFloat16), Form::kOptional};
}

}  // namespace sardonyx
