// sardonyx MatMulNBits: A times the transpose of weights stored in 2, 4 or 8 bits, plus a bias, in
// f32. com.microsoft MatMulNBits and MatMulBnb4 become it.
// Few rows of A take dot products with the codes; for more, panels of weights are decoded and
// multiplied by the register tile of f32 products. With accuracy_level 4, which allows it, rows of
// A are rounded to 8 bits instead, in chunks of 32 with a scale each.
#include <array>
#include <numeric>

#include "cpu/gemm.h"
#include "cpu/nbits_s8.h"
#include "ops/contrib/lowering.h"
#include "ops/quantize/block_weights.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kFloat = dtype_set(DType::kFloat32);
constexpr DTypeSet kByte = dtype_set(DType::kUint8);
constexpr DTypeSet kReal = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);

// What codes mean: numbers less half their range, or one of three tables of 4 bits.
enum CodeTable : int64_t { kIntegers = 0, kFp4 = 1, kNf4 = 2, kE2m1 = 3 };

// The 4-bit float with sign, the quantiles of the normal distribution (QLoRA, appendix E), and
// float4e2m1.
constexpr std::array<float, 16> kFp4Values = {
    0.0f,  0.0052083333f,  0.66666667f,  1.0f,  0.33333333f,  0.5f,  0.16666667f,  0.25f,
    -0.0f, -0.0052083333f, -0.66666667f, -1.0f, -0.33333333f, -0.5f, -0.16666667f, -0.25f};
constexpr std::array<float, 16> kNf4Values = {
    -1.0f,         -0.69619280f, -0.52507305f, -0.39491749f, -0.28444138f, -0.18477343f,
    -0.091050036f, 0.0f,         0.079580300f, 0.16093020f,  0.24611230f,  0.33791524f,
    0.44070983f,   0.56261700f,  0.72295684f,  1.0f};
constexpr std::array<float, 16> kE2m1Values = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,
                                               4.0f,  6.0f,  -0.0f, -0.5f, -1.0f, -1.5f,
                                               -2.0f, -3.0f, -4.0f, -6.0f};

const std::array<float, 16>& values_of(int64_t table) {
  return table == kFp4 ? kFp4Values : table == kNf4 ? kNf4Values : kE2m1Values;
}

struct Sizes {
  int64_t rows = 0, columns = 0, depth = 0;
  int bits = 4;
  int64_t block_size = 0, blocks = 0;

  int64_t zero_bytes() const { return (blocks * bits + 7) / 8; }  // per row, packed
};

Result<Sizes> read_sizes(const AttrMap& attrs) {
  Sizes sizes;
  sizes.columns = attrs.get_int("N");
  sizes.depth = attrs.get_int("K");
  sizes.bits = static_cast<int>(attrs.get_int("bits", 4));
  sizes.block_size = attrs.get_int("block_size");
  if (sizes.columns < 1 || sizes.depth < 1 || sizes.block_size < 1) {
    return fail(Code::kInvalidGraph, "N is {}, K is {}, block_size is {}: expected 1 or more",
                sizes.columns, sizes.depth, sizes.block_size);
  }
  if (sizes.bits != 2 && sizes.bits != 4 && sizes.bits != 8) {
    return fail(Code::kInvalidGraph, "bits is {}, expected 2, 4 or 8", sizes.bits);
  }
  if (sizes.columns > INT32_MAX || sizes.depth > INT32_MAX || sizes.block_size > INT32_MAX ||
      sizes.block_size * sizes.bits % 8 != 0) {
    return fail(Code::kInvalidGraph, "N={}, K={}, block_size={}: too large, or no whole bytes",
                sizes.columns, sizes.depth, sizes.block_size);
  }
  sizes.blocks = (sizes.depth + sizes.block_size - 1) / sizes.block_size;
  return sizes;
}

Result<void> expect_count(const InferContext& context, size_t index, std::vector<int64_t> counts,
                          std::string_view what) {
  if (!context.has_rank(index)) return {};
  const Dim count = product(context.dims(index));
  if (!count.is_constant()) return {};
  for (int64_t each : counts) {
    if (count == Dim(each)) return {};
  }
  return fail(Code::kInvalidArgument, "{} must have {} elements ({})", context.describe(index),
              counts[0], what);
}

