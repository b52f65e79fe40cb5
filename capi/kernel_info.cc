// What the kernel of a custom operator may ask of its node when it is made.
#include "capi/custom_ops.h"
#include "capi/door.h"
#include "capi/memory.h"
#include "capi/tables.h"
#include "capi/texts.h"
#include "capi/types.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

template <class T>
Result<const T*> attr_of(const OrtKernelInfo& info, const char* name) {
  const auto found = info.node.attrs.find(name);
  if (found == info.node.attrs.end()) {
    return fail(Code::kFail, "No attribute with name:'{}'is defined.", name);
  }
  if (const T* value = std::get_if<T>(&found->second)) return value;
  return fail(Code::kFail, "Attribute '{}' is of another type.", name);
}

template <class T>
Result<void> get_attr(const OrtKernelInfo* info, const char* name, T* out) {
  REQUIRE(info, name, out);
  *out = *TRY(attr_of<T>(*info, name));
  return {};
}

Result<void> KernelInfoGetAttribute_string(const OrtKernelInfo* info, const char* name, char* out,
                                           size_t* size) {
  REQUIRE(info, name, size);
  return copy_text_to(*TRY(attr_of<std::string>(*info, name)), out, size);
}

Result<void> KernelInfoGetAttribute_tensor(const OrtKernelInfo* info, const char* name,
                                           OrtAllocator* allocator, OrtValue** out) {
  REQUIRE(info, name, allocator, out);
  const Tensor& tensor = *TRY(attr_of<Tensor>(*info, name));
  const Tensor copy = TRY(allocate_tensor(allocator, tensor.dtype(), tensor.shape()));
  copy_elements(tensor.view(), copy.view());
  *out = make_value(copy);
  return {};
}

template <class T>
Result<void> get_attr_array(const OrtKernelInfo* info, const char* name, T* out, size_t* size) {
  REQUIRE(info, name, size);
  const std::vector<T>& elements = *TRY(attr_of<std::vector<T>>(*info, name));
  const size_t room = *size;
  *size = elements.size();
  if (out == nullptr) return {};
  if (room < elements.size()) {
    return fail(Code::kInvalidArgument, "attribute '{}' has {} elements, but there is room for {}",
                name, elements.size(), room);
  }
  std::copy(elements.begin(), elements.end(), out);
  return {};
}

Result<void> KernelInfoGetAttributeArray_string(const OrtKernelInfo* info, const char* name,
                                                OrtAllocator* allocator, char*** out,
                                                size_t* size) {
  REQUIRE(info, name, allocator, out, size);
  const auto& texts = *TRY(attr_of<std::vector<std::string>>(*info, name));
  *size = texts.size();
  *out = nullptr;
  if (texts.empty()) return {};
  void* memory = allocator->Alloc(allocator, texts.size() * sizeof(char*));
  if (memory == nullptr) {
    return fail(Code::kFail, "the allocator cannot give {} pointers", texts.size());
  }
  *out = static_cast<char**>(memory);
  for (size_t i = 0; i < texts.size(); ++i) (*out)[i] = TRY(copy_text(allocator, texts[i]));
  return {};
}

Result<void> KernelInfo_GetInputCount(const OrtKernelInfo* info, size_t* out) {
  REQUIRE(info, out);
  *out = info->node.inputs.size();
  return {};
}

Result<void> KernelInfo_GetOutputCount(const OrtKernelInfo* info, size_t* out) {
  REQUIRE(info, out);
  *out = info->outputs.size();
  return {};
}

template <class T>
Result<const T*> item_at(const std::vector<T>& items, size_t index) {
  if (index < items.size()) return &items[index];
  return fail(Code::kInvalidArgument, "index {} is out of bounds: the node has {}", index,
              items.size());
}

template <auto Names>
Result<void> get_name(const OrtKernelInfo* info, size_t index, char* out, size_t* size) {
  REQUIRE(info, size);
  return copy_text_to(*TRY(item_at(info->node.*Names, index)), out, size);
}

