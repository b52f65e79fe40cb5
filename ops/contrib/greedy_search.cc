// com.microsoft GreedySearch and Sampling: one way on for each item, by the best score, or drawn
// from the probabilities that the scores are.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/bodies.h"
#include "ops/contrib/search.h"
#include "ops/random_seed.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr SearchInputs kGreedyInputs = {0, 0, 0, 3, 4, 5, 6, 0, 0, 0};
constexpr size_t kPresenceMask = 7, kSeed = 8;  // of Sampling
constexpr size_t kFilteredLogits = 1;

Result<void> infer_greedy(InferContext& context) {
  TRY(infer_search(context));
  const Dim batch = context.has_rank(0) ? context.dims(0)[0] : Dim::unknown();
  context.set_output(0, DType::kInt32, {batch, Dim::unknown()});
  return {};
}

// Chooses what each row goes on with; one for each run.
class Chooser {
 public:
  virtual ~Chooser() = default;
  // The index of a score; the scores may change.
  virtual int32_t choose(int64_t row, std::vector<float>& scores) = 0;
};

int32_t best_of(const std::vector<float>& scores) {
  return static_cast<int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

// One token for each row, step by step; the sequences, [batch, most].
Result<void> search_greedily(RunArgs& args, const TokenModel& model, const AttrMap& attrs,
                             const Search& search, Chooser& chooser) {
  Prompts prompts = TRY(read_prompts(args, attrs, search, kGreedyInputs));
  std::vector<TokenRow>& rows = prompts.rows;
  ModelState state;
  std::vector<float> logits = TRY(model.begin(args, prompts, search.pad, state));
  const size_t words = logits.size() / rows.size();
  std::vector<bool> ended(rows.size(), false);
  std::vector<int64_t> origins(rows.size());
  std::iota(origins.begin(), origins.end(), int64_t{0});
  for (int64_t length = search.prompt;; ++length) {
    for (size_t row = 0; row < rows.size(); ++row) {
      std::vector<float> scores = row_of(logits, row, words);
      const auto item = static_cast<int64_t>(row);
      const bool first = length == search.prompt;
      adjust_scores(rules_of(args, search, kGreedyInputs, item, first, words), rows[row], scores);
      const int32_t chosen = chooser.choose(item, scores);
      ended[row] = ended[row] || chosen == search.rules.eos;
      rows[row].push_back(ended[row] ? search.pad : chosen);
    }
    const bool all = std::all_of(ended.begin(), ended.end(), [](bool each) { return each; });
    if (all || length + 1 >= search.most) break;
    logits = TRY(model.go_on(args, rows, origins, state));
  }
  const TensorView dst = args.allocate(0, DType::kInt32, {search.batch, search.most});
  if (args.failed()) return {};
  for (int64_t row = 0; row < search.batch; ++row) {
    TokenRow& tokens = rows[static_cast<size_t>(row)];
    tokens.resize(static_cast<size_t>(search.most), search.pad);
    std::copy(tokens.begin(), tokens.end(), dst.as<int32_t>() + row * search.most);
  }
  return {};
}

class GreedyKernel final : public Kernel {
 public:
  explicit GreedyKernel(const KernelRequest& request)
      : model_(make_token_model(request)), attrs_(request.node.attrs) {}

  void run(RunArgs& args) const override {
    if (auto done = search(args); !done) report_error(args, std::move(done.error()));
  }

 private:
  class Best final : public Chooser {
    int32_t choose(int64_t /*row*/, std::vector<float>& scores) override { return best_of(scores); }
  };

  Result<void> search(RunArgs& args) const {
    const Search search = TRY(read_search(args, attrs_, kGreedyInputs));
    Best best;
    return search_greedily(args, *model_, attrs_, search, best);
  }

  std::unique_ptr<TokenModel> model_;
  AttrMap attrs_;
};

// ---- Sampling

struct SamplingRules {
  float top_p = 0, filter = 0, presence_penalty = 0;
  int64_t keep = 0;
  bool best_first = false;  // attribute `custom`: another way to count what is kept
};

// Exp of scores, so that they sum to 1.
std::vector<double> probabilities_of(std::span<const float> scores) {
  const float most = *std::max_element(scores.begin(), scores.end());
  std::vector<double> probabilities;
  double sum = 0;
  for (const float score : scores) {
    probabilities.push_back(std::exp(static_cast<double>(score) - static_cast<double>(most)));
    sum += probabilities.back();
  }
  for (double& each : probabilities) each /= sum;
  return probabilities;
}

// Gives what is not among the most probable tokens that make up top_p the filter's score: from the
// least on while they are no more than the rest, but for the last `keep`; or, best first, what
// stands behind a sum that is more.
void keep_most_probable(const SamplingRules& rules, std::vector<float>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return rules.best_first ? scores[a] > scores[b] : scores[a] < scores[b];
  });
  const std::vector<double> probabilities = probabilities_of(scores);
  const double top_p = static_cast<double>(rules.top_p);
  double sum = 0;
  if (rules.best_first) {
    for (size_t i = 0; i + 1 < order.size(); ++i) {
      sum += probabilities[order[i]];
      if (sum > top_p) scores[order[i + 1]] = rules.filter;
    }
    return;
  }
  const auto candidates = static_cast<int64_t>(order.size()) - rules.keep;
  for (int64_t i = 0; i < std::max<int64_t>(1, candidates); ++i) {
    const size_t token = order[static_cast<size_t>(i)];
    sum += probabilities[token];
    if (sum <= 1 - top_p) scores[token] = rules.filter;
  }
}

