// com.microsoft BeamSearch and WhisperBeamSearch: several ways on for each item, of which those
// with the best sums of log probabilities go on.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/bodies.h"
#include "ops/contrib/search.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr SearchInputs kBeamInputs = {3, 4, 5, 6, 7, 8, 9, 10, 11, 0};
constexpr SearchInputs kWhisperInputs = {3, 4, 5, 6, 7, 8, 9, 10, 11, 14};
constexpr size_t kSequenceScores = 1, kScores = 2, kCrossProducts = 3, kNoSpeech = 4;
constexpr size_t kLengthPenalty = 5, kRepetitionPenalty = 6;

// The float type of the operator is that of its penalties.
template <class Operands>
DType float_type(const Operands& inputs) {
  for (const size_t i : {kLengthPenalty, kRepetitionPenalty}) {
    if (inputs(i) != DType::kUndefined) return inputs(i);
  }
  return DType::kFloat32;
}

Result<void> infer_beam(InferContext& context) {
  TRY(infer_search(context));
  const Dim batch = context.has_rank(0) ? context.dims(0)[0] : Dim::unknown();
  const DType dtype = float_type([&](size_t index) {
    return context.has_input(index) ? context.dtype(index) : DType::kUndefined;
  });
  context.set_output(0, DType::kInt32, {batch, Dim::unknown(), Dim::unknown()});
  context.set_output(kSequenceScores, dtype, {batch, Dim::unknown()});
  if (!context.has_output(kScores)) return {};
  context.set_output(kScores, dtype, {Dim::unknown(), batch, Dim::unknown(), Dim::unknown()});
  return {};
}

Result<void> infer_whisper(InferContext& context) {
  const AttrMap& attrs = context.attrs();
  if (attrs.get_int("model_type") != static_cast<int64_t>(ModelKind::kSpeechEncoder)) {
    return fail(Code::kInvalidGraph, "model_type is {}, expected 2", attrs.get_int("model_type"));
  }
  if (context.has_output(kCrossProducts) || attrs.get_int("decoder_output_cross_qk") != 0) {
    return fail(Code::kNotImplemented,
                "cross_qk is not known; export with decoder_output_cross_qk=0 and without it");
  }
  TRY(infer_beam(context));
  if (!context.has_output(kNoSpeech)) return {};
  if (attrs.get_int("no_speech_token_id") < 0) {
    return fail(Code::kInvalidGraph, "non_speech_probs needs no_speech_token_id, got {}",
                attrs.get_int("no_speech_token_id"));
  }
  const Dim batch = context.has_rank(0) ? context.dims(0)[0] : Dim::unknown();
  context.set_output(kNoSpeech, context.output_types()[kSequenceScores].dtype, {batch});
  return {};
}

// Log probabilities from scores.
void log_softmax(std::vector<float>& scores) {
  const float most = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const float score : scores) sum += std::exp(static_cast<double>(score - most));
  const auto log_sum = static_cast<float>(std::log(sum));
  for (float& score : scores) score = score - most - log_sum;
}

// The 2 * beams best ways on for one item, best first.
std::vector<BeamChoice> best_choices(const std::vector<std::vector<float>>& scores, int64_t beams) {
  std::vector<BeamChoice> all;
  for (size_t beam = 0; beam < scores.size(); ++beam) {
    for (size_t token = 0; token < scores[beam].size(); ++token) {
      all.push_back({static_cast<int32_t>(token), static_cast<int64_t>(beam), scores[beam][token]});
    }
  }
  const auto count = std::min<size_t>(all.size(), static_cast<size_t>(2 * beams));
  std::stable_sort(all.begin(), all.end(),
                   [](const BeamChoice& a, const BeamChoice& b) { return a.score > b.score; });
  all.resize(count);
  return all;
}

// One run: the beams of all items, side by side.
struct Beams {
  std::vector<TokenRow> rows;
  std::vector<float> sums;
  std::vector<BeamItem> items;
  std::vector<int64_t> origins;   // of each row, the one that it was before the last step
  std::vector<float> all_scores;  // of every step so far, where somebody asks
};

class BeamKernel final : public Kernel {
 public:
  BeamKernel(const KernelRequest& request, const SearchInputs& at)
      : model_(make_token_model(request)), attrs_(request.node.attrs), at_(at) {
    for (const size_t i : {kSequenceScores, kScores, kNoSpeech}) {
      wants_[i] = request.has_output(i);
    }
    dtype_ = float_type([&](size_t index) {
      return request.has_input(index) ? request.inputs[index].dtype() : DType::kUndefined;
    });
  }

  void run(RunArgs& args) const override {
    if (auto done = search(args); !done) report_error(args, std::move(done.error()));
  }

