// BatchNormalization, GroupNormalization and InstanceNormalization: data of shape [N, C, ...] is
// centred and scaled per channel, by given statistics or by those of each group of channels.
#include <algorithm>
#include <cmath>

#include "ops/norm/float_view.h"
#include "ops/norm/loops.h"
#include "ops/reduce/reduce.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// ---- types and shapes

// Per-channel inputs [1, count) have shape [C].
Result<void> expect_channels(const InferContext& context, size_t count) {
  for (size_t i = 1; i < count && i < context.input_count(); ++i) {
    TRY(expect_rank(context, i, 1));
    if (!context.has_rank(0) || !context.has_rank(i)) continue;
    const Dim channels = context.rank(0) > 1 ? context.dims(0)[1] : Dim(1);
    const Dim& length = context.dims(i)[0];
    if (channels.is_constant() && length.is_constant() && channels.value() != length.value()) {
      return fail(Code::kInvalidArgument, "{} has {} elements, but {} has {} channels",
                  context.describe(i), length.value(), context.describe(0), channels.value());
    }
  }
  return {};
}

void set_like_data(InferContext& context) {
  if (context.has_rank(0)) {
    context.set_output(0, context.dtype(0), context.dims(0));
  } else {
    context.set_output(0, context.dtype(0));
  }
}

Result<void> infer_batch_norm(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  TRY(expect_channels(context, 5));
  const bool training = context.attrs().get_int("training_mode") != 0;
  set_like_data(context);
  for (size_t i = 1; i < context.output_count(); ++i) {
    if (!context.has_output(i)) continue;
    if (!training) {
      return fail(Code::kInvalidGraph, "output {} exists only with training_mode = 1", i);
    }
    if (context.has_rank(i + 2)) {
      context.set_output(i, context.dtype(i + 2), context.dims(i + 2));
    } else {
      context.set_output(i, context.dtype(i + 2));
    }
  }
  return {};
}

Result<void> infer_instance_norm(InferContext& context) {
  TRY(expect_min_rank(context, 0, 2));
  TRY(expect_channels(context, 3));
  set_like_data(context);
  return {};
}

Result<void> infer_group_norm(InferContext& context) {
  TRY(infer_instance_norm(context));
  const int64_t groups = context.attrs().get_int("num_groups");
  if (groups <= 0) {
    return fail(Code::kInvalidArgument, "num_groups is {}, but must be positive", groups);
  }
  if (!context.has_rank(0)) return {};
  const Dim& channels = context.dims(0)[1];
  if (channels.is_constant() && channels.value() % groups != 0) {
    return fail(Code::kInvalidArgument, "num_groups is {}, which does not divide the {} channels",
                groups, channels.value());
  }
  return {};
}

// ---- sizes

struct ChannelShape {
  int64_t batch = 1, channels = 1, inner = 1;
  int64_t groups = 1;  // of channels, that share their statistics
  float epsilon = 0;

  int64_t rows() const { return batch * channels; }
  int64_t group_count() const { return batch * groups; }
  int64_t group_rows() const { return channels / groups; }
};

ChannelShape channel_shape(const KernelRequest& request) {
  const Shape shape = request.inputs[0].shape();
  ChannelShape sizes;
  sizes.batch = shape[0];
  sizes.channels = shape.rank() > 1 ? shape[1] : 1;
  sizes.inner = shape.rank() > 1 ? shape.count(2, shape.rank()) : 1;
  sizes.groups = request.node.attrs.get_int("num_groups", sizes.channels);
  sizes.epsilon = request.node.attrs.get_float("epsilon", 1e-5f);
  return sizes;
}

bool all_float32(const KernelRequest& request) {
  const auto is_float32 = [](const Operand& operand) {
    return !operand.present() || operand.dtype() == DType::kFloat32;
  };
  return std::all_of(request.inputs.begin(), request.inputs.end(), is_float32) &&
         std::all_of(request.outputs.begin(), request.outputs.end(), is_float32);
}

constexpr int64_t kTaskElements = 16384;

// fn(first, last) over [0, count) in parallel, about kTaskElements elements each.
template <class Fn>
void for_ranges(ThreadPool* pool, int64_t count, int64_t elements_each, Fn&& fn) {
  const int64_t step = std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, elements_each));
  pool->parallel_for((count + step - 1) / step,
                     [&](int64_t task) { fn(task * step, std::min(count, (task + 1) * step)); });
}

// ---- statistics given: BatchNormalization

