// What a custom operator sees while it computes, and while its output shapes are inferred.
#include "base/thread_pool.h"
#include "capi/custom_ops.h"
#include "capi/door.h"
#include "capi/memory.h"
#include "capi/tables.h"
#include "capi/types.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

Result<void> check_index(size_t index, size_t count, const char* what) {
  if (index < count) return {};
  return fail(Code::kInvalidArgument, "{}: index {} is out of bounds of {}", what, index, count);
}

Result<void> KernelContext_GetInputCount(const OrtKernelContext* context, size_t* out) {
  REQUIRE(context, out);
  *out = context->inputs.size();
  return {};
}

Result<void> KernelContext_GetOutputCount(const OrtKernelContext* context, size_t* out) {
  REQUIRE(context, out);
  *out = context->outputs.size();
  return {};
}

// NULL for an input that is omitted, or beyond those of the node.
Result<void> KernelContext_GetInput(const OrtKernelContext* context, size_t index,
                                    const OrtValue** out) {
  REQUIRE(context, out);
  const bool is_there =
      index < context->inputs.size() && context->inputs[index].value.kind() != Value::Kind::kNone;
  *out = is_there ? &context->inputs[index] : nullptr;
  return {};
}

// NULL for an output that nobody asks for, or that the node has not.
Result<void> KernelContext_GetOutput(OrtKernelContext* context, size_t index, const int64_t* dims,
                                     size_t rank, OrtValue** out) {
  REQUIRE(context, out);
  *out = nullptr;
  if (index >= context->outputs.size()) return {};
  const OrtKernelInfo& info = *context->info;
  if (index < info.node.output_names.size() && info.node.output_names[index].empty()) return {};
  const Shape shape = TRY(shape_of(dims, rank));
  std::unique_ptr<OrtValue>& output = context->outputs[index];
  if (output == nullptr || output->value.tensor().shape() != shape) {
    output.reset(make_value(TRY(Tensor::allocate(info.outputs[index].dtype, shape))));
  }
  *out = output.get();
  return {};
}

Result<void> KernelContext_GetPreallocatedOutput(const OrtKernelContext* context, size_t index,
                                                 OrtValue** out) {
  REQUIRE(context, out);
  TRY(check_index(index, context->outputs.size(), __func__));
  *out = context->outputs[index].get();
  return {};
}

// The CPU has no streams.
template <class T>
Result<void> get_no_stream(const OrtKernelContext* context, T** out) {
  REQUIRE(context, out);
  *out = nullptr;
  return {};
}

// Resources are what streams of devices have.
Result<void> KernelContext_GetResource(const OrtKernelContext* context, int /*version*/, int /*id*/,
                                       void** out) {
  REQUIRE(context, out);
  *out = nullptr;
  return fail(Code::kInvalidArgument, "Failed to fetch a stream hosting the requested resource");
}

Result<void> KernelContext_GetLogger(const OrtKernelContext* context, const OrtLogger** out) {
  REQUIRE(context, out);
  *out = &context->info->logger;
  return {};
}

Result<void> KernelContext_GetAllocator(const OrtKernelContext* context, const OrtMemoryInfo* info,
                                        OrtAllocator** out) {
  REQUIRE(context, info, out);
  TRY(check_cpu(*info, __func__));
  *out = &default_allocator();
  return {};
}

Result<void> KernelContext_GetScratchBuffer(const OrtKernelContext* context,
                                            const OrtMemoryInfo* info, size_t bytes, void** out) {
  REQUIRE(context, info, out);
  TRY(check_cpu(*info, __func__));
  *out = nullptr;
  if (bytes == 0) return {};
  context->scratch.push_back(TRY(allocate_shared(&default_allocator(), bytes)));
  *out = context->scratch.back().get();
  return {};
}

Result<void> KernelContext_ParallelFor(const OrtKernelContext* context,
                                       void (*function)(void*, size_t), size_t total,
                                       size_t /*batches*/, void* user_data) {
  REQUIRE(context, function);
  context->info->pool->parallel_for(static_cast<int64_t>(total), [&](int64_t task) {
    function(user_data, static_cast<size_t>(task));
  });
  return {};
}

Result<void> ShapeInferContext_GetInputCount(const OrtShapeInferContext* context, size_t* out) {
  REQUIRE(context, out);
  *out = context->inputs.size();
  return {};
}

Result<void> ShapeInferContext_GetInputTypeShape(const OrtShapeInferContext* context, size_t index,
                                                 OrtTensorTypeAndShapeInfo** out) {
  REQUIRE(context, out);
  TRY(check_index(index, context->inputs.size(), __func__));
  // The context's own, which clients do not release, although the table's type lets them.
  *out = const_cast<OrtTensorTypeAndShapeInfo*>(&context->inputs[index]);
  return {};
}

Result<void> ShapeInferContext_GetAttribute(const OrtShapeInferContext* context, const char* name,
                                            const OrtOpAttr** out) {
  REQUIRE(context, name, out);
  const auto found = context->attrs.find(name);
  if (found == context->attrs.end()) {
    return fail(Code::kInvalidArgument, "Attribute does not exist: {}", name);
  }
  *out = &found->second;
  return {};
}

Result<void> ShapeInferContext_SetOutputTypeShape(const OrtShapeInferContext* context, size_t index,
                                                  const OrtTensorTypeAndShapeInfo* info) {
  REQUIRE(context, info);
  TRY(check_index(index, context->outputs.size(), __func__));
  ArgInfo& output = context->outputs[index];
  output.has_rank = info->has_shape;
  output.dims.clear();
  for (size_t i = 0; i < info->dims.size(); ++i) {
    output.dims.push_back({info->dims[i], i < info->symbols.size() ? info->symbols[i] : ""});
  }
  if (info->type != ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED) {
    output.dtype = dtype_of_element(info->type);
  }
  return {};
}

}  // namespace

void add_kernel_context(OrtApi& api) {
  DOOR(KernelContext_GetInputCount);
  DOOR(KernelContext_GetOutputCount);
  DOOR(KernelContext_GetInput);
  DOOR(KernelContext_GetOutput);
  DOOR(KernelContext_GetPreallocatedOutput);
  api.KernelContext_GetGPUComputeStream = door<&get_no_stream<void>>;
  api.KernelContext_GetSyncStream = door<&get_no_stream<OrtSyncStream>>;
  DOOR(KernelContext_GetLogger);
  DOOR(KernelContext_GetAllocator);
  DOOR(KernelContext_GetScratchBuffer);
  DOOR(KernelContext_ParallelFor);
  DOOR(KernelContext_GetResource);
  DOOR(ShapeInferContext_GetInputCount);
  DOOR(ShapeInferContext_GetInputTypeShape);
  DOOR(ShapeInferContext_GetAttribute);
  DOOR(ShapeInferContext_SetOutputTypeShape);
}

}  // namespace sardonyx::capi