 private:
  Result<void> search(RunArgs& args) const {
    Search search = TRY(read_search(args, attrs_, at_));
    TRY(read_processor(args, search));
    const Prompts prompts = TRY(read_prompts(args, attrs_, search, at_));
    ModelState state;
    std::vector<float> logits = TRY(model_->begin(args, prompts, search.pad, state));
    Beams beams;
    beams.rows = prompts.rows;
    const size_t words = logits.size() / beams.rows.size();
    TRY(check_timestamps(search.rules.timestamps, words));
    if (wants_[kNoSpeech]) TRY(store_no_speech(args, search, logits, words));
    beams.items.assign(
        static_cast<size_t>(search.batch),
        BeamItem(search.beams, search.length_penalty, attrs_.get_int("early_stopping") != 0));
    // Only the first beam counts at first: all of an item begin alike.
    beams.sums.assign(beams.rows.size(), -1e9f);
    const auto each = static_cast<size_t>(search.beams);
    for (size_t row = 0; row < beams.rows.size(); row += each) beams.sums[row] = 0;
    for (int64_t length = search.prompt;; ++length) {
      step(args, search, {logits, words, length == search.prompt}, beams);
      const bool all = std::all_of(beams.items.begin(), beams.items.end(),
                                   [](const BeamItem& item) { return item.done(); });
      if (all || length + 1 >= search.most) break;
      logits = TRY(model_->go_on(args, beams.rows, beams.origins, state));
    }
    finish(search, beams);
    store(args, search, beams, words);
    return {};
  }

  // The input logits_processor: 1 asks for the rules of Whisper's timestamps.
  Result<void> read_processor(const RunArgs& args, Search& search) const {
    const int64_t processor = int_of(args, at_.processor, 0);
    if (processor == 0) return {};
    if (processor != 1 || at_.temperature == 0) {
      return fail(Code::kNotImplemented,
                  "logits_processor is {}; known are 0, and 1 of WhisperBeamSearch", processor);
    }
    const auto token = [&](const char* name) { return static_cast<int32_t>(attrs_.get_int(name)); };
    TimestampRules& rules = search.rules.timestamps;
    rules.first = token("beginning_timestamp_token_id");
    rules.never = {token("no_timestamps_token_id"), token("start_of_lm_token_id")};
    rules.only_in_front = {token("decoder_start_token_id"), token("translate_token_id"),
                           token("transcribe_token_id")};
    if (rules.first > 0) return {};
    return fail(Code::kInvalidArgument,
                "logits_processor is 1, but beginning_timestamp_token_id is {}", rules.first);
  }

  static Result<void> check_timestamps(const TimestampRules& rules, size_t words) {
    if (rules.first < static_cast<int64_t>(words)) return {};
    return fail(Code::kInvalidArgument, "beginning_timestamp_token_id is {} of {} tokens",
                rules.first, words);
  }

  // The probability of the token for it in front of everything else.
  Result<void> store_no_speech(RunArgs& args, const Search& search,
                               const std::vector<float>& logits, size_t words) const {
    const auto token = static_cast<size_t>(attrs_.get_int("no_speech_token_id"));
    if (token >= words) {
      return fail(Code::kInvalidArgument, "no_speech_token_id is {} of {} tokens", token, words);
    }
    std::vector<float> probabilities;
    for (int64_t item = 0; item < search.batch; ++item) {
      std::vector<float> scores = row_of(logits, static_cast<size_t>(item * search.beams), words);
      log_softmax(scores);
      probabilities.push_back(std::exp(scores[token]));
    }
    store_floats(args, kNoSpeech, {search.batch}, probabilities);
    return {};
  }

  struct Scores {
    const std::vector<float>& logits;
    size_t words;
    bool first;
  };

  void step(const RunArgs& args, const Search& search, const Scores& given, Beams& beams) const {
    std::vector<TokenRow> grown;
    beams.origins.clear();
    const auto count = static_cast<size_t>(search.beams);
    for (size_t item = 0; item < beams.items.size(); ++item) {
      const std::span<const TokenRow> mine(beams.rows.data() + item * count, count);
      const TokenRules rules =
          rules_of(args, search, at_, static_cast<int64_t>(item), given.first, given.words);
      std::vector<std::vector<float>> scores(count);
      for (size_t beam = 0; beam < count; ++beam) {
        if (beams.items[item].done() && !wants_[kScores]) break;
        const size_t row = item * count + beam;
        scores[beam] = row_of(given.logits, row, given.words);
        log_softmax(scores[beam]);
        adjust_scores(rules, mine[beam], scores[beam]);
        for (float& score : scores[beam]) score += beams.sums[row];
        if (!wants_[kScores]) continue;
        beams.all_scores.insert(beams.all_scores.end(), scores[beam].begin(), scores[beam].end());
      }
      const std::vector<BeamChoice> best = best_choices(scores, search.beams);
      const auto choices = beams.items[item].choose(best, mine, search.rules.eos, search.pad);
      for (size_t beam = 0; beam < count; ++beam) {
        // Where there are fewer ways on than beams, the last one goes on twice.
        const BeamChoice choice = choices.empty()
                                      ? BeamChoice{search.pad, 0, beams.sums[item * count]}
                                      : choices[std::min(beam, choices.size() - 1)];
        grown.push_back(mine[static_cast<size_t>(choice.beam)]);
        grown.back().push_back(choice.token);
        beams.sums[item * count + beam] = choice.score;
        beams.origins.push_back(static_cast<int64_t>(item * count) + choice.beam);
      }
    }
    beams.rows = std::move(grown);
  }