Result<std::unique_ptr<Kernel>> make_batch_vectors(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  if (!all_float32(request)) return decline("not float32");
  if (request.node.attrs.get_int("training_mode") != 0) return decline("training_mode");
  const ChannelShape sizes = channel_shape(request);
  const NormLoops& loops = norm_loops(request.tier);
  const auto bytes = static_cast<size_t>(sizes.channels) * sizeof(float);
  const auto run = [sizes, &loops](RunArgs& args) {
    const float* scale = args.inputs[1].as<float>();
    const float* bias = args.inputs[2].as<float>();
    const float* mean = args.inputs[3].as<float>();
    const float* variance = args.inputs[4].as<float>();
    auto* factors = static_cast<float*>(args.workspace);
    for (int64_t c = 0; c < sizes.channels; ++c) {
      const double deviation = std::sqrt(static_cast<double>(variance[c]) + sizes.epsilon);
      factors[c] = static_cast<float>(scale[c] / deviation);
    }
    const float* src = args.inputs[0].as<float>();
    float* dst = args.outputs[0].as<float>();
    if (sizes.inner == 1) {
      for_ranges(args.pool, sizes.batch, sizes.channels, [&](int64_t first, int64_t last) {
        for (int64_t n = first; n < last; ++n) {
          loops.scale_each(src + n * sizes.channels, dst + n * sizes.channels,
                           static_cast<size_t>(sizes.channels), mean, factors, bias);
        }
      });
      return;
    }
    for_ranges(args.pool, sizes.rows(), sizes.inner, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const auto c = static_cast<size_t>(row % sizes.channels);
        loops.scale(src + row * sizes.inner, dst + row * sizes.inner,
                    static_cast<size_t>(sizes.inner), mean[c], factors[c], bias[c]);
      }
    });
  };
  return make_kernel(run, bytes);
}

// Mean and variance of one channel over the batch.
void channel_moments(const ChannelShape& sizes, const FloatView& x, int64_t channel, double& mean,
                     double& variance) {
  const auto count = static_cast<double>(sizes.batch * sizes.inner);
  const auto sum = [&](auto&& term) {
    double total = 0;
    for (int64_t n = 0; n < sizes.batch; ++n) {
      const int64_t first = (n * sizes.channels + channel) * sizes.inner;
      for (int64_t i = first; i < first + sizes.inner; ++i) total += term(x.get(i));
    }
    return total;
  };
  mean = sum([](double each) { return each; }) / count;
  variance = sum([&](double each) { return (each - mean) * (each - mean); }) / count;
}

void run_batch_reference(const ChannelShape& sizes, bool training, double momentum, RunArgs& args) {
  const FloatView x(args.inputs[0]), scale(args.inputs[1]), bias(args.inputs[2]);
  const FloatView means(args.inputs[3]), variances(args.inputs[4]), y(args.outputs[0]);
  const int64_t each = sizes.batch * sizes.inner;
  for_ranges(args.pool, sizes.channels, each, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) {
      double mean = means.get(c), variance = variances.get(c);
      if (training) {
        const double old_mean = mean, old_variance = variance;
        channel_moments(sizes, x, c, mean, variance);
        const double moved[] = {old_mean * momentum + mean * (1 - momentum),
                                old_variance * momentum + variance * (1 - momentum)};
        for (size_t o = 1; o < args.outputs.size(); ++o) {
          if (args.outputs[o].data != nullptr) FloatView(args.outputs[o]).set(c, moved[o - 1]);
        }
      }
      const double factor = scale.get(c) / std::sqrt(variance + sizes.epsilon);
      for (int64_t n = 0; n < sizes.batch; ++n) {
        const int64_t row = (n * sizes.channels + c) * sizes.inner;
        for (int64_t i = row; i < row + sizes.inner; ++i) {
          y.set(i, (x.get(i) - mean) * factor + bias.get(c));
        }
      }
    }
  });
}

Result<std::unique_ptr<Kernel>> make_batch_reference(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const bool training = request.node.attrs.get_int("training_mode") != 0;
  const double momentum = request.node.attrs.get_float("momentum", 0.9f);
  return make_kernel([sizes = channel_shape(request), training, momentum](RunArgs& args) {
    run_batch_reference(sizes, training, momentum, args);
  });
}

// ---- statistics of the data: GroupNormalization, InstanceNormalization

// Sums in blocks of vectors, blocks in f64.
template <class Fn>
double sum_blocks(int64_t count, Fn&& fn) {
  constexpr int64_t kBlock = 1024;
  double total = 0;
  for (int64_t i = 0; i < count; i += kBlock) {
    total += fn(i, static_cast<size_t>(std::min(kBlock, count - i)));
  }
  return total;
}

