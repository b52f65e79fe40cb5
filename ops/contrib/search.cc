// com.microsoft GreedySearch and BeamSearch with a GPT decoder: the body `decoder` takes
// (input_ids, position_ids, attention_mask, past_0, ...) and gives (logits, present_0, ...); it is
// run once for each new token (`init_decoder`, where there is one, for the prompt).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "ops/bodies.h"
#include "ops/contrib/generation.h"
#include "ops/infer.h"
#include "ops/number.h"
#include "ops/op.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr size_t kFirstPast = 3;
using Kind = FormalAttr::Kind;

// Where the operators have their inputs; 0 is the prompt, 1 and 2 its longest and least length.
struct SearchInputs {
  size_t beams, returned, length_penalty;  // 0: not of this operator
  size_t repetition_penalty, vocab_mask, prefix_mask, attention_mask;
};
constexpr SearchInputs kGreedyInputs = {0, 0, 0, 3, 4, 5, 6};
constexpr SearchInputs kBeamInputs = {3, 4, 5, 6, 7, 8, 9};

// ---- types and shapes

// vocab_size says how many of a decoder's scores are of tokens; 0 and -1: all of them.
Result<void> check_vocabulary(int64_t size, const Dim& scores) {
  if (size < -1) {
    return fail(Code::kInvalidGraph, "vocab_size is {}, expected a number of tokens, or -1", size);
  }
  if (!scores.is_constant() || size <= scores.value()) return {};
  return fail(Code::kInvalidGraph, "vocab_size is {}, but the decoder gives {} scores", size,
              scores.value());
}

Result<void> infer_decoder(const InferContext& context, std::string_view attr) {
  const Subgraph* subgraph = context.attrs().get_subgraph(attr);
  if (subgraph == nullptr) return {};
  Graph& body = *subgraph->body;
  if (body.inputs().size() <= kFirstPast ||
      body.outputs().size() != body.inputs().size() - kFirstPast + 1) {
    return fail(Code::kInvalidGraph,
                "{} must take (input_ids, position_ids, attention_mask, past...) and give (logits, "
                "present...), got {} inputs and {} outputs",
                attr, body.inputs().size(), body.outputs().size());
  }
  for (size_t i = kFirstPast; i < body.inputs().size(); ++i) {
    const ValueType& type = body.value(body.inputs()[i]).type;
    const bool fits = type.has_rank() && type.dims->size() == 5 && (*type.dims)[2].is_constant() &&
                      (*type.dims)[4].is_constant();
    if (!fits) {
      return fail(Code::kInvalidGraph,
                  "input '{}' of {} is {}, expected [2, batch, heads, length, size] with heads and "
                  "size as numbers",
                  body.value(body.inputs()[i]).name, attr, type.to_string());
    }
  }
  if (context.at_load()) TRY(infer_body(body));
  const ValueType& logits = body.value(body.outputs()[0].value).type;
  const bool known = logits.has_rank() && !logits.dims->empty();
  return check_vocabulary(context.attrs().get_int("vocab_size"),
                          known ? logits.dims->back() : Dim::unknown());
}

Result<void> infer_search(InferContext& context) {
  const AttrMap& attrs = context.attrs();
  if (attrs.get_int("model_type") != 0) {
    return fail(Code::kNotImplemented, "model_type {} is not known, only 0 (GPT)",
                attrs.get_int("model_type"));
  }
  TRY(infer_decoder(context, "decoder"));
  TRY(infer_decoder(context, "init_decoder"));
  TRY(expect_rank(context, 0, 2));
  return {};
}

Result<void> infer_greedy(InferContext& context) {
  TRY(infer_search(context));
  const Dim batch = context.has_rank(0) ? context.dims(0)[0] : Dim::unknown();
  context.set_output(0, DType::kInt32, {batch, Dim::unknown()});
  return {};
}

Result<void> infer_beam(InferContext& context) {
  TRY(infer_search(context));
  if (context.has_output(2)) return fail(Code::kNotImplemented, "output 'scores' is not known");
  const Dim batch = context.has_rank(0) ? context.dims(0)[0] : Dim::unknown();
  context.set_output(0, DType::kInt32, {batch, Dim::unknown(), Dim::unknown()});
  context.set_output(1, DType::kFloat32, {batch, Dim::unknown()});
  return {};
}