class SamplingKernel final : public Kernel {
 public:
  explicit SamplingKernel(const KernelRequest& request)
      : model_(make_token_model(request)),
        attrs_(request.node.attrs),
        wants_logits_(request.has_output(kFilteredLogits)) {
    rules_.top_p = attrs_.get_float("top_p");
    rules_.filter = attrs_.get_float("filter_value");
    rules_.presence_penalty = attrs_.get_float("presence_penalty");
    rules_.keep = attrs_.get_int("min_tokens_to_keep");
    rules_.best_first = attrs_.get_int("custom") != 0;
  }

  void run(RunArgs& args) const override {
    if (auto done = search(args); !done) report_error(args, std::move(done.error()));
  }

 private:
  class Draw final : public Chooser {
   public:
    Draw(const SamplingRules& rules, std::span<const int32_t> presence, uint64_t seed,
         int64_t batch)
        : rules_(rules), presence_(presence), seed_(seed), last(static_cast<size_t>(batch)) {}

    int32_t choose(int64_t row, std::vector<float>& scores) override {
      const size_t begin = static_cast<size_t>(row) * scores.size();
      for (size_t i = 0; i < scores.size() && begin + i < presence_.size(); ++i) {
        scores[i] -= static_cast<float>(presence_[begin + i]) * rules_.presence_penalty;
      }
      keep_most_probable(rules_, scores);
      last[static_cast<size_t>(row)] = scores;
      double rest = random_unit(seed_, drawn_++);
      const std::vector<double> probabilities = probabilities_of(scores);
      for (size_t i = 0; i < probabilities.size(); ++i) {
        rest -= probabilities[i];
        if (rest < 0) return static_cast<int32_t>(i);
      }
      return best_of(scores);
    }

   private:
    const SamplingRules& rules_;
    std::span<const int32_t> presence_;
    uint64_t seed_, drawn_ = 0;

   public:
    std::vector<std::vector<float>> last;  // the scores that each row was drawn from
  };

  Result<void> search(RunArgs& args) const {
    Search search = TRY(read_search(args, attrs_, kGreedyInputs));
    search.rules.temperature = attrs_.get_float("temperature");
    const std::span<const int32_t> seed = ints_of(args, kSeed);
    const uint64_t begin = seed.empty() ? next_random_seed() : static_cast<uint32_t>(seed[0]);
    Draw draw(rules_, ints_of(args, kPresenceMask), begin, search.batch);
    TRY(search_greedily(args, *model_, attrs_, search, draw));
    if (!wants_logits_ || args.failed()) return {};
    const auto words = static_cast<int64_t>(draw.last[0].size());
    const TensorView dst = args.allocate(kFilteredLogits, DType::kFloat32, {search.batch, words});
    if (args.failed()) return {};
    for (int64_t row = 0; row < search.batch; ++row) {
      const std::vector<float>& scores = draw.last[static_cast<size_t>(row)];
      std::copy(scores.begin(), scores.end(), dst.as<float>() + row * words);
    }
    return {};
  }

  std::unique_ptr<TokenModel> model_;
  AttrMap attrs_;
  SamplingRules rules_;
  bool wants_logits_;
};

Result<void> infer_sampling(InferContext& context) {
  TRY(infer_greedy(context));
  if (!(context.attrs().get_float("temperature") > 0)) {
    return fail(Code::kInvalidGraph, "temperature is {}, expected more than 0",
                context.attrs().get_float("temperature"));
  }
  if (!context.has_output(kFilteredLogits)) return {};
  const Dim batch = context.has_rank(0) ? context.dims(0)[0] : Dim::unknown();
  context.set_output(kFilteredLogits, DType::kFloat32, {batch, Dim::unknown()});
  return {};
}

Result<std::unique_ptr<Kernel>> make_greedy(const KernelRequest& request) {
  return std::make_unique<GreedyKernel>(request);
}
Result<std::unique_ptr<Kernel>> make_sampling(const KernelRequest& request) {
  return std::make_unique<SamplingKernel>(request);
}

FormalParam wide_floats(const char* name) {
  return {name, "T", dtype_set(DType::kFloat32), Form::kOptional};
}

OpDef greedy_op() {
  OpDef op;
  op.versions = {1};
  op.inputs = {search_ints("input_ids", Form::kSingle),
               search_ints("max_length", Form::kSingle),
               search_ints("min_length"),
               wide_floats("repetition_penalty"),
               search_ints("vocab_mask"),
               search_ints("prefix_vocab_mask"),
               search_ints("attention_mask")};
  op.outputs = {search_ints("sequences", Form::kSingle)};
  op.attrs = search_attrs();
  op.infer = infer_greedy;
  op.kernels = {{"decoder", make_greedy}};
  return op;
}

}  // namespace

OpDef op_GreedySearch() { return greedy_op(); }

OpDef op_Sampling() {
  OpDef op = greedy_op();
  op.inputs.push_back(search_ints("presence_mask"));
  op.inputs.push_back(search_ints("seed"));
  op.outputs.push_back(wide_floats("filtered_logits"));
  op.attrs.push_back(int_attr("custom", 0));
  op.attrs.push_back(float_attr("filter_value", -1e20f));
  op.attrs.push_back(int_attr("min_tokens_to_keep", 0));
  op.attrs.push_back(float_attr("presence_penalty", 0));
  op.attrs.push_back(float_attr("temperature", 1));
  op.attrs.push_back(float_attr("top_p", 0));
  op.infer = infer_sampling;
  op.kernels = {{"decoder", make_sampling}};
  op.is_random = true;
  return op;
}

}  // namespace sardonyx