Result<std::unique_ptr<Kernel>> make_group_vectors(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  if (!all_float32(request)) return decline("not float32");
  const ChannelShape sizes = channel_shape(request);
  const NormLoops& loops = norm_loops(request.tier);
  const auto sum = reduce_table(request.tier).loops[static_cast<size_t>(ReduceKind::kSum)].run;
  return make_kernel([sizes, &loops, sum](RunArgs& args) {
    const float* scale = args.inputs[1].as<float>();
    const float* bias = args.inputs[2].as<float>();
    const int64_t elements = sizes.group_rows() * sizes.inner;
    for_ranges(args.pool, sizes.group_count(), elements, [&](int64_t first, int64_t last) {
      for (int64_t group = first; group < last; ++group) {
        const float* src = args.inputs[0].as<float>() + group * elements;
        float* dst = args.outputs[0].as<float>() + group * elements;
        const auto count = static_cast<double>(elements);
        const auto mean = static_cast<float>(
            sum_blocks(elements, [&](int64_t i, size_t n) { return sum(src + i, n); }) / count);
        const double variance = sum_blocks(elements,
                                           [&](int64_t i, size_t n) {
                                             return loops.squared_distance(src + i, n, mean);
                                           }) /
                                count;
        const double inverse = 1 / std::sqrt(variance + sizes.epsilon);
        for (int64_t r = 0; r < sizes.group_rows(); ++r) {
          const auto c = static_cast<size_t>(group % sizes.groups * sizes.group_rows() + r);
          loops.scale(src + r * sizes.inner, dst + r * sizes.inner,
                      static_cast<size_t>(sizes.inner), mean,
                      static_cast<float>(scale[c] * inverse), bias[c]);
        }
      }
    });
  });
}

Result<std::unique_ptr<Kernel>> make_group_reference(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([sizes = channel_shape(request)](RunArgs& args) {
    const FloatView x(args.inputs[0]), scale(args.inputs[1]), bias(args.inputs[2]);
    const FloatView y(args.outputs[0]);
    const int64_t elements = sizes.group_rows() * sizes.inner;
    for_ranges(args.pool, sizes.group_count(), elements, [&](int64_t first, int64_t last) {
      for (int64_t group = first; group < last; ++group) {
        const int64_t begin = group * elements, end = begin + elements;
        double mean = 0, variance = 0;
        for (int64_t i = begin; i < end; ++i) mean += x.get(i);
        mean /= static_cast<double>(elements);
        for (int64_t i = begin; i < end; ++i) variance += (x.get(i) - mean) * (x.get(i) - mean);
        variance /= static_cast<double>(elements);
        const double inverse = 1 / std::sqrt(variance + sizes.epsilon);
        for (int64_t i = begin; i < end; ++i) {
          const int64_t c = i / sizes.inner % sizes.channels;
          y.set(i, (x.get(i) - mean) * inverse * scale.get(c) + bias.get(c));
        }
      }
    });
  });
}

}  // namespace

OpDef op_BatchNormalization() {
  OpDef op;
  op.versions = {1, 6, 7, 9, 14, 15};
  op.inputs = {{"X", "T", kFloatTypes},
               {"scale", "T1", kFloatTypes},
               {"B", "T1", kFloatTypes},
               {"input_mean", "T2", kFloatTypes},
               {"input_var", "T2", kFloatTypes}};
  op.outputs = {{"Y", "T", kFloatTypes},
                {"running_mean", "T2", kFloatTypes, Form::kOptional},
                {"running_var", "T2", kFloatTypes, Form::kOptional}};
  op.attrs = {float_attr("epsilon", 1e-5f), float_attr("momentum", 0.9f),
              int_attr("training_mode", 0)};
  op.infer = infer_batch_norm;
  op.kernels = {{"vectors", make_batch_vectors}, {"reference", make_batch_reference}};
  return op;
}

OpDef op_InstanceNormalization() {
  OpDef op;
  op.versions = {1, 6, 22};
  op.inputs = {{"input", "T", kFloatTypes}, {"scale", "T", kFloatTypes}, {"B", "T", kFloatTypes}};
  op.outputs = {{"output", "T", kFloatTypes}};
  op.attrs = {float_attr("epsilon", 1e-5f)};
  op.infer = infer_instance_norm;
  op.kernels = {{"vectors", make_group_vectors}, {"reference", make_group_reference}};
  return op;
}

OpDef op_GroupNormalization() {
  OpDef op;
  op.versions = {18, 21};
  op.inputs = {{"X", "T", kFloatTypes}, {"scale", "T", kFloatTypes}, {"bias", "T", kFloatTypes}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.attrs = {float_attr("epsilon", 1e-5f), required_attr("num_groups", FormalAttr::Kind::kInt),
              int_attr("stash_type", 1)};
  op.infer = infer_group_norm;
  op.kernels = {{"vectors", make_group_vectors}, {"reference", make_group_reference}};
  return op;
}

}  // namespace sardonyx
