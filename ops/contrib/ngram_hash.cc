// com.microsoft NGramHashMapping and VarlenNGramHashMapping: numbers that stand for the last 2, 3,
// ... tokens at each place of a sequence: products of the tokens and multipliers, xor-ed, modulo
// the sizes of some vocabularies. The sequences are rows, or lie end to end.
#include <algorithm>
#include <cstring>

#include "ops/contrib/sequences.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr size_t kIds = 0, kMultipliers = 1, kSizes = 2;
constexpr DTypeSet kIdTypes = dtype_set(DType::kInt32, DType::kInt64);
constexpr DTypeSet kInts = dtype_set(DType::kInt32);

// Where the two operators have their operands; 0: not there.
struct HashOperands {
  size_t bounds, past, offsets, eos, segments, past_segments, captures;
  size_t present_segments, states;  // outputs; present_ids is output 1
};
constexpr HashOperands kRows = {0, 3, 4, 5, 6, 0, 0, 0, 0};
constexpr HashOperands kVarlen = {3, 4, 5, 6, 7, 8, 9, 2, 3};

// ---- types and shapes

Result<void> check_attrs(const InferContext& context, const HashOperands& at) {
  const AttrMap& attrs = context.attrs();
  const int64_t orders = attrs.get_int("max_ngram_size"), heads = attrs.get_int("n_head_per_ngram");
  if (orders < 2 || orders > 64 || heads < 1 || heads > 4096) {
    return fail(Code::kInvalidGraph,
                "max_ngram_size is {} and n_head_per_ngram {}, expected 2 to 64 and 1 to 4096",
                orders, heads);
  }
  if (at.captures != 0) TRY(check_captures(context, at.captures));
  if (at.past_segments == 0 || !context.has_input(at.past_segments) ||
      context.has_input(at.segments)) {
    return {};
  }
  return fail(Code::kInvalidGraph, "past_segment_ids needs segment_ids");
}

Result<void> infer(InferContext& context, const HashOperands& at) {
  TRY(check_attrs(context, at));
  const AttrMap& attrs = context.attrs();
  const int64_t before = attrs.get_int("max_ngram_size") - 1;
  const int64_t heads = before * attrs.get_int("n_head_per_ngram");
  const DType dtype = context.dtype(kIds);
  const int64_t rank = at.bounds == 0 ? 2 : 1;
  TRY(expect_rank(context, kIds, rank));
  TRY(expect_rank(context, at.past, 2));
  TRY(expect_rank(context, at.segments, rank));
  Dim batch = Dim::unknown();
  if (at.bounds != 0) {
    TRY(expect_rank(context, at.bounds, 1));
    if (context.has_rank(at.bounds) && context.dims(at.bounds)[0].is_constant()) {
      batch = context.dims(at.bounds)[0] - 1;
    }
  } else if (context.has_rank(kIds)) {
    batch = context.dims(kIds)[0];
  }
  Dims hashes = context.has_rank(kIds) ? context.dims(kIds) : Dims(static_cast<size_t>(rank));
  hashes.push_back(Dim(heads));
  context.set_output(0, dtype, std::move(hashes));
  context.set_output(1, dtype, {batch, Dim(before)});
  if (at.present_segments != 0) {
    context.set_output(at.present_segments, DType::kInt32, {batch, Dim(before)});
  }
  if (at.states != 0) {
    context.set_output(at.states, dtype,
                       {batch, Dim(attrs.get_int("state_update_capacity")), Dim(before)});
  }
  return {};
}

Result<void> infer_rows(InferContext& context) { return infer(context, kRows); }
Result<void> infer_varlen(InferContext& context) { return infer(context, kVarlen); }

// ---- kernel

// A sequence with what was before it.
template <class T>
struct History {
  std::vector<T> ids;
  std::vector<int32_t> segments;  // empty: there are none
  size_t before = 0;              // of them, those before the sequence
};

struct HashOutputs {
  TensorView hashes, present, segments, states;
};

template <class T>
class HashKernel final : public Kernel {
 public:
  HashKernel(const KernelRequest& request, const HashOperands& at)
      : at_(at),
        before_(static_cast<size_t>(request.node.attrs.get_int("max_ngram_size") - 1)),
        heads_(static_cast<size_t>(request.node.attrs.get_int("n_head_per_ngram"))),
        pad_(static_cast<T>(request.node.attrs.get_int("pad_id"))),
        resets_(request.node.attrs.get_int("reset_on_eos") != 0),
        capacity_(at.captures == 0 ? 0 : request.node.attrs.get_int("state_update_capacity")) {}

