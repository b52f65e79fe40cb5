// String tensors: filled and read as C texts, all at once or one by one.
#include <cstring>

#include "capi/door.h"
#include "capi/tables.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

Result<std::string*> element_at(const OrtValue* value, size_t index, const char* what) {
  const Tensor& tensor = *TRY(string_tensor_in(value, what));
  const auto count = static_cast<size_t>(tensor.count());
  if (index < count) return tensor.as<std::string>() + index;
  return fail(Code::kInvalidArgument, "{}: element index {} is out of bounds of {} elements", what,
              index, count);
}

Result<void> FillStringTensor(OrtValue* value, const char* const* texts, size_t count) {
  REQUIRE(value);
  const Tensor& tensor = *TRY(string_tensor_in(value, __func__));
  if (static_cast<size_t>(tensor.count()) != count) {
    return fail(Code::kInvalidArgument,
                "input array doesn't equal tensor size: {} texts for {} elements", count,
                tensor.count());
  }
  if (count != 0) REQUIRE(texts);
  for (size_t i = 0; i < count; ++i) REQUIRE(texts[i]);
  std::copy_n(texts, count, tensor.as<std::string>());
  return {};
}

Result<void> FillStringTensorElement(OrtValue* value, const char* text, size_t index) {
  REQUIRE(value, text);
  *TRY(element_at(value, index, __func__)) = text;
  return {};
}

// The element with room for `length` bytes, for the caller to write.
Result<void> GetResizedStringTensorElementBuffer(OrtValue* value, size_t index, size_t length,
                                                 char** out) {
  REQUIRE(value, out);
  std::string& text = *TRY(element_at(value, index, __func__));
  if (length > text.max_size()) {
    return fail(Code::kInvalidArgument, "{}: a text cannot have {} bytes", __func__, length);
  }
  text.resize(length);
  *out = text.data();
  return {};
}

size_t total_length(const Tensor& tensor) {
  size_t length = 0;
  for (const std::string& text : tensor.elements<std::string>()) length += text.size();
  return length;
}

Result<void> GetStringTensorDataLength(const OrtValue* value, size_t* out) {
  REQUIRE(value, out);
  *out = total_length(*TRY(string_tensor_in(value, __func__)));
  return {};
}

// All texts one after the other, without ends, and where each begins.
Result<void> GetStringTensorContent(const OrtValue* value, void* dst, size_t bytes, size_t* offsets,
                                    size_t offset_count) {
  REQUIRE(value);
  const Tensor& tensor = *TRY(string_tensor_in(value, __func__));
  const auto count = static_cast<size_t>(tensor.count());
  if (offset_count != count) {
    return fail(Code::kFail, "offsets buffer is not equal to tensor size: {} for {}", offset_count,
                count);
  }
  const size_t needed = total_length(tensor);
  if (bytes < needed) {
    return fail(Code::kFail,
                "output buffer is too small. Use GetStringTensorDataLength. It has {} bytes, "
                "the texts {}",
                bytes, needed);
  }
  if (needed != 0) REQUIRE(dst);
  if (count != 0) REQUIRE(offsets);
  size_t offset = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string& text = tensor.as<std::string>()[i];
    offsets[i] = offset;
    if (!text.empty()) std::memcpy(static_cast<char*>(dst) + offset, text.data(), text.size());
    offset += text.size();
  }
  return {};
}

Result<void> GetStringTensorElementLength(const OrtValue* value, size_t index, size_t* out) {
  REQUIRE(value, out);
  *out = TRY(element_at(value, index, __func__))->size();
  return {};
}

Result<void> GetStringTensorElement(const OrtValue* value, size_t bytes, size_t index, void* dst) {
  REQUIRE(value);
  const std::string& text = *TRY(element_at(value, index, __func__));
  if (bytes < text.size()) {
    return fail(Code::kInvalidArgument,
                "buffer size is too small for string element: {} bytes for {}", bytes, text.size());
  }
  if (text.empty()) return {};
  REQUIRE(dst);
  std::memcpy(dst, text.data(), text.size());
  return {};
}

}  // namespace

Result<const Tensor*> string_tensor_in(const OrtValue* value, const char* what) {
  const Tensor* tensor = TRY(tensor_in(value, what));
  if (tensor->dtype() == DType::kString) return tensor;
  return fail(Code::kFail, "{}: the tensor has elements of {}, not strings", what,
              dtype_name(tensor->dtype()));
}

void add_strings(OrtApi& api) {
  DOOR(FillStringTensor);
  DOOR(FillStringTensorElement);
  DOOR(GetResizedStringTensorElementBuffer);
  DOOR(GetStringTensorDataLength);
  DOOR(GetStringTensorContent);
  DOOR(GetStringTensorElementLength);
  DOOR(GetStringTensorElement);
}

}  // namespace sardonyx::capi