Result<void> infer(InferContext& context) {
  const Sizes sizes = TRY(read_sizes(context.attrs()));
  const bool flat = context.attrs().get_int("flat") != 0;
  const int64_t n = sizes.columns, blocks = sizes.blocks, elements = n * sizes.depth;
  if (flat) {
    TRY(expect_count(context, 1, {(elements + 1) / 2}, "two codes in a byte"));
    TRY(expect_count(context, 2, {(elements + sizes.block_size - 1) / sizes.block_size},
                     "one per block"));
  } else {
    TRY(expect_count(context, 1, {n * blocks * sizes.block_size * sizes.bits / 8},
                     "N rows of whole blocks"));
    TRY(expect_count(context, 2, {n * blocks}, "one per block"));
    const bool packed = context.has_input(3) && context.dtype(3) == DType::kUint8;
    TRY(expect_count(context, 3, {packed ? n * sizes.zero_bytes() : n * blocks}, "one per block"));
    TRY(expect_count(context, 4, {sizes.depth, blocks * sizes.block_size}, "one per row of B"));
  }
  TRY(expect_count(context, 5, {n}, "one per column"));
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kFloat32);
    return {};
  }
  Dims dims = context.dims(0);
  if (dims.empty() || (dims.back().is_constant() && dims.back() != Dim(sizes.depth))) {
    return fail(Code::kInvalidArgument, "{} must have {} columns (K)", context.describe(0),
                sizes.depth);
  }
  dims.back() = Dim(n);
  context.set_output(0, DType::kFloat32, std::move(dims));
  return {};
}

class MatMulNBits final : public Kernel {
 public:
  MatMulNBits(const KernelRequest& request, const Sizes& sizes)
      : sizes_(sizes), tile_(gemm_kernels<float>(request.tier)) {
    const AttrMap& attrs = request.node.attrs;
    weights_.rows = sizes.columns;
    weights_.depth = sizes.depth;
    weights_.bits = sizes.bits;
    weights_.block_size = sizes.block_size;
    weights_.flat = attrs.get_int("flat") != 0;
    weights_.high_first = weights_.flat;
    weights_.kernels = &nbits_kernels(request.tier);
    has_zeros_ = request.has_input(3);
    has_index_ = request.has_input(4);
    packed_zeros_ = has_zeros_ && request.inputs[3].dtype() == DType::kUint8;
    const auto table = static_cast<CodeTable>(attrs.get_int("table"));
    if (table == kIntegers) {
      weights_.table.resize(size_t{1} << sizes.bits);
      const float first = has_zeros_ ? 0.0f : -static_cast<float>(1 << (sizes.bits - 1));
      std::iota(weights_.table.begin(), weights_.table.end(), first);
    } else {
      const auto& values = values_of(table);
      weights_.table.assign(values.begin(), values.end());
    }
    s8_ = attrs.get_int("accuracy_level") == 4 && table == kIntegers && !has_index_ &&
          !weights_.flat && weights_.can_dot();
    s8_kernels_ = &nbits_s8_kernels(request.tier);
    panels_ = (sizes.columns + tile_.panel_cols - 1) / tile_.panel_cols;
    tasks_ = std::min<int64_t>(panels_, 4 * request.threads);
  }

  size_t workspace_bytes() const override {
    return sizeof(float) *
           static_cast<size_t>(zero_count() +
                               std::max(sorted_floats(), 2 * tasks_ * panel_floats()));
  }
  double flops() const override {
    return 2.0 * static_cast<double>(sizes_.rows * sizes_.columns) *
           static_cast<double>(sizes_.depth);
  }

  void run(RunArgs& args) const override {
    BlockWeights weights = weights_;
    auto* space = static_cast<float*>(args.workspace);
    weights.codes = args.inputs[1].as<uint8_t>();
    weights.scales = args.inputs[2].as<float>();
    if (has_index_) weights.block_of = args.inputs[4].as<int32_t>();
    if (has_zeros_) weights.zeros = read_zeros(args, space);
    if (has_index_ && !check_index(args, weights)) return;
    space += zero_count();
    const float* bias = args.inputs.size() > 5 ? args.inputs[5].as<float>() : nullptr;
    if (s8_) {
      run_s8(args, weights, bias, reinterpret_cast<std::byte*>(space));
    } else if (uses_dots()) {
      run_dots(args, weights, bias, space);
    } else {
      run_panels(args, weights, bias, space);
    }
  }

