// Allocation and copying behind base/tensor.h.
#include "base/tensor.h"

#include <cstring>
#include <new>

#include "base/memory.h"
#include "base/result.h"

namespace sardonyx {
namespace {

std::shared_ptr<void> allocate_strings(size_t count) {
  auto* strings = new (std::nothrow) std::string[count == 0 ? 1 : count];
  return {strings, [](void* data) { delete[] static_cast<std::string*>(data); }};
}

}  // namespace

Result<Tensor> Tensor::allocate(DType dtype, const Shape& shape) {
  const auto count = shape.checked_count();
  if (!count || dtype == DType::kUndefined) {
    return fail(Code::kInvalidArgument, "cannot make a {} tensor of shape {}", dtype_name(dtype),
                shape.to_string());
  }
  const auto elements = static_cast<size_t>(*count);
  auto owner = dtype == DType::kString
                   ? allocate_strings(elements)
                   : allocate_memory(dtype_bytes(dtype, elements), Contents::kZeros);
  if (owner == nullptr) {
    return fail(Code::kRuntimeException, "out of memory: a {} tensor of shape {} needs {} bytes",
                dtype_name(dtype), shape.to_string(), dtype_bytes(dtype, elements));
  }
  void* data = owner.get();
  return wrap(dtype, shape, data, std::move(owner));
}

std::string to_string(Device device) {
  return device.kind == Device::Kind::kCpu ? "cpu" : "cuda:" + std::to_string(device.id);
}

Tensor Tensor::wrap(DType dtype, const Shape& shape, void* data, std::shared_ptr<void> owner,
                    Device device) {
  Tensor tensor;
  tensor.view_.dtype = dtype;
  tensor.view_.shape = shape;
  tensor.view_.data = data;
  tensor.owner_ = std::move(owner);
  tensor.device_ = device;
  return tensor;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  return wrap(dtype(), shape, data(), owner_, device_);
}

void copy_elements(const TensorView& src, const TensorView& dst) {
  if (src.dtype == DType::kString) {
    const auto strings = src.elements<std::string>();
    std::copy(strings.begin(), strings.end(), dst.as<std::string>());
    return;
  }
  const size_t bytes = src.bytes();
  if (bytes != 0) std::memcpy(dst.data, src.data, bytes);
}

}  // namespace sardonyx
