// Attributes of operators: made by the client for nodes of its own, and read.
#include <cstring>

#include "capi/custom_ops.h"
#include "capi/door.h"
#include "capi/tables.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

struct TypePair {
  OrtOpAttrType outer;
  AttrType inner;
};
constexpr TypePair kTypes[] = {
    {ORT_OP_ATTR_INT, AttrType::kInt},       {ORT_OP_ATTR_INTS, AttrType::kInts},
    {ORT_OP_ATTR_FLOAT, AttrType::kFloat},   {ORT_OP_ATTR_FLOATS, AttrType::kFloats},
    {ORT_OP_ATTR_STRING, AttrType::kString}, {ORT_OP_ATTR_STRINGS, AttrType::kStrings},
    {ORT_OP_ATTR_GRAPH, AttrType::kGraph},   {ORT_OP_ATTR_TENSOR, AttrType::kTensor},
};

AttrType inner_type(OrtOpAttrType type) {
  for (const TypePair& pair : kTypes) {
    if (pair.outer == type) return pair.inner;
  }
  return AttrType::kUndefined;
}

OrtOpAttrType outer_type(AttrType type) {
  for (const TypePair& pair : kTypes) {
    if (pair.inner == type) return pair.outer;
  }
  return ORT_OP_ATTR_UNDEFINED;
}

// `count` elements at `data`; for STRING its bytes.
Result<void> read_data(AttrDef& attr, const void* data, size_t count) {
  const auto* texts = static_cast<const char* const*>(data);
  switch (attr.type) {
    case AttrType::kInt:
      attr.i = *static_cast<const int64_t*>(data);
      return {};
    case AttrType::kFloat:
      attr.f = *static_cast<const float*>(data);
      return {};
    case AttrType::kString:
      attr.s.assign(static_cast<const char*>(data), count);
      return {};
    case AttrType::kInts:
      attr.ints.assign(static_cast<const int64_t*>(data),
                       static_cast<const int64_t*>(data) + count);
      return {};
    case AttrType::kFloats:
      attr.floats.assign(static_cast<const float*>(data), static_cast<const float*>(data) + count);
      return {};
    case AttrType::kStrings:
      for (size_t i = 0; i < count; ++i) {
        REQUIRE(texts[i]);
        attr.strings.emplace_back(texts[i]);
      }
      return {};
    default:
      return fail(Code::kInvalidArgument,
                  "attribute '{}': expected an int, a float, a string, or an array of these",
                  attr.name);
  }
}

Result<void> CreateOpAttr(const char* name, const void* data, int length, OrtOpAttrType type,
                          OrtOpAttr** out) {
  REQUIRE(name, out);
  if (length != 0 || type == ORT_OP_ATTR_INT || type == ORT_OP_ATTR_FLOAT) REQUIRE(data);
  if (length < 0) return fail(Code::kInvalidArgument, "attribute '{}': length is {}", name, length);
  auto made = std::make_unique<OrtOpAttr>();
  made->attr.name = name;
  made->attr.type = inner_type(type);
  TRY(read_data(made->attr, data, static_cast<size_t>(length)));
  *out = made.release();
  return {};
}

// The bytes of an attribute's elements; texts end with 0 each.
std::string bytes_of(const AttrDef& attr) {
  const auto of = [](const auto* data, size_t count) {
    return std::string(reinterpret_cast<const char*>(data), count * sizeof(*data));
  };
  std::string all;
  switch (attr.type) {
    case AttrType::kInt:
      return of(&attr.i, 1);
    case AttrType::kFloat:
      return of(&attr.f, 1);
    case AttrType::kInts:
      return of(attr.ints.data(), attr.ints.size());
    case AttrType::kFloats:
      return of(attr.floats.data(), attr.floats.size());
    case AttrType::kString:
      return attr.s;
    case AttrType::kStrings:
      for (const std::string& text : attr.strings) all.append(text.c_str(), text.size() + 1);
      return all;
    default:
      return all;
  }
}

Result<void> ReadOpAttr(const OrtOpAttr* attr, OrtOpAttrType type, void* data, size_t room,
                        size_t* out) {
  REQUIRE(attr, out);
  if (attr->attr.type != inner_type(type) || type == ORT_OP_ATTR_TENSOR ||
      type == ORT_OP_ATTR_GRAPH) {
    return fail(Code::kInvalidArgument, "attribute '{}' is of type {}, asked for as {}",
                attr->attr.name, attr_type_name(attr->attr.type), static_cast<int>(type));
  }
  const std::string bytes = bytes_of(attr->attr);
  *out = bytes.size();
  if (room < bytes.size()) {
    return fail(Code::kInvalidArgument,
                "Size of data not large enough to hold the attribute: {} bytes for {}", room,
                bytes.size());
  }
  if (bytes.empty()) return {};
  REQUIRE(data);
  std::memcpy(data, bytes.data(), bytes.size());
  return {};
}

Result<void> OpAttr_GetType(const OrtOpAttr* attr, OrtOpAttrType* out) {
  REQUIRE(attr, out);
  *out = outer_type(attr->attr.type);
  return {};
}

Result<void> OpAttr_GetName(const OrtOpAttr* attr, const char** out) {
  REQUIRE(attr, out);
  *out = attr->attr.name.c_str();
  return {};
}

Result<void> OpAttr_GetTensorAttributeAsOrtValue(const OrtOpAttr* attr, OrtValue** out) {
  REQUIRE(attr, out);
  if (attr->attr.type != AttrType::kTensor) {
    return fail(Code::kInvalidArgument, "attribute '{}' is of type {}, not a tensor",
                attr->attr.name, attr_type_name(attr->attr.type));
  }
  *out = make_value(attr->attr.tensor().data);
  return {};
}

}  // namespace

Result<AttrDef> attr_def(const std::string& name, const CustomAttr& value) {
  AttrDef attr;
  attr.name = name;
  std::visit(
      [&attr]<class T>(const T& element) {
        if constexpr (std::is_same_v<T, int64_t>) {
          attr.type = AttrType::kInt;
          attr.i = element;
        } else if constexpr (std::is_same_v<T, float>) {
          attr.type = AttrType::kFloat;
          attr.f = element;
        } else if constexpr (std::is_same_v<T, std::string>) {
          attr.type = AttrType::kString;
          attr.s = element;
        } else if constexpr (std::is_same_v<T, Tensor>) {
          attr.type = AttrType::kTensor;
          attr.tensors.emplace_back().data = element;
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          attr.type = AttrType::kInts;
          attr.ints = element;
        } else if constexpr (std::is_same_v<T, std::vector<float>>) {
          attr.type = AttrType::kFloats;
          attr.floats = element;
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          attr.type = AttrType::kStrings;
          attr.strings = element;
        } else {
          attr.type = AttrType::kTensors;
          for (const Tensor& tensor : element) attr.tensors.emplace_back().data = tensor;
        }
      },
      value);
  return attr;
}

void add_op_attrs(OrtApi& api) {
  DOOR(CreateOpAttr);
  api.ReleaseOpAttr = &release<OrtOpAttr>;
  DOOR(ReadOpAttr);
  DOOR(OpAttr_GetType);
  DOOR(OpAttr_GetName);
  DOOR(OpAttr_GetTensorAttributeAsOrtValue);
}

}  // namespace sardonyx::capi