  // What beams have at the end counts as hypotheses too.
  static void finish(const Search& search, Beams& beams) {
    const auto count = static_cast<size_t>(search.beams);
    for (size_t item = 0; item < beams.items.size(); ++item) {
      if (beams.items[item].done()) continue;
      for (size_t row = item * count; row < (item + 1) * count; ++row) {
        beams.items[item].add(beams.rows[row], beams.sums[row]);
      }
    }
  }

  // Numbers into an output whose shape they do not fill: zeros behind them.
  void store_floats(RunArgs& args, size_t index, const Shape& shape,
                    const std::vector<float>& numbers) const {
    const TensorView dst = args.allocate(index, dtype_, shape);
    if (args.failed()) return;
    visit_float(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      std::fill_n(dst.as<T>(), dst.count(), narrow<T>(0));
      for (size_t i = 0; i < numbers.size(); ++i) {
        dst.as<T>()[i] = narrow<T>(static_cast<double>(numbers[i]));
      }
    });
  }

  void store(RunArgs& args, const Search& search, const Beams& beams, size_t words) const {
    const int64_t count = search.batch * search.returned;
    const TensorView dst =
        args.allocate(0, DType::kInt32, {search.batch, search.returned, search.most});
    if (args.failed()) return;
    std::vector<float> scores(static_cast<size_t>(count), 0.f);
    std::fill_n(dst.as<int32_t>(), dst.count(), search.pad);
    for (int64_t i = 0; i < count; ++i) {
      const auto& found = beams.items[static_cast<size_t>(i / search.returned)].hypotheses();
      const auto rank = static_cast<size_t>(i % search.returned);
      if (rank >= found.size()) continue;
      std::copy(found[rank].tokens.begin(), found[rank].tokens.end(),
                dst.as<int32_t>() + i * search.most);
      scores[static_cast<size_t>(i)] = found[rank].score;
    }
    if (wants_[kSequenceScores]) {
      store_floats(args, kSequenceScores, {search.batch, search.returned}, scores);
    }
    if (wants_[kScores]) {
      store_floats(
          args, kScores,
          {search.most - search.prompt, search.batch, search.beams, static_cast<int64_t>(words)},
          beams.all_scores);
    }
  }

  std::unique_ptr<TokenModel> model_;
  AttrMap attrs_;
  SearchInputs at_;
  DType dtype_;
  bool wants_[5] = {};
};

Result<std::unique_ptr<Kernel>> make_beam(const KernelRequest& request) {
  return std::make_unique<BeamKernel>(request, kBeamInputs);
}
Result<std::unique_ptr<Kernel>> make_whisper(const KernelRequest& request) {
  return std::make_unique<BeamKernel>(request, kWhisperInputs);
}

OpDef beam_op() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"input_ids", "F", dtype_set(DType::kInt32, DType::kFloat32, DType::kFloat16)},
               search_ints("max_length", Form::kSingle),
               search_ints("min_length"),
               search_ints("num_beams", Form::kSingle),
               search_ints("num_return_sequences", Form::kSingle),
               search_floats("length_penalty"),
               search_floats("repetition_penalty"),
               search_ints("vocab_mask"),
               search_ints("prefix_vocab_mask"),
               search_ints("attention_mask"),
               search_ints("decoder_input_ids"),
               search_ints("logits_processor")};
  op.outputs = {search_ints("sequences", Form::kSingle), search_floats("sequences_scores"),
                search_floats("scores")};
  op.attrs = search_attrs();
  op.attrs.push_back(int_attr("early_stopping", 0));
  op.infer = infer_beam;
  op.kernels = {{"decoder", make_beam}};
  return op;
}

}  // namespace

OpDef op_BeamSearch() { return beam_op(); }

OpDef op_WhisperBeamSearch() {
  OpDef op = beam_op();
  op.inputs.push_back(search_ints("cross_qk_layer_head"));
  op.inputs.push_back(search_ints("extra_decoding_ids"));
  op.inputs.push_back(search_floats("temperature"));
  op.outputs.push_back({"cross_qk", "V", dtype_set(DType::kFloat32), Form::kOptional});
  op.outputs.push_back(search_floats("non_speech_probs"));
  for (FormalAttr& attr : op.attrs) {
    if (attr.name == "model_type") attr = int_attr("model_type", 2);
  }
  op.attrs.push_back(int_attr("decoder_output_cross_qk", 0));
  for (const char* name :
       {"beginning_timestamp_token_id", "no_speech_token_id", "no_timestamps_token_id",
        "start_of_lm_token_id", "transcribe_token_id", "translate_token_id"}) {
    op.attrs.push_back(int_attr(name, -1));
  }
  op.infer = infer_whisper;
  op.kernels = {{"decoder", make_whisper}};
  return op;
}

}  // namespace sardonyx