// ---- the decoder, run token by token

// What stays the same for every step; read when the operator runs.
struct Search {
  int64_t batch = 0, prompt = 0, most = 0, beams = 1, returned = 1;
  float length_penalty = 1;
  TokenRules rules;
  int32_t pad = 0;
};

class Decoder {
 public:
  explicit Decoder(const KernelRequest& request)
      : body_(body_of(request, "decoder")),
        first_(request.node.attrs.get_subgraph("init_decoder") != nullptr
                   ? body_of(request, "init_decoder")
                   : body_),
        vocabulary_(request.node.attrs.get_int("vocab_size")) {
    const Graph& body = *request.node.attrs.get_subgraph("decoder")->body;
    for (size_t i = kFirstPast; i < body.inputs().size(); ++i) {
      const ValueType& type = body.value(body.inputs()[i]).type;
      pasts_.push_back({type.dtype, (*type.dims)[2].value(), (*type.dims)[4].value()});
    }
  }

  // Of one run of the operator: rows are the sequences of all beams.
  struct State {
    int64_t rows = 0, length = 0;  // columns of the mask
    std::vector<int32_t> mask;     // [rows, length]
    std::vector<int32_t> next_position;
    std::vector<Value> past;
    bool began = false;
  };

  // The prompt: positions count what is no padding, whatever the mask shows.
  Result<std::vector<float>> begin(const RunArgs& args, std::span<const TokenRow> prompts,
                                   std::span<const int32_t> mask, int32_t pad, State& state) const {
    state.rows = static_cast<int64_t>(prompts.size());
    state.length = static_cast<int64_t>(prompts[0].size());
    state.mask.assign(mask.begin(), mask.end());
    std::vector<int32_t> ids, positions;
    for (int64_t row = 0; row < state.rows; ++row) {
      int32_t next = 0;
      const TokenRow& tokens = prompts[static_cast<size_t>(row)];
      for (const int32_t token : tokens) positions.push_back(token != pad ? next++ : 0);
      state.next_position.push_back(next);
      ids.insert(ids.end(), tokens.begin(), tokens.end());
    }
    for (const Past& past : pasts_) {
      const Shape shape = {2, state.rows, past.heads, 0, past.size};
      state.past.emplace_back(TRY(Tensor::allocate(past.dtype, shape)));
    }
    return step(args, ids, positions, state);
  }

  // One more token for each row, whose past is that of row origins[row].
  Result<std::vector<float>> go_on(const RunArgs& args, std::span<const int32_t> tokens,
                                   std::span<const int64_t> origins, State& state) const {
    for (Value& past : state.past) past = TRY(gather_rows(past.tensor(), origins));
    std::vector<int32_t> mask;
    for (int64_t row = 0; row < state.rows; ++row) {
      const auto begin = state.mask.begin() + row * state.length;
      mask.insert(mask.end(), begin, begin + state.length);
      mask.push_back(1);
    }
    state.mask = std::move(mask);
    ++state.length;
    std::vector<int32_t> positions;
    for (int32_t& next : state.next_position) positions.push_back(next++);
    return step(args, tokens, positions, state);
  }

 private:
  struct Past {
    DType dtype;
    int64_t heads, size;
  };

  // Runs the body; the logits of the last column, [rows, vocab].
  Result<std::vector<float>> step(const RunArgs& args, std::span<const int32_t> ids,
                                  std::span<const int32_t> positions, State& state) const {
    const auto columns = static_cast<int64_t>(ids.size()) / state.rows;
    std::vector<Value> inputs = {
        Tensor::from<int32_t>({state.rows, columns}, ids),
        Tensor::from<int32_t>({state.rows, columns}, positions),
        Tensor::from<int32_t>({state.rows, state.length}, std::span<const int32_t>(state.mask))};
    inputs.insert(inputs.end(), state.past.begin(), state.past.end());
    const Body& body = state.began ? body_ : first_;
    state.began = true;
    std::vector<Value> results = TRY(body.run(args, inputs));
    for (size_t i = 0; i < state.past.size(); ++i) {
      state.past[i] = TRY(own_value(results[i + 1]));
      const Shape& shape = state.past[i].tensor().shape();
      if (shape.rank() != 5 || shape[0] != 2 || shape[1] != state.rows) {
        return fail(Code::kInvalidArgument, "the decoder gave {} as present_{}", shape.to_string(),
                    i);
      }
    }
    return last_logits(results[0].tensor(), state.rows, columns);
  }