 private:
  // Beyond that many rows decoding once costs less.
  bool uses_dots() const { return sizes_.rows <= 4 && !has_index_ && weights_.can_dot(); }
  int64_t zero_count() const {
    return packed_zeros_ ? (sizes_.columns * sizes_.blocks + 15) / 16 * 16 : 0;
  }
  int64_t sorted_floats() const { return (sizes_.rows + 1) * weights_.sorted_count(); }
  // Decoded rows lie apart by an odd number of lines, so that they share no sets of the cache.
  int64_t decoded_ld() const { return (sizes_.depth + 31) / 32 * 32 + 16; }
  int64_t panel_floats() const { return tile_.panel_cols * decoded_ld(); }

  const float* read_zeros(const RunArgs& args, float* space) const {
    if (!packed_zeros_) return args.inputs[3].as<float>();
    const auto* packed = args.inputs[3].as<uint8_t>();
    const int per_byte = 8 / sizes_.bits, mask = (1 << sizes_.bits) - 1;
    for (int64_t row = 0; row < sizes_.columns; ++row, packed += sizes_.zero_bytes()) {
      for (int64_t b = 0; b < sizes_.blocks; ++b) {
        const int shift = static_cast<int>(b % per_byte) * sizes_.bits;
        space[row * sizes_.blocks + b] = static_cast<float>((packed[b / per_byte] >> shift) & mask);
      }
    }
    return space;
  }

  bool check_index(RunArgs& args, const BlockWeights& weights) const {
    for (int64_t k = 0; k < sizes_.depth; ++k) {
      if (weights.block_of[k] >= 0 && weights.block_of[k] < sizes_.blocks) continue;
      args.report(Code::kInvalidArgument, fmt::format("g_idx[{}] is {}, but a row has {} blocks", k,
                                                      weights.block_of[k], sizes_.blocks));
      return false;
    }
    return true;
  }

  // ---- rows of A in 8 bits

  int64_t s8_groups() const {
    const int64_t group = 32 * s8_kernels_->group;
    return (weights_.sorted_count() + group - 1) / group;
  }
  // Bytes, scales and starts, and sums of blocks.
  size_t s8_row_bytes() const {
    const auto lanes = static_cast<size_t>(s8_groups() * 4 * s8_kernels_->group);
    return lanes * (8 + 4 + 4) + (static_cast<size_t>(sizes_.blocks) * 4 + 63) / 64 * 64;
  }
  NBitsVector s8_row(std::byte* space, int64_t row) const {
    const auto lanes = static_cast<size_t>(s8_groups() * 4 * s8_kernels_->group);
    std::byte* at = space + static_cast<size_t>(row) * s8_row_bytes();
    NBitsVector vector;
    vector.bytes = reinterpret_cast<int8_t*>(at);
    vector.scales = reinterpret_cast<float*>(at + 8 * lanes);
    vector.starts = reinterpret_cast<int32_t*>(at + 12 * lanes);
    vector.block_sums = reinterpret_cast<float*>(at + 16 * lanes);
    return vector;
  }

  void run_s8(RunArgs& args, const BlockWeights& weights, const float* bias,
              std::byte* space) const {
    const auto* a = args.inputs[0].as<float>();
    args.pool->parallel_for(sizes_.rows, [&](int64_t row) {
      s8_kernels_->round(a + row * sizes_.depth, sizes_.depth, sizes_.block_size, weights.table[0],
                         s8_row(space, row));
    });
    auto* y = args.outputs[0].as<float>();
    constexpr int64_t kTileRows = 4, kTileColumns = 16;
    // Some 30 us to a task, of whole tiles.
    const int64_t tile_work = kTileColumns * weights.sorted_count() * sizes_.rows;
    const int64_t step = std::max<int64_t>(1, 2000000 / std::max<int64_t>(1, tile_work));
    const int64_t tiles = (sizes_.columns + kTileColumns - 1) / kTileColumns;
    args.pool->parallel_for((tiles + step - 1) / step, [&](int64_t task) {
      for (int64_t tile = task * step; tile < std::min(tiles, (task + 1) * step); ++tile) {
        const int64_t first = tile * kTileColumns;
        const int64_t last = std::min(sizes_.columns, first + kTileColumns);
        for (int64_t row = 0; row < sizes_.rows; row += kTileRows) {
          const int64_t rows = std::min(kTileRows, sizes_.rows - row);
          NBitsVector vectors[kTileRows];
          for (int64_t r = 0; r < rows; ++r) vectors[r] = s8_row(space, row + r);
          for (int64_t j = first; j < last; ++j) {
            float* to = y + row * sizes_.columns + j;
            s8_kernels_->dot(weights.row(j), vectors, rows, to, sizes_.columns);
            for (int64_t r = 0; bias != nullptr && r < rows; ++r) to[r * sizes_.columns] += bias[j];
          }
        }
      }
    });
  }