  void run(RunArgs& args) const override {
    Ranges ranges = at_.bounds != 0 ? packed_ranges(args, at_.bounds, args.inputs[kIds].count())
                                    : equal_ranges(args.inputs[kIds].shape);
    if (args.failed() || !check(args, ranges)) return;
    const auto batch = static_cast<int64_t>(ranges.size());
    const DType dtype = args.inputs[kIds].dtype;
    const auto before = static_cast<int64_t>(before_);
    Shape shape = args.inputs[kIds].shape;
    std::vector<int64_t> dims(shape.begin(), shape.end());
    dims.push_back(static_cast<int64_t>(before_ * heads_));
    HashOutputs outputs;
    outputs.hashes = wanted(args, 0, dtype, Shape(dims));
    outputs.present = wanted(args, 1, dtype, {batch, before});
    if (at_.present_segments != 0) {
      outputs.segments = wanted(args, at_.present_segments, DType::kInt32, {batch, before});
    }
    if (at_.states != 0) {
      outputs.states = wanted(args, at_.states, dtype, {batch, capacity_, before});
    }
    if (args.failed()) return;
    args.pool->parallel_for(batch, [&](int64_t item) {
      run_item(args, ranges[static_cast<size_t>(item)], item, outputs);
    });
  }

 private:
  static bool given(const RunArgs& args, size_t index) {
    return index != 0 && index < args.inputs.size() && args.inputs[index].data != nullptr;
  }

  static TensorView wanted(RunArgs& args, size_t index, DType dtype, const Shape& shape) {
    const bool asked = index < args.outputs.size() && (args.output_values[index] != nullptr ||
                                                       args.outputs[index].data != nullptr);
    return asked ? args.allocate(index, dtype, shape) : TensorView();
  }

  bool expect_count(RunArgs& args, size_t index, const char* name, int64_t wanted) const {
    if (!given(args, index) || args.inputs[index].count() == wanted) return true;
    args.report(Code::kInvalidArgument, fmt::format("{} is {}, expected {} numbers", name,
                                                    args.inputs[index].shape.to_string(), wanted));
    return false;
  }

  bool check(RunArgs& args, const Ranges& ranges) const {
    const auto batch = static_cast<int64_t>(ranges.size());
    const auto before = static_cast<int64_t>(before_), all = static_cast<int64_t>(before_ * heads_);
    const int64_t tokens = args.inputs[kIds].count();
    if (!expect_count(args, kSizes, "vocab_sizes", all) ||
        !expect_count(args, at_.past, "past_ids", batch * before) ||
        !expect_count(args, at_.offsets, "head_offsets", all) ||
        !expect_count(args, at_.eos, "eos_token_id", 1) ||
        !expect_count(args, at_.segments, "segment_ids", tokens) ||
        !expect_count(args, at_.past_segments, "past_segment_ids", batch * before) ||
        !expect_count(args, at_.captures, "capture_count", batch)) {
      return false;
    }
    if (args.inputs[kMultipliers].count() <= before) {
      args.report(Code::kInvalidArgument,
                  fmt::format("multipliers has {} numbers, expected {}",
                              args.inputs[kMultipliers].count(), before + 1));
      return false;
    }
    for (int64_t i = 0; i < all; ++i) {
      const T size = args.inputs[kSizes].as<T>()[i];
      if (size > 0) continue;
      args.report(Code::kInvalidArgument,
                  fmt::format("vocab_sizes[{}] is {}, expected 1 or more", i, size));
      return false;
    }
    return true;
  }

  // What stands for tokens that are not there.
  T missing(const RunArgs& args) const {
    return given(args, at_.eos) ? args.inputs[at_.eos].as<T>()[0] : pad_;
  }

  History<T> read_history(const RunArgs& args, const Range& range, int64_t item) const {
    History<T> history;
    history.before = before_;
    const auto past = [&](size_t index, auto& numbers, auto fallback) {
      using N = decltype(fallback);
      if (!given(args, index)) return numbers.assign(before_, fallback);
      const N* from = args.inputs[index].as<N>() + item * static_cast<int64_t>(before_);
      numbers.assign(from, from + before_);
    };
    past(at_.past, history.ids, missing(args));
    const T* ids = args.inputs[kIds].as<T>();
    history.ids.insert(history.ids.end(), ids + range.begin, ids + range.end);
    if (!given(args, at_.segments)) return history;
    const int32_t* segments = args.inputs[at_.segments].as<int32_t>();
    // Without segments of its own, the past belongs to the first one.
    past(at_.past_segments, history.segments, range.begin < range.end ? segments[range.begin] : 0);
    history.segments.insert(history.segments.end(), segments + range.begin, segments + range.end);
    return history;
  }

  void run_item(const RunArgs& args, const Range& range, int64_t item,
                const HashOutputs& outputs) const {
    const History<T> history = read_history(args, range, item);
    const size_t count = history.ids.size() - before_;
    if (outputs.hashes.data != nullptr) {
      const size_t width = before_ * heads_;
      T* dst = outputs.hashes.as<T>() + range.begin * static_cast<int64_t>(width);
      for (size_t i = 0; i < count; ++i) hash(args, history, before_ + i, dst + i * width);
    }
    const size_t row = static_cast<size_t>(item) * before_;
    if (outputs.present.data != nullptr) {
      std::copy(history.ids.end() - static_cast<int64_t>(before_), history.ids.end(),
                outputs.present.as<T>() + row);
    }
    if (outputs.segments.data != nullptr) {
      std::vector<int32_t> last(before_, 0);
      if (!history.segments.empty()) {
        last.assign(history.segments.end() - static_cast<int64_t>(before_), history.segments.end());
      }
      std::copy(last.begin(), last.end(), outputs.segments.as<int32_t>() + row);
    }
    if (outputs.states.data == nullptr) return;
    const int64_t captured =
        captured_count(args, at_.captures, item, capacity_, static_cast<int64_t>(count));
    T* states = outputs.states.as<T>() + static_cast<int64_t>(row) * capacity_;
    for (int64_t slot = 0; slot < capacity_; ++slot, states += before_) {
      if (slot < captured) {
        std::copy_n(history.ids.begin() + slot + 1, before_, states);
      } else {
        std::fill_n(states, before_, pad_);
      }
    }
  }

