// TfIdfVectorizer: counts the n-grams of a pool in each row of tokens, with up to so many tokens
// skipped between two of an n-gram. The pool becomes a trie over numbered tokens.
#include <algorithm>
#include <unordered_map>

#include "ops/cells.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

struct Settings {
  enum class Mode : uint8_t { kTf, kIdf, kTfIdf } mode;
  int64_t min_length, max_length, max_skips;
  int64_t width;  // of the output
};

Result<Settings::Mode> read_mode(const AttrMap& attrs) {
  const std::string& mode = attrs.get_string("mode");
  if (mode == "TF") return Settings::Mode::kTf;
  if (mode == "IDF") return Settings::Mode::kIdf;
  if (mode == "TFIDF") return Settings::Mode::kTfIdf;
  return fail(Code::kInvalidArgument, "mode is '{}', expected TF, IDF or TFIDF", mode);
}

// The pool is cut into 1-grams, 2-grams, ... where ngram_counts says; all must come out even.
Result<void> check_pool(const AttrMap& attrs) {
  if (attrs.has("pool_strings") == attrs.has("pool_int64s")) {
    return fail(Code::kInvalidGraph, "expected one of pool_strings and pool_int64s");
  }
  const bool strings = attrs.has("pool_strings");
  const auto items = static_cast<int64_t>(strings ? attrs.get_strings("pool_strings").size()
                                                  : attrs.get_ints("pool_int64s").size());
  const auto& starts = attrs.get_ints("ngram_counts");
  int64_t grams = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t end = i + 1 < starts.size() ? starts[i + 1] : items;
    const auto length = static_cast<int64_t>(i) + 1;
    if (starts[i] < 0 || end < starts[i] || end > items || (end - starts[i]) % length != 0) {
      return fail(Code::kInvalidArgument,
                  "ngram_counts says that the {}-grams are items {} to {} of {} in the pool",
                  length, starts[i], end, items);
    }
    grams += (end - starts[i]) / length;
  }
  const auto indexed = static_cast<int64_t>(attrs.get_ints("ngram_indexes").size());
  if (grams == indexed) return {};
  return fail(Code::kInvalidArgument, "the pool has {} n-grams, ngram_indexes {}; expected as many",
              grams, indexed);
}

Result<Settings> read_settings(const AttrMap& attrs) {
  Settings settings{TRY(read_mode(attrs)), attrs.get_int("min_gram_length"),
                    attrs.get_int("max_gram_length"), attrs.get_int("max_skip_count"), 0};
  if (settings.min_length < 1 || settings.max_length < settings.min_length ||
      settings.max_skips < 0) {
    return fail(Code::kInvalidArgument,
                "min_gram_length is {}, max_gram_length {}, max_skip_count {}; expected 1 <= min "
                "<= max and no negative skips",
                settings.min_length, settings.max_length, settings.max_skips);
  }
  TRY(check_pool(attrs));
  const auto& indexes = attrs.get_ints("ngram_indexes");
  constexpr int64_t kMaxWidth = int64_t{1} << 40;
  for (int64_t index : indexes) {
    if (index < 0 || index >= kMaxWidth) {
      return fail(Code::kInvalidArgument, "ngram_indexes has {}, expected 0 to {}", index,
                  kMaxWidth - 1);
    }
    settings.width = std::max(settings.width, index + 1);
  }
  const size_t weights = attrs.get_floats("weights").size();
  if (weights == 0 || weights == indexes.size()) return settings;
  return fail(Code::kInvalidArgument, "{} weights for {} n-grams; expected as many", weights,
              indexes.size());
}

Result<void> infer_tfidf(InferContext& context) {
  const Settings settings = TRY(read_settings(context.attrs()));
  const bool strings = context.attrs().has("pool_strings");
  if (context.dtype(0) != DType::kUndefined && (context.dtype(0) == DType::kString) != strings) {
    return fail(Code::kInvalidArgument, "{} must be {}, as the pool is", context.describe(0),
                strings ? "strings" : "integers");
  }
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kFloat32);
    return {};
  }
  if (context.rank(0) != 1 && context.rank(0) != 2) {
    return fail(Code::kInvalidArgument, "{} has rank {}, expected 1 or 2", context.describe(0),
                context.rank(0));
  }
  Dims dims = context.dims(0);
  dims.back() = settings.width;
  context.set_output(0, DType::kFloat32, std::move(dims));
  return {};
}

// A set of n-grams over numbered tokens; node 0 is the root.
class Trie {
 public:
  static constexpr int64_t kNone = -1;

  int64_t next(int64_t node, int64_t token) const {
    const auto found = edges_.find(key(node, token));
    return found == edges_.end() ? kNone : found->second;
  }
  int64_t gram(int64_t node) const { return grams_[static_cast<size_t>(node)]; }

  void add(std::span<const int64_t> tokens, int64_t gram) {
    int64_t node = 0;
    for (int64_t token : tokens) {
      const auto [edge, added] =
          edges_.try_emplace(key(node, token), static_cast<int64_t>(grams_.size()));
      if (added) grams_.push_back(kNone);
      node = edge->second;
    }
    grams_[static_cast<size_t>(node)] = gram;
  }

 private:
  // Fewer than 2^32 nodes and tokens: each item of the pool adds at most one.
  static uint64_t key(int64_t node, int64_t token) {
    return static_cast<uint64_t>(node) << 32 | static_cast<uint64_t>(token);
  }
  std::unordered_map<uint64_t, int64_t> edges_;
  std::vector<int64_t> grams_ = {kNone};
};

template <class Token>
struct Vectorizer {
  Settings settings;
  std::vector<int64_t> indexes;
  std::vector<float> weights;
  std::unordered_map<Token, int64_t> numbers;
  Trie trie;