  void run_dots(RunArgs& args, const BlockWeights& weights, const float* bias, float* space) const {
    const int64_t ld = weights.sorted_count();
    float* sorted = space + ld;
    for (int64_t row = 0; row < sizes_.rows; ++row) {
      weights.sort(args.inputs[0].as<float>() + row * sizes_.depth, space, sorted + row * ld);
    }
    auto* y = args.outputs[0].as<float>();
    // Some 30 us to a task.
    const int64_t step = std::max<int64_t>(1, 500000 / std::max<int64_t>(1, ld * sizes_.rows));
    args.pool->parallel_for((sizes_.columns + step - 1) / step, [&](int64_t task) {
      for (int64_t j = task * step; j < std::min(sizes_.columns, (task + 1) * step); ++j) {
        for (int64_t row = 0; row < sizes_.rows; ++row) {
          const float sum = weights.dot(j, sorted + row * ld);
          y[row * sizes_.columns + j] = bias == nullptr ? sum : sum + bias[j];
        }
      }
    });
  }

  void run_panels(RunArgs& args, const BlockWeights& weights, const float* bias,
                  float* space) const {
    const DenseRows<float> rows{args.inputs[0].as<float>(), sizes_.depth};
    auto* y = args.outputs[0].as<float>();
    args.pool->parallel_for(tasks_, [&](int64_t task) {
      float* decoded = space + 2 * task * panel_floats();
      float* packed = decoded + panel_floats();
      for (int64_t p = panels_ * task / tasks_; p < panels_ * (task + 1) / tasks_; ++p) {
        const int64_t col = p * tile_.panel_cols;
        const int64_t cols = std::min<int64_t>(tile_.panel_cols, sizes_.columns - col);
        for (int64_t j = 0; j < cols; ++j) weights.decode(col + j, decoded + j * decoded_ld());
        tile_.pack_cols(decoded, decoded_ld(), sizes_.depth, cols, packed);
        BlockArgs<float> block;
        block.n = cols;
        block.depth = sizes_.depth;
        block.fill_rows = fill_dense_rows<float>;
        block.source = &rows;
        block.split = pays_to_split(tile_, sizes_.rows, sizes_.columns, sizes_.depth);
        block.packed_b = packed;
        block.c = y + col;
        block.ldc = sizes_.columns;
        if (bias != nullptr) block.epilogue.bias = bias + col;
        gemm_blocks(tile_, block, 0, sizes_.rows, 0, 1);
      }
    });
  }

  Sizes sizes_;
  const GemmKernels<float>& tile_;
  BlockWeights weights_;  // without the operands
  bool has_zeros_ = false, packed_zeros_ = false, has_index_ = false;
  bool s8_ = false;
  const NBitsS8Kernels* s8_kernels_ = nullptr;
  int64_t panels_ = 0, tasks_ = 0;
};

Result<std::unique_ptr<Kernel>> make_nbits(const KernelRequest& request) {
  if (!request.inputs[0].is_concrete()) {
    return decline("its shapes are not known when the plan is made");
  }
  Sizes sizes = TRY(read_sizes(request.node.attrs));
  const Shape a = request.inputs[0].shape();
  sizes.rows = a.count() / sizes.depth;
  return std::make_unique<MatMulNBits>(request, sizes);
}

