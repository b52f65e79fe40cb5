// com.microsoft: MurmurHash3 NGramRepeatBlock BifurcationDetector WordConvEmbedding: tokens, their
// hashes, repetitions and letters.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/number.h"
#include "ops/op.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> expect_concrete_inputs(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  return {};
}

// ---- MurmurHash3: the 32-bit hash of Austin Appleby's MurmurHash3_x86_32 (public domain)

uint32_t rotate_left(uint32_t x, int bits) { return (x << bits) | (x >> (32 - bits)); }

uint32_t murmur_block(uint32_t block) {
  block *= 0xcc9e2d51u;
  block = rotate_left(block, 15);
  return block * 0x1b873593u;
}

uint32_t murmur3(const void* data, size_t bytes, uint32_t seed) {
  const auto* at = static_cast<const unsigned char*>(data);
  uint32_t hash = seed;
  for (size_t i = 0; i + 4 <= bytes; i += 4) {
    uint32_t block = 0;
    std::memcpy(&block, at + i, 4);
    hash = rotate_left(hash ^ murmur_block(block), 13) * 5 + 0xe6546b64u;
  }
  uint32_t tail = 0;
  for (size_t i = bytes & 3; i > 0; --i) tail = (tail << 8) | at[(bytes & ~size_t{3}) + i - 1];
  if ((bytes & 3) != 0) hash ^= murmur_block(tail);
  hash ^= static_cast<uint32_t>(bytes);
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
  return hash ^ (hash >> 16);
}

Result<void> infer_murmur(InferContext& context) {
  const bool positive = context.attrs().get_int("positive") != 0;
  const DType dtype = positive ? DType::kUint32 : DType::kInt32;
  if (context.has_rank(0)) {
    context.set_output(0, dtype, context.dims(0));
  } else {
    context.set_output(0, dtype);
  }
  return {};
}

Result<std::unique_ptr<Kernel>> make_murmur(const KernelRequest& request) {
  const auto seed = static_cast<uint32_t>(request.node.attrs.get_int("seed"));
  return make_kernel([seed](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    auto* dst = static_cast<uint32_t*>(args.outputs[0].data);
    const size_t bytes = x.dtype == DType::kString ? 0 : dtype_bytes(x.dtype, 1);
    for (int64_t i = 0; i < x.count(); ++i) {
      if (x.dtype == DType::kString) {
        const std::string& text = x.as<std::string>()[i];
        dst[i] = murmur3(text.data(), text.size(), seed);
      } else {
        dst[i] =
            murmur3(static_cast<const char*>(x.data) + static_cast<size_t>(i) * bytes, bytes, seed);
      }
    }
  });
}

// ---- NGramRepeatBlock: -infinity for a token that would end an n-gram that was there before

Result<void> infer_repeat(InferContext& context) {
  TRY(expect_rank(context, 0, 2));
  TRY(expect_rank(context, 1, 2));
  if (context.attrs().get_int("ngram_size") < 1) {
    return fail(Code::kInvalidGraph, "ngram_size must be 1 or more");
  }
  if (context.has_rank(0) && context.has_rank(1)) {
    TRY(same_dim(context.dims(0)[0], context.dims(1)[0], "the batch"));
  }
  if (context.has_rank(1)) {
    context.set_output(0, context.dtype(1), context.dims(1));
  } else {
    context.set_output(0, context.dtype(1));
  }
  return {};
}

Result<std::unique_ptr<Kernel>> make_repeat(const KernelRequest& request) {
  TRY(expect_concrete_inputs(request));
  const int64_t size = request.node.attrs.get_int("ngram_size");
  return make_kernel([size](RunArgs& args) {
    const int64_t batch = args.inputs[0].shape[0], length = args.inputs[0].shape[1];
    const int64_t words = args.inputs[1].shape[1];
    float* dst = args.outputs[0].as<float>();
    std::copy_n(args.inputs[1].as<float>(), batch * words, dst);
    for (int64_t item = 0; item < batch; ++item) {
      const int64_t* ids = args.inputs[0].as<int64_t>() + item * length;
      const int64_t* last = ids + length - (size - 1);
      for (int64_t i = 0; i + size <= length; ++i) {
        if (!std::equal(last, ids + length, ids + i)) continue;
        const int64_t word = ids[i + size - 1];
        if (word < 0 || word >= words) {
          args.report(Code::kInvalidArgument,
                      fmt::format("input_ids has {} for {} scores", word, words));
          return;
        }
        dst[item * words + word] = -std::numeric_limits<float>::infinity();
      }
    }
  });
}

// ---- BifurcationDetector