  Result<std::vector<float>> last_logits(const Tensor& logits, int64_t rows,
                                         int64_t columns) const {
    const Shape& shape = logits.shape();
    if (shape.rank() != 3 || shape[0] != rows || shape[1] != columns || shape[2] < 1) {
      return fail(Code::kInvalidArgument, "the decoder gave logits {}, expected {}x{}xV",
                  shape.to_string(), rows, columns);
    }
    TRY(check_vocabulary(vocabulary_, Dim(shape[2])));
    const int64_t words = vocabulary_ > 0 ? vocabulary_ : shape[2];
    std::vector<float> last;
    const bool is_float = visit_float(logits.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      for (int64_t row = 0; row < rows; ++row) {
        const T* from = logits.as<T>() + ((row + 1) * columns - 1) * shape[2];
        for (int64_t i = 0; i < words; ++i) last.push_back(static_cast<float>(widen(from[i])));
      }
    });
    if (!is_float) return fail(Code::kInvalidArgument, "the decoder's logits are not floats");
    return last;
  }

  // Rows of axis 1 of [2, rows, ...].
  static Result<Value> gather_rows(const Tensor& past, std::span<const int64_t> origins) {
    Tensor gathered = TRY(Tensor::allocate(past.dtype(), past.shape()));
    const int64_t count = past.shape().count(2, past.shape().rank());
    const size_t bytes = dtype_bytes(past.dtype(), static_cast<size_t>(count));
    const auto rows = static_cast<size_t>(past.shape()[1]);
    for (size_t half = 0; half < 2; ++half) {
      for (size_t row = 0; row < rows; ++row) {
        std::memcpy(gathered.as<char>() + (half * rows + row) * bytes,
                    past.as<char>() + (half * rows + static_cast<size_t>(origins[row])) * bytes,
                    bytes);
      }
    }
    return Value(std::move(gathered));
  }

  Body body_, first_;
  int64_t vocabulary_;
  std::vector<Past> pasts_;
};

// ---- what the two searches share

bool given(const RunArgs& args, size_t index) {
  return index < args.inputs.size() && args.inputs[index].data != nullptr;
}
template <class T>
T number_of(const RunArgs& args, size_t index, T fallback) {
  if (index == 0 || !given(args, index) || args.inputs[index].count() < 1) return fallback;
  return args.inputs[index].as<T>()[0];
}

std::span<const int32_t> numbers_of(const RunArgs& args, size_t index) {
  if (!given(args, index)) return {};
  return args.inputs[index].elements<const int32_t>();
}

Result<Search> read_search(const RunArgs& args, const AttrMap& attrs, const SearchInputs& at) {
  Search search;
  search.batch = args.inputs[0].shape[0];
  search.prompt = args.inputs[0].shape[1];
  search.most = number_of<int32_t>(args, 1, 0);
  search.beams = number_of<int32_t>(args, at.beams, 1);
  search.returned = number_of<int32_t>(args, at.returned, 1);
  search.length_penalty = number_of<float>(args, at.length_penalty, 1);
  search.rules.min_length = number_of<int32_t>(args, 2, 0);
  search.rules.repetition_penalty = number_of<float>(args, at.repetition_penalty, 1);
  search.rules.no_repeat_ngram = attrs.get_int("no_repeat_ngram_size");
  search.rules.eos = static_cast<int32_t>(attrs.get_int("eos_token_id"));
  search.rules.vocab_mask = numbers_of(args, at.vocab_mask);
  search.pad = static_cast<int32_t>(attrs.get_int("pad_token_id"));
  constexpr int64_t kMost = 1 << 20;
  if (search.batch < 1 || search.prompt < 1 || search.most <= search.prompt ||
      search.most > kMost || search.beams < 1 || search.beams > 4096 || search.returned < 1 ||
      search.returned > search.beams) {
    return fail(Code::kInvalidArgument,
                "input_ids are {}x{}, max_length is {}, num_beams {}, num_return_sequences {}",
                search.batch, search.prompt, search.most, search.beams, search.returned);
  }
  return search;
}