// Row by row, for comparison.
Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  Sizes sizes = TRY(read_sizes(request.node.attrs));
  if (!request.inputs[0].is_concrete()) {
    return decline("its shapes are not known when the plan is made");
  }
  sizes.rows = request.inputs[0].shape().count() / sizes.depth;
  const AttrMap attrs = request.node.attrs;
  return make_kernel([sizes, attrs](RunArgs& args) {
    const auto has = [&](size_t i) {
      return i < args.inputs.size() && args.inputs[i].data != nullptr;
    };
    const bool flat = attrs.get_int("flat") != 0;
    const auto* codes = args.inputs[1].as<uint8_t>();
    const auto* a = args.inputs[0].as<float>();
    const int per_byte = 8 / sizes.bits, mask = (1 << sizes.bits) - 1;
    const int64_t row_codes = flat ? sizes.depth : sizes.blocks * sizes.block_size;
    for (int64_t j = 0; j < sizes.columns; ++j) {
      for (int64_t row = 0; row < sizes.rows; ++row) {
        double sum = has(5) ? static_cast<double>(args.inputs[5].as<float>()[j]) : 0.0;
        for (int64_t k = 0; k < sizes.depth; ++k) {
          const int64_t at = j * row_codes + k;
          const int64_t place = flat ? per_byte - 1 - at % per_byte : at % per_byte;
          const int code = (codes[at / per_byte] >> (place * sizes.bits)) & mask;
          const int64_t own = has(4) ? args.inputs[4].as<int32_t>()[k] : k / sizes.block_size;
          if (own < 0 || own >= sizes.blocks) {
            return args.report(Code::kInvalidArgument, fmt::format("g_idx[{}] is {}", k, own));
          }
          const int64_t block = flat ? at / sizes.block_size : j * sizes.blocks + own;
          double number = code;
          if (attrs.get_int("table") == kIntegers) {
            double zero = 1 << (sizes.bits - 1);
            if (has(3) && args.inputs[3].dtype == DType::kUint8) {
              const uint8_t packed =
                  args.inputs[3].as<uint8_t>()[j * sizes.zero_bytes() + own / per_byte];
              zero = (packed >> (own % per_byte * sizes.bits)) & mask;
            } else if (has(3)) {
              zero = static_cast<double>(args.inputs[3].as<float>()[block]);
            }
            number -= zero;
          } else {
            const auto& table = values_of(attrs.get_int("table"));
            number = static_cast<double>(table[static_cast<size_t>(code)]);
          }
          sum += static_cast<double>(a[row * sizes.depth + k]) * number *
                 static_cast<double>(args.inputs[2].as<float>()[block]);
        }
        args.outputs[0].as<float>()[row * sizes.columns + j] = static_cast<float>(sum);
      }
    }
  });
}

// ---- com.microsoft

ValueId as_float(Lowering& to, size_t index) {
  const bool keep = !to.has(index) || to.dtype(index) == DType::kFloat32 ||
                    to.dtype(index) == DType::kUint8 || to.dtype(index) == DType::kInt32;
  return keep ? to.input(index) : to.cast(to.input(index), DType::kFloat32);
}

void product_into(Lowering& to, std::vector<ValueId> inputs, AttrMap attrs) {
  const DType dtype = to.dtype(0);
  ValueId wide = to.output(0);
  if (dtype != DType::kFloat32) {
    wide = to.graph().add_value(to.graph().value(to.output(0)).name + "/wide", {});
  }
  to.op_into(std::vector<ValueId>{wide}, "MatMulNBits", std::move(inputs), std::move(attrs),
             "sardonyx");
  if (dtype == DType::kFloat32) return;
  to.op_into(to.output(0), "Cast", {wide}, {{"to", static_cast<int64_t>(dtype)}});
}

Result<void> lower_nbits(Graph& graph, NodeId id) {
  if (graph.node(id).attrs.get_int("weight_prepacked") != 0) {
    return fail(Code::kNotImplemented,
                "weight_prepacked is 1: the layout of prepacked weights belongs to one device; "
                "export with weight_prepacked=0");
  }
  Lowering to(graph, id);
  AttrMap attrs = to.attrs();
  attrs.erase("weight_prepacked");
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < 6; ++i) inputs.push_back(as_float(to, i));
  product_into(to, std::move(inputs), std::move(attrs));
  return {};
}