Result<void> infer_bifurcation(InferContext& context) {
  const int64_t least = context.attrs().get_int("min_ngram_size");
  const int64_t most = context.attrs().get_int("max_ngram_size");
  if (least < 1 || most < least) {
    return fail(Code::kInvalidGraph,
                "min_ngram_size is {} and max_ngram_size {}, expected 1 <= min <= max", least,
                most);
  }
  TRY(expect_rank(context, 0, 1));
  TRY(expect_rank(context, 1, 1));
  TRY(expect_rank(context, 3, 1));
  context.set_output(0, DType::kInt64, {Dim::unknown()});
  context.set_output(1, DType::kInt64, Dims{});
  return {};
}

using Tokens = std::vector<int64_t>;

// Where the last n tokens stand in the source, for the longest n that is found once alone; else -1.
int64_t suffix_match(const Tokens& tokens, std::span<const int64_t> source, int64_t least,
                     int64_t most) {
  int64_t match = -1;
  const auto count = static_cast<int64_t>(tokens.size());
  for (int64_t n = least; n <= most && n <= count; ++n) {
    const auto begin = tokens.end() - n;
    const auto first = std::search(source.begin(), source.end(), begin, tokens.end());
    if (first == source.end()) break;
    match = first - source.begin() + n;
    if (match >= static_cast<int64_t>(source.size())) break;
    const auto second = std::search(first + 1, source.end(), begin, tokens.end());
    if (second == source.end()) break;  // once alone
    match = -1;
  }
  return match;
}

Result<std::unique_ptr<Kernel>> make_bifurcation(const KernelRequest& request) {
  const int64_t least = request.node.attrs.get_int("min_ngram_size");
  const int64_t most = request.node.attrs.get_int("max_ngram_size");
  return make_kernel([least, most](RunArgs& args) {
    const auto source = args.inputs[0].elements<const int64_t>();
    const auto current = args.inputs[1].elements<const int64_t>();
    Tokens tokens(current.begin(), current.end());
    if (args.inputs.size() > 3 && args.inputs[3].data != nullptr) {
      const auto predicted = args.inputs[3].elements<const int64_t>();
      const int64_t from = args.inputs[2].count() == 1 ? args.inputs[2].as<int64_t>()[0] : -1;
      const auto length = static_cast<int64_t>(source.size());
      if (from < 0 || from > length ||
          predicted.size() != source.size() + 1 - static_cast<size_t>(from)) {
        args.report(Code::kInvalidArgument,
                    fmt::format("prev_suffix_match_idx is {} for {} source tokens and {} predicted "
                                "ones, of which there must be one more than source tokens from it",
                                from, length, predicted.size()));
        return;
      }
      int64_t same = 0;
      while (from + same < length &&
             predicted[static_cast<size_t>(same)] == source[static_cast<size_t>(from + same)]) {
        ++same;
      }
      tokens.insert(tokens.end(), predicted.begin(), predicted.begin() + same + 1);
    }
    const TensorView dst = args.allocate(0, DType::kInt64, {static_cast<int64_t>(tokens.size())});
    if (args.failed()) return;
    std::copy(tokens.begin(), tokens.end(), dst.as<int64_t>());
    args.outputs[1].as<int64_t>()[0] = suffix_match(tokens, source, least, most);
  });
}

// ---- WordConvEmbedding(words as letters, W, B, letters' vectors): tanh of the convolution over
// the letters of a word, and of it the maximum over the letters

// An attribute that repeats a dim of an input.
Result<void> expect_dim(const InferContext& context, const char* attr, size_t input, size_t axis) {
  if (!context.attrs().has(attr) || !context.has_rank(input)) return {};
  const Dim& dim = context.dims(input)[axis];
  const int64_t size = context.attrs().get_int(attr);
  if (!dim.is_constant() || dim == Dim(size)) return {};
  return fail(Code::kInvalidGraph, "{} is {}, but dim {} of {} is {}", attr, size, axis,
              context.describe(input), dim.value());
}

Result<void> infer_word_conv(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  TRY(expect_rank(context, 1, 4));
  TRY(expect_rank(context, 2, 1));
  TRY(expect_rank(context, 3, 2));
  TRY(expect_dim(context, "embedding_size", 1, 0));
  TRY(expect_dim(context, "conv_window_size", 1, 2));
  TRY(expect_dim(context, "char_embedding_size", 3, 1));
  if (!context.has_rank(0) || !context.has_rank(1)) {
    context.set_output(0, DType::kFloat32);
    return {};
  }
  Dims dims = context.dims(0);
  dims.back() = context.dims(1)[0];
  context.set_output(0, DType::kFloat32, dims);
  return {};
}

struct WordConv {
  int64_t words, letters, alphabet, vector, filters, window;
};