struct Prompts {
  std::vector<TokenRow> rows;  // of all beams
  std::vector<int32_t> mask;
};

// The prompt of each item, as often as there are beams.
Result<Prompts> read_prompts(const RunArgs& args, const Search& search, size_t mask_input) {
  const std::span<const int32_t> mask = numbers_of(args, mask_input);
  const auto count = static_cast<size_t>(search.batch * search.prompt);
  if (!mask.empty() && mask.size() != count) {
    return fail(Code::kInvalidArgument, "attention_mask has {} numbers, input_ids {}", mask.size(),
                count);
  }
  Prompts prompts;
  for (int64_t item = 0; item < search.batch; ++item) {
    const int32_t* ids = args.inputs[0].as<int32_t>() + item * search.prompt;
    for (int64_t beam = 0; beam < search.beams; ++beam) {
      prompts.rows.emplace_back(ids, ids + search.prompt);
      for (int64_t i = 0; i < search.prompt; ++i) {
        const bool shown = mask.empty() ? ids[i] != search.pad
                                        : mask[static_cast<size_t>(item * search.prompt + i)] != 0;
        prompts.mask.push_back(shown ? 1 : 0);
      }
    }
  }
  return prompts;
}

// The rules for an item; the prefix mask holds for the first new token.
TokenRules rules_of(const RunArgs& args, const Search& search, const SearchInputs& at, int64_t item,
                    bool first, size_t vocab) {
  TokenRules rules = search.rules;
  const std::span<const int32_t> prefix = numbers_of(args, at.prefix_mask);
  const size_t begin = static_cast<size_t>(item) * vocab;
  if (first && prefix.size() >= begin + vocab) rules.prefix_mask = prefix.subspan(begin, vocab);
  return rules;
}

void log_softmax(std::vector<float>& scores) {
  const float most = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const float score : scores) sum += std::exp(static_cast<double>(score - most));
  const auto log_sum = static_cast<float>(std::log(sum));
  for (float& score : scores) score = score - most - log_sum;
}

// ---- GreedySearch

class GreedyKernel final : public Kernel {
 public:
  explicit GreedyKernel(const KernelRequest& request)
      : decoder_(request), attrs_(request.node.attrs) {}

  void run(RunArgs& args) const override {
    if (auto done = search(args); !done) report_error(args, std::move(done.error()));
  }