  Vectorizer(const Settings& given, const AttrMap& attrs, const std::vector<Token>& pool)
      : settings(given), indexes(attrs.get_ints("ngram_indexes")) {
    if (settings.mode != Settings::Mode::kTf) weights = attrs.get_floats("weights");
    std::vector<int64_t> tokens;
    tokens.reserve(pool.size());
    for (const Token& token : pool) {
      tokens.push_back(numbers.try_emplace(token, int64_t(numbers.size())).first->second);
    }
    const auto& starts = attrs.get_ints("ngram_counts");
    int64_t gram = 0;
    for (size_t i = 0; i < starts.size(); ++i) {
      const size_t end = i + 1 < starts.size() ? size_t(starts[i + 1]) : pool.size();
      for (auto at = static_cast<size_t>(starts[i]); at < end; at += i + 1) {
        trie.add({tokens.data() + at, i + 1}, gram++);
      }
    }
  }

  int64_t number(const Token& token) const {
    const auto found = numbers.find(token);
    return found == numbers.end() ? Trie::kNone : found->second;
  }

  void hit(int64_t gram, float* dst) const {
    const auto i = static_cast<size_t>(gram);
    const float weight = weights.empty() ? 1.f : weights[i];
    float& count = dst[indexes[i]];
    count = settings.mode == Settings::Mode::kIdf ? weight : count + weight;
  }

  // The n-grams of at least `shortest` tokens that stand `distance` apart, from `start` on.
  void walk(std::span<const int64_t> tokens, size_t start, size_t distance, int64_t shortest,
            float* dst) const {
    int64_t node = 0;
    int64_t length = 1;
    for (size_t at = start; at < tokens.size() && length <= settings.max_length;
         at += distance, ++length) {
      node = tokens[at] == Trie::kNone ? Trie::kNone : trie.next(node, tokens[at]);
      if (node == Trie::kNone) return;
      if (length >= shortest && trie.gram(node) != Trie::kNone) hit(trie.gram(node), dst);
    }
  }

  void count(std::span<const int64_t> tokens, float* dst) const {
    const auto length = static_cast<int64_t>(tokens.size());
    for (int64_t skips = 0; skips <= std::min(settings.max_skips, length); ++skips) {
      // Skips make no difference to single tokens.
      const int64_t shortest =
          skips == 0 ? settings.min_length : std::max<int64_t>(settings.min_length, 2);
      if (shortest > settings.max_length) return;
      for (size_t start = 0; start < tokens.size(); ++start) {
        walk(tokens, start, static_cast<size_t>(skips) + 1, shortest, dst);
      }
    }
  }
};

template <class Token, class Element>
void vectorize(const Vectorizer<Token>& vectorizer, const TensorView& src, const TensorView& dst,
               ThreadPool* pool) {
  const int64_t length = src.shape[src.shape.rank() - 1];
  const int64_t rows = src.shape.rank() == 1 ? 1 : src.shape[0];
  const int64_t width = vectorizer.settings.width;
  parallel_ranges(pool, rows, length * 256, [&](int64_t first, int64_t last) {
    std::vector<int64_t> tokens(static_cast<size_t>(length));
    for (int64_t row = first; row < last; ++row) {
      const Element* from = src.as<const Element>() + row * length;
      for (int64_t i = 0; i < length; ++i) tokens[size_t(i)] = vectorizer.number(from[i]);
      float* to = dst.as<float>() + row * width;
      std::fill_n(to, width, 0.f);
      vectorizer.count(tokens, to);
    }
  });
}

template <class Token>
std::unique_ptr<Kernel> make_vectorizer(Vectorizer<Token> vectorizer) {
  return make_kernel([vectorizer = std::move(vectorizer)](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    Shape shape = src.shape;
    shape[shape.rank() - 1] = vectorizer.settings.width;
    const TensorView dst = args.allocate(0, DType::kFloat32, shape);
    if (args.failed()) return;
    if constexpr (std::is_same_v<Token, std::string>) {
      vectorize<Token, std::string>(vectorizer, src, dst, args.pool);
    } else if (src.dtype == DType::kInt32) {
      vectorize<Token, int32_t>(vectorizer, src, dst, args.pool);
    } else {
      vectorize<Token, int64_t>(vectorizer, src, dst, args.pool);
    }
  });
}

Result<std::unique_ptr<Kernel>> make_tfidf(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const Settings settings = TRY(read_settings(attrs));
  if (attrs.has("pool_strings")) {
    return make_vectorizer(
        Vectorizer<std::string>(settings, attrs, attrs.get_strings("pool_strings")));
  }
  return make_vectorizer(Vectorizer<int64_t>(settings, attrs, attrs.get_ints("pool_int64s")));
}

}  // namespace

OpDef op_TfIdfVectorizer() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {9};
  op.inputs = {{"X", "T", dtype_set(DType::kString, DType::kInt32, DType::kInt64)}};
  op.outputs = {{"Y", "T1", dtype_set(DType::kFloat32)}};
  op.attrs = {
      required_attr("mode", Kind::kString),         required_attr("min_gram_length", Kind::kInt),
      required_attr("max_gram_length", Kind::kInt), required_attr("max_skip_count", Kind::kInt),
      required_attr("ngram_counts", Kind::kInts),   required_attr("ngram_indexes", Kind::kInts),
      optional_attr("pool_int64s", Kind::kInts),    optional_attr("pool_strings", Kind::kStrings),
      optional_attr("weights", Kind::kFloats)};
  op.infer = infer_tfidf;
  op.kernels = {{"trie", make_tfidf}};
  return op;
}

}  // namespace sardonyx