Result<void> KernelInfo_GetInputTypeInfo(const OrtKernelInfo* info, size_t index,
                                         OrtTypeInfo** out) {
  REQUIRE(info, out);
  *out = type_info(*TRY(item_at(info->node.inputs, index))).release();
  return {};
}

Result<void> KernelInfo_GetOutputTypeInfo(const OrtKernelInfo* info, size_t index,
                                          OrtTypeInfo** out) {
  REQUIRE(info, out);
  *out = type_info(*TRY(item_at(info->outputs, index))).release();
  return {};
}

Result<void> KernelInfoGetConstantInput_tensor(const OrtKernelInfo* info, size_t index,
                                               int* is_constant, const OrtValue** out) {
  REQUIRE(info, is_constant, out);
  *out = index < info->constants.size() ? info->constants[index].get() : nullptr;
  *is_constant = *out != nullptr ? 1 : 0;
  return {};
}

template <auto Text>
Result<void> get_text(const OrtKernelInfo* info, char* out, size_t* size) {
  REQUIRE(info, size);
  return copy_text_to(info->node.*Text, out, size);
}

Result<void> KernelInfo_GetOperatorSinceVersion(const OrtKernelInfo* info, int* out) {
  REQUIRE(info, out);
  *out = info->since_version;
  return {};
}

Result<void> KernelInfo_GetLogger(const OrtKernelInfo* info, const OrtLogger** out) {
  REQUIRE(info, out);
  *out = &info->logger;
  return {};
}

Result<void> KernelInfo_GetConfigEntries(const OrtKernelInfo* info, OrtKeyValuePairs** out) {
  REQUIRE(info, out);
  auto pairs = std::make_unique<OrtKeyValuePairs>();
  pairs->entries = info->config;
  pairs->refresh();
  *out = pairs.release();
  return {};
}

Result<void> KernelInfoGetAllocator(const OrtKernelInfo* info, OrtMemType, OrtAllocator** out) {
  REQUIRE(info, out);
  *out = &default_allocator();
  return {};
}

Result<void> CopyKernelInfo(const OrtKernelInfo* info, OrtKernelInfo** out) {
  REQUIRE(info, out);
  *out = new OrtKernelInfo(*info);
  return {};
}

}  // namespace

void add_kernel_info(OrtApi& api) {
  api.KernelInfoGetAttribute_float = door<&get_attr<float>>;
  api.KernelInfoGetAttribute_int64 = door<&get_attr<int64_t>>;
  DOOR(KernelInfoGetAttribute_string);
  DOOR(KernelInfoGetAttribute_tensor);
  api.KernelInfoGetAttributeArray_float = door<&get_attr_array<float>>;
  api.KernelInfoGetAttributeArray_int64 = door<&get_attr_array<int64_t>>;
  DOOR(KernelInfoGetAttributeArray_string);
  DOOR(KernelInfo_GetInputCount);
  DOOR(KernelInfo_GetOutputCount);
  api.KernelInfo_GetInputName = door<&get_name<&CustomNode::input_names>>;
  api.KernelInfo_GetOutputName = door<&get_name<&CustomNode::output_names>>;
  DOOR(KernelInfo_GetInputTypeInfo);
  DOOR(KernelInfo_GetOutputTypeInfo);
  DOOR(KernelInfoGetConstantInput_tensor);
  api.KernelInfo_GetNodeName = door<&get_text<&CustomNode::name>>;
  api.KernelInfo_GetOperatorDomain = door<&get_text<&CustomNode::domain>>;
  api.KernelInfo_GetOperatorType = door<&get_text<&CustomNode::op_type>>;
  DOOR(KernelInfo_GetOperatorSinceVersion);
  DOOR(KernelInfo_GetLogger);
  DOOR(KernelInfo_GetConfigEntries);
  DOOR(KernelInfoGetAllocator);
  DOOR(CopyKernelInfo);
  api.ReleaseKernelInfo = &release<OrtKernelInfo>;
}

}  // namespace sardonyx::capi