void embed_word(const WordConv& shape, const RunArgs& args, int64_t word) {
  const int32_t* letters = args.inputs[0].as<int32_t>() + word * shape.letters;
  const float* weights = args.inputs[1].as<float>();
  const float* bias = args.inputs[2].as<float>();
  const float* vectors = args.inputs[3].as<float>();
  float* dst = args.outputs[0].as<float>() + word * shape.filters;
  if (letters[0] == 0) {  // no word
    std::fill_n(dst, shape.filters, 0.f);
    return;
  }
  // Windows that begin behind the last letter count only where the word is shorter than a window.
  int64_t length = 0;
  while (length < shape.letters && letters[length] > 0) ++length;
  const int64_t windows = std::max<int64_t>(1, length - shape.window + 1);
  for (int64_t filter = 0; filter < shape.filters; ++filter) {
    double most = -std::numeric_limits<double>::infinity();
    for (int64_t at = 0; at < windows && at + shape.window <= shape.letters; ++at) {
      double sum = static_cast<double>(bias[filter]);
      for (int64_t i = 0; i < shape.window; ++i) {
        const float* vector = vectors + letters[at + i] * shape.vector;
        const float* row = weights + (filter * shape.window + i) * shape.vector;
        for (int64_t d = 0; d < shape.vector; ++d) {
          sum += static_cast<double>(vector[d]) * static_cast<double>(row[d]);
        }
      }
      most = std::max(most, std::tanh(sum));
    }
    dst[filter] = static_cast<float>(most);
  }
}

Result<std::unique_ptr<Kernel>> make_word_conv(const KernelRequest& request) {
  TRY(expect_concrete_inputs(request));
  const Shape words = request.inputs[0].shape(), w = request.inputs[1].shape();
  const Shape vectors = request.inputs[3].shape();
  const WordConv shape = {
      words.count(0, words.rank() - 1), words.back(), vectors[0], vectors[1], w[0], w[2]};
  if (w[1] != 1 || w[3] != shape.vector || request.inputs[2].shape()[0] != w[0]) {
    return fail(Code::kInvalidArgument, "W is {}, expected Fx1xWx{} with F as in B", w.to_string(),
                shape.vector);
  }
  return make_kernel([shape](RunArgs& args) {
    for (const int32_t letter : args.inputs[0].elements<const int32_t>()) {
      if (letter >= 0 && letter < shape.alphabet) continue;
      args.report(Code::kInvalidArgument,
                  fmt::format("letter {} is outside of the {} vectors", letter, shape.alphabet));
      return;
    }
    args.pool->parallel_for(shape.words, [&](int64_t word) { embed_word(shape, args, word); });
  });
}

}  // namespace

OpDef op_MurmurHash3() {
  const DTypeSet types = dtype_set(DType::kInt32, DType::kUint32, DType::kInt64, DType::kUint64,
                                   DType::kFloat32, DType::kFloat64, DType::kString);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T1", types}};
  op.outputs = {{"Y", "T2", dtype_set(DType::kInt32, DType::kUint32)}};
  op.attrs = {int_attr("positive", 1), int_attr("seed", 0)};
  op.infer = infer_murmur;
  op.kernels = {{"reference", make_murmur}};
  return op;
}
OpDef op_NGramRepeatBlock() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"input_ids", "Tid", dtype_set(DType::kInt64)},
               {"scores", "T", dtype_set(DType::kFloat32)}};
  op.outputs = {{"scores_out", "T", dtype_set(DType::kFloat32)}};
  op.attrs = {required_attr("ngram_size", FormalAttr::Kind::kInt)};
  op.infer = infer_repeat;
  op.kernels = {{"reference", make_repeat}};
  return op;
}
OpDef op_BifurcationDetector() {
  const DTypeSet i64 = dtype_set(DType::kInt64);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"src_tokens", "T", i64},
               {"cur_tokens", "T", i64},
               {"prev_suffix_match_idx", "T", i64},
               {"pred_tokens", "T", i64, Form::kOptional}};
  op.outputs = {{"tokens", "T", i64}, {"suffix_match_idx", "T", i64}};
  op.attrs = {int_attr("max_ngram_size", 3), int_attr("min_ngram_size", 1)};
  op.infer = infer_bifurcation;
  op.kernels = {{"reference", make_bifurcation}};
  return op;
}
OpDef op_WordConvEmbedding() {
  using Kind = FormalAttr::Kind;
  const DTypeSet f32 = dtype_set(DType::kFloat32);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"Sequence", "T", dtype_set(DType::kInt32)},
               {"W", "T1", f32},
               {"B", "T1", f32},
               {"C", "T1", f32}};
  op.outputs = {{"Y", "T1", f32}};
  op.attrs = {optional_attr("char_embedding_size", Kind::kInt),
              optional_attr("conv_window_size", Kind::kInt),
              optional_attr("embedding_size", Kind::kInt)};
  op.infer = infer_word_conv;
  op.kernels = {{"reference", make_word_conv}};
  return op;
}

}  // namespace sardonyx