  // All heads of the token at `place`.
  void hash(const RunArgs& args, const History<T>& history, size_t place, T* dst) const {
    using Unsigned = std::make_unsigned_t<T>;
    const T* multipliers = args.inputs[kMultipliers].as<T>();
    const T* sizes = args.inputs[kSizes].as<T>();
    const T* offsets = given(args, at_.offsets) ? args.inputs[at_.offsets].as<T>() : nullptr;
    const T eos = missing(args);
    const bool resets = resets_ && given(args, at_.eos);
    const auto product = [&](T id, size_t shift) {
      return static_cast<Unsigned>(id) * static_cast<Unsigned>(multipliers[shift]);
    };
    Unsigned mix = product(history.ids[place], 0);
    bool cut = false;  // what is further back belongs to another text
    for (size_t shift = 1; shift <= before_; ++shift) {
      const size_t at = place - shift;
      const bool other =
          !history.segments.empty() && history.segments[at] != history.segments[at + 1];
      cut = cut || other || (resets && history.ids[at] == eos);
      mix ^= product(cut ? eos : history.ids[at], shift);
      for (size_t head = 0; head < heads_; ++head) {
        const size_t i = (shift - 1) * heads_ + head;
        T hashed = static_cast<T>(static_cast<T>(mix) % sizes[i]);
        if (hashed < 0) hashed = static_cast<T>(hashed + sizes[i]);
        if (offsets != nullptr) {
          hashed =
              static_cast<T>(static_cast<Unsigned>(hashed) + static_cast<Unsigned>(offsets[i]));
        }
        dst[i] = hashed;
      }
    }
  }

  HashOperands at_;
  size_t before_, heads_;
  T pad_;
  bool resets_;
  int64_t capacity_;
};

Result<std::unique_ptr<Kernel>> make(const KernelRequest& request, const HashOperands& at) {
  if (request.inputs[kIds].dtype() == DType::kInt64) {
    return std::make_unique<HashKernel<int64_t>>(request, at);
  }
  return std::make_unique<HashKernel<int32_t>>(request, at);
}
Result<std::unique_ptr<Kernel>> make_rows(const KernelRequest& request) {
  return make(request, kRows);
}
Result<std::unique_ptr<Kernel>> make_varlen(const KernelRequest& request) {
  return make(request, kVarlen);
}

OpDef hash_op() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1};
  op.inputs = {
      {"input_ids", "M", kIdTypes}, {"multipliers", "M", kIdTypes}, {"vocab_sizes", "M", kIdTypes}};
  op.outputs = {{"hash_ids", "M", kIdTypes}, {"present_ids", "M", kIdTypes, Form::kOptional}};
  op.attrs = {required_attr("max_ngram_size", Kind::kInt),
              required_attr("n_head_per_ngram", Kind::kInt), required_attr("pad_id", Kind::kInt),
              int_attr("reset_on_eos", 0)};
  return op;
}

FormalParam ids(const char* name) { return {name, "M", kIdTypes, Form::kOptional}; }
FormalParam ints(const char* name, Form form = Form::kOptional) { return {name, "", kInts, form}; }

}  // namespace

OpDef op_NGramHashMapping() {
  OpDef op = hash_op();
  for (const char* name : {"past_ids", "head_offsets", "eos_token_id"}) {
    op.inputs.push_back(ids(name));
  }
  op.inputs.push_back(ints("segment_ids"));
  op.infer = infer_rows;
  op.kernels = {{"reference", make_rows}};
  return op;
}

OpDef op_VarlenNGramHashMapping() {
  OpDef op = hash_op();
  op.inputs.push_back(ints("cumulative_sequence_length", Form::kSingle));
  for (const char* name : {"past_ids", "head_offsets", "eos_token_id"}) {
    op.inputs.push_back(ids(name));
  }
  for (const char* name : {"segment_ids", "past_segment_ids", "capture_count"}) {
    op.inputs.push_back(ints(name));
  }
  op.outputs.push_back(ints("present_segment_ids"));
  op.outputs.push_back(ids("state_update"));
  op.attrs.push_back(int_attr("state_update_capacity", 0));
  op.infer = infer_varlen;
  op.kernels = {{"reference", make_varlen}};
  return op;
}

}  // namespace sardonyx