 private:
  Result<void> search(RunArgs& args) const {
    const Search search = TRY(read_search(args, attrs_, kGreedyInputs));
    Prompts prompts = TRY(read_prompts(args, search, kGreedyInputs.attention_mask));
    std::vector<TokenRow>& rows = prompts.rows;
    Decoder::State state;
    std::vector<float> logits = TRY(decoder_.begin(args, rows, prompts.mask, search.pad, state));
    const size_t vocab = logits.size() / rows.size();
    std::vector<bool> ended(rows.size(), false);
    std::vector<int64_t> origins(rows.size());
    std::iota(origins.begin(), origins.end(), int64_t{0});
    for (int64_t length = search.prompt;; ++length) {
      std::vector<int32_t> next(rows.size(), search.pad);
      for (size_t row = 0; row < rows.size(); ++row) {
        const auto begin = logits.begin() + static_cast<int64_t>(row * vocab);
        std::vector<float> scores(begin, begin + static_cast<int64_t>(vocab));
        const bool first = length == search.prompt;
        adjust_scores(
            rules_of(args, search, kGreedyInputs, static_cast<int64_t>(row), first, vocab),
            rows[row], scores);
        const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
        ended[row] = ended[row] || best == search.rules.eos;
        if (!ended[row]) next[row] = static_cast<int32_t>(best);
        rows[row].push_back(next[row]);
      }
      const bool all = std::all_of(ended.begin(), ended.end(), [](bool each) { return each; });
      if (all || length + 1 >= search.most) break;
      logits = TRY(decoder_.go_on(args, next, origins, state));
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

  Decoder decoder_;
  AttrMap attrs_;
};

// ---- BeamSearch

class BeamKernel final : public Kernel {
 public:
  explicit BeamKernel(const KernelRequest& request)
      : decoder_(request), attrs_(request.node.attrs) {}

  void run(RunArgs& args) const override {
    if (auto done = search(args); !done) report_error(args, std::move(done.error()));
  }

 private:
  // The 2 * beams best ways on for one item, best first.
  static std::vector<BeamChoice> candidates(const std::vector<std::vector<float>>& scores,
                                            int64_t beams) {
    std::vector<BeamChoice> all;
    for (size_t beam = 0; beam < scores.size(); ++beam) {
      for (size_t token = 0; token < scores[beam].size(); ++token) {
        all.push_back(
            {static_cast<int32_t>(token), static_cast<int64_t>(beam), scores[beam][token]});
      }
    }
    const auto count = std::min<size_t>(all.size(), static_cast<size_t>(2 * beams));
    std::stable_sort(all.begin(), all.end(),
                     [](const BeamChoice& a, const BeamChoice& b) { return a.score > b.score; });
    all.resize(count);
    return all;
  }

  Result<void> search(RunArgs& args) const {
    const Search search = TRY(read_search(args, attrs_, kBeamInputs));
    Prompts prompts = TRY(read_prompts(args, search, kBeamInputs.attention_mask));
    std::vector<TokenRow>& rows = prompts.rows;
    Decoder::State state;
    std::vector<float> logits = TRY(decoder_.begin(args, rows, prompts.mask, search.pad, state));
    const size_t vocab = logits.size() / rows.size();
    std::vector<BeamItem> items(
        static_cast<size_t>(search.batch),
        BeamItem(search.beams, search.length_penalty, attrs_.get_int("early_stopping") != 0));
    // Only the first beam counts at first: all of an item begin alike.
    std::vector<float> sums(rows.size(), -1e9f);
    for (size_t row = 0; row < rows.size(); row += static_cast<size_t>(search.beams)) sums[row] = 0;
    for (int64_t length = search.prompt;; ++length) {
      std::vector<int32_t> next;
      std::vector<int64_t> origins;
      step(args, search, {logits, vocab, length == search.prompt}, items, rows, sums, next,
           origins);
      const bool all =
          std::all_of(items.begin(), items.end(), [](const BeamItem& item) { return item.done(); });
      if (all || length + 1 >= search.most) break;
      logits = TRY(decoder_.go_on(args, next, origins, state));
    }
    finish(search, rows, sums, items);
    store(args, search, items);
    return {};
  }

  struct Scores {
    const std::vector<float>& logits;
    size_t vocab;
    bool first;
  };

  void step(const RunArgs& args, const Search& search, const Scores& given,
            std::vector<BeamItem>& items, std::vector<TokenRow>& rows, std::vector<float>& sums,
            std::vector<int32_t>& next, std::vector<int64_t>& origins) const {
    std::vector<TokenRow> grown;
    const auto beams = static_cast<size_t>(search.beams);
    for (size_t item = 0; item < items.size(); ++item) {
      const std::span<const TokenRow> mine(rows.data() + item * beams, beams);
      std::vector<std::vector<float>> scores(beams);
      for (size_t beam = 0; beam < beams && !items[item].done(); ++beam) {
        const size_t row = item * beams + beam;
        const auto begin = given.logits.begin() + static_cast<int64_t>(row * given.vocab);
        scores[beam].assign(begin, begin + static_cast<int64_t>(given.vocab));
        log_softmax(scores[beam]);
        adjust_scores(rules_of(args, search, kBeamInputs, static_cast<int64_t>(item), given.first,
                               given.vocab),
                      mine[beam], scores[beam]);
        for (float& score : scores[beam]) score += sums[row];
      }
      const std::vector<BeamChoice> best = candidates(scores, search.beams);
      const auto choices = items[item].choose(best, mine, search.rules.eos, search.pad);
      for (size_t beam = 0; beam < beams; ++beam) {
        // Where there are fewer ways on than beams, the last one goes on twice.
        const BeamChoice choice = choices.empty() ? BeamChoice{search.pad, 0, sums[item * beams]}
                                                  : choices[std::min(beam, choices.size() - 1)];
        grown.push_back(mine[static_cast<size_t>(choice.beam)]);
        grown.back().push_back(choice.token);
        sums[item * beams + beam] = choice.score;
        next.push_back(choice.token);
        origins.push_back(static_cast<int64_t>(item * beams) + choice.beam);
      }
    }
    rows = std::move(grown);
  }

  // What beams have at the end counts as hypotheses too.
  static void finish(const Search& search, const std::vector<TokenRow>& rows,
                     const std::vector<float>& sums, std::vector<BeamItem>& items) {
    const auto beams = static_cast<size_t>(search.beams);
    for (size_t item = 0; item < items.size(); ++item) {
      if (items[item].done()) continue;
      for (size_t beam = 0; beam < beams; ++beam) {
        items[item].add(rows[item * beams + beam], sums[item * beams + beam]);
      }
    }
  }

  static void store(RunArgs& args, const Search& search, const std::vector<BeamItem>& items) {
    const TensorView dst =
        args.allocate(0, DType::kInt32, {search.batch, search.returned, search.most});
    if (args.failed()) return;
    const bool scored = args.outputs.size() > 1 && args.output_values[1] != nullptr;
    TensorView scores;
    if (scored) scores = args.allocate(1, DType::kFloat32, {search.batch, search.returned});
    if (args.failed()) return;
    std::fill_n(dst.as<int32_t>(), dst.count(), search.pad);
    for (int64_t i = 0; i < search.batch * search.returned; ++i) {
      const auto& found = items[static_cast<size_t>(i / search.returned)].hypotheses();
      const auto rank = static_cast<size_t>(i % search.returned);
      if (rank >= found.size()) continue;
      std::copy(found[rank].tokens.begin(), found[rank].tokens.end(),
                dst.as<int32_t>() + i * search.most);
      if (scored) scores.as<float>()[i] = found[rank].score;
    }
  }

  Decoder decoder_;
  AttrMap attrs_;
};

Result<std::unique_ptr<Kernel>> make_greedy(const KernelRequest& request) {
  return std::make_unique<GreedyKernel>(request);
}
Result<std::unique_ptr<Kernel>> make_beam(const KernelRequest& request) {
  return std::make_unique<BeamKernel>(request);
}

std::vector<FormalAttr> search_attrs() {
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

FormalParam ints(const char* name, Form form = Form::kOptional) {
  return {name, "I", dtype_set(DType::kInt32), form};
}
FormalParam floats(const char* name) {
  return {name, "T", dtype_set(DType::kFloat32), Form::kOptional};
}

}  // namespace

OpDef op_GreedySearch() {
  OpDef op;
  op.versions = {1};
  op.inputs = {ints("input_ids", Form::kSingle),
               ints("max_length", Form::kSingle),
               ints("min_length"),
               floats("repetition_penalty"),
               ints("vocab_mask"),
               ints("prefix_vocab_mask"),
               ints("attention_mask")};
  op.outputs = {ints("sequences", Form::kSingle)};
  op.attrs = search_attrs();
  op.infer = infer_greedy;
  op.kernels = {{"decoder", make_greedy}};
  return op;
}

OpDef op_BeamSearch() {
  OpDef op;
  op.versions = {1};
  op.inputs = {ints("input_ids", Form::kSingle),
               ints("max_length", Form::kSingle),
               ints("min_length"),
               ints("num_beams", Form::kSingle),
               ints("num_return_sequences", Form::kSingle),
               floats("length_penalty"),
               floats("repetition_penalty"),
               ints("vocab_mask"),
               ints("prefix_vocab_mask"),
               ints("attention_mask"),
               ints("decoder_input_ids"),
               ints("logits_processor")};
  op.outputs = {ints("sequences", Form::kSingle), floats("sequences_scores"), floats("scores")};
  op.attrs = search_attrs();
  op.attrs.push_back(int_attr("early_stopping", 0));
  op.infer = infer_beam;
  op.kernels = {{"decoder", make_beam}};
  return op;
}

}  // namespace sardonyx