// The weights [N, K] of a MatMulBnb4 in f32.
ValueId bnb4_weights(Lowering& to, const std::array<float, 16>& table) {
  const int64_t rows = to.attrs().get_int("N"), depth = to.attrs().get_int("K");
  const int64_t count = rows * depth, block = to.attrs().get_int("block_size");
  const int64_t blocks = (count + block - 1) / block;
  const ValueId bytes = to.reshape(to.input(1), {-1, 1});
  const auto byte = [&](int number) {
    return to.constant(Tensor::scalar(static_cast<uint8_t>(number)));
  };
  const ValueId first = to.op("BitShift", {bytes, byte(4)}, {{"direction", std::string("RIGHT")}});
  const ValueId second = to.op("BitwiseAnd", {bytes, byte(15)});
  const ValueId codes = to.cast(to.reshape(to.concat({first, second}, 1), {-1}), DType::kInt32);
  const ValueId numbers = to.op(
      "Gather", {to.constant(Tensor::from<float>({16}, table)), to.slice(codes, 0, 0, count)});
  const ValueId whole = to.op("Pad", {numbers, to.ints({0, blocks * block - count})});
  const ValueId scales = to.reshape(as_float(to, 2), {-1, 1});
  const ValueId real = to.op("Mul", {to.reshape(whole, {blocks, block}), scales});
  return to.reshape(to.slice(to.reshape(real, {-1}), 0, 0, count), {rows, depth});
}

Result<void> lower_bnb4(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const AttrMap& attrs = to.attrs();
  const int64_t type = attrs.get_int("quant_type");
  if (type != 0 && type != 1) {
    return fail(Code::kInvalidGraph, "quant_type is {}, expected 0 (FP4) or 1 (NF4)", type);
  }
  if (attrs.get_int("transB") == 0) {
    TRY(read_sizes(attrs));
    const ValueId weights = bnb4_weights(to, type == 0 ? kFp4Values : kNf4Values);
    const ValueId product = to.op("MatMul", {as_float(to, 0), weights});
    to.op_into(to.output(0), "CastLike", {product, to.input(0)});
    return {};
  }
  product_into(to, {as_float(to, 0), to.input(1), as_float(to, 2)},
               Rewriter::attrs_of({{"K", attrs.get_int("K")},
                                   {"N", attrs.get_int("N")},
                                   {"block_size", attrs.get_int("block_size")},
                                   {"flat", int64_t{1}},
                                   {"table", type + 1}}));
  return {};
}

}  // namespace

OpDef op_FusedMatMulNBits() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1};
  op.inputs = {{"A", "", kFloat},
               {"B", "", kByte},
               {"scales", "", kFloat},
               {"zero_points", "", kByte | kFloat, Form::kOptional},
               {"g_idx", "", dtype_set(DType::kInt32), Form::kOptional},
               {"bias", "", kFloat, Form::kOptional}};
  op.outputs = {{"Y", "", kFloat}};
  op.attrs = {required_attr("K", Kind::kInt),
              required_attr("N", Kind::kInt),
              int_attr("accuracy_level", 0),
              int_attr("bits", 4),
              required_attr("block_size", Kind::kInt),
              int_attr("flat", 0),
              int_attr("table", 0)};
  op.infer = infer;
  op.kernels = {{"blocks", make_nbits}, {"reference", make_reference}};
  return op;
}

OpDef op_MatMulNBits() {
  using Kind = FormalAttr::Kind;
  const std::pair<char, DTypeSet> types[] = {
      {'T', kReal}, {'B', kByte}, {'Z', kByte | kReal}, {'I', dtype_set(DType::kInt32)}};
  OpDef op =
      contrib_op("A:T B:B scales:T zero_points:Z? g_idx:I? bias:T?", "Y:T", types, lower_nbits);
  op.attrs = {required_attr("K", Kind::kInt),          required_attr("N", Kind::kInt),
              int_attr("accuracy_level", 0),           int_attr("bits", 4),
              required_attr("block_size", Kind::kInt), int_attr("weight_prepacked", 0)};
  return op;
}

OpDef op_MatMulBnb4() {
  using Kind = FormalAttr::Kind;
  const std::pair<char, DTypeSet> types[] = {{'T', kReal}, {'B', kByte}};
  OpDef op = contrib_op("A:T B:B absmax:T", "Y:T", types, lower_bnb4);
  op.attrs = {required_attr("K", Kind::kInt),
              required_attr("N", Kind::kInt),
              required_attr("block_size", Kind::kInt),
              required_attr("quant_type", Kind::kInt),
              int_attr("training_mode", 0),
              int_attr("transB", 1)};
  return op;
}

}  // namespace sardonyx
