// Sequences and maps: made of other values, and taken apart.
#include "capi/door.h"
#include "capi/tables.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

Result<Value> make_sequence(std::span<const OrtValue* const> values) {
  std::vector<Value> items;
  DType element = DType::kUndefined;
  for (const OrtValue* value : values) {
    const Value& item = value->value;
    if (!item.is_tensor() && item.kind() != Value::Kind::kMap) {
      return fail(Code::kFail, "The items of a sequence must be tensors or maps");
    }
    if (item.kind() != values[0]->value.kind()) {
      return fail(Code::kFail, "CreateValue: the items of a sequence differ in kind");
    }
    if (item.is_tensor()) {
      if (element != DType::kUndefined && element != item.tensor().dtype()) {
        return fail(Code::kFail, "Sequences must have tensors of the same data type: {} and {}",
                    dtype_name(element), dtype_name(item.tensor().dtype()));
      }
      element = item.tensor().dtype();
    }
    items.push_back(item);
  }
  return Value::sequence(std::move(items), element);
}

Result<Value> make_map(std::span<const OrtValue* const> values) {
  if (values.size() != 2) {
    return fail(Code::kFail, "For map type num_values MUST be 2, keys and values; got {}",
                values.size());
  }
  const Tensor& keys = *TRY(tensor_in(values[0], "CreateValue: keys"));
  const Tensor& items = *TRY(tensor_in(values[1], "CreateValue: values"));
  if (keys.dtype() != DType::kInt64 && keys.dtype() != DType::kString) {
    return fail(Code::kFail, "Key type is not supported yet: {}; expected int64 or string",
                dtype_name(keys.dtype()));
  }
  if (keys.count() != items.count()) {
    return fail(Code::kFail,
                "Key and value tensors have unequal number of elements: {} "
                "and {}",
                keys.count(), items.count());
  }
  return Value::map(keys, items);
}

Result<void> CreateValue(const OrtValue* const* values, size_t count, ONNXType kind,
                         OrtValue** out) {
  if (count == 0) return fail(Code::kFail, "Number of values should be at least 1.");
  REQUIRE(values, out);
  const std::span items(values, count);
  for (const OrtValue* item : items) REQUIRE(item);
  if (kind == ONNX_TYPE_SEQUENCE) {
    *out = make_value(TRY(make_sequence(items)));
    return {};
  }
  if (kind == ONNX_TYPE_MAP) {
    *out = make_value(TRY(make_map(items)));
    return {};
  }
  return fail(Code::kFail, "CreateValue makes sequences and maps, not ONNXType {}",
              static_cast<int>(kind));
}

const Value& contents(const OrtValue* value) {
  const Value& outer = value->value;
  const bool is_full = outer.kind() == Value::Kind::kOptional && outer.has_value();
  return is_full ? outer.inner() : outer;
}

Result<void> GetValueCount(const OrtValue* value, size_t* out) {
  REQUIRE(value, out);
  const Value& list = contents(value);
  if (list.kind() == Value::Kind::kSequence) {
    *out = list.items().size();
    return {};
  }
  if (list.kind() == Value::Kind::kMap) {
    *out = 2;
    return {};
  }
  return fail(Code::kFail, "Input is not of type sequence or map.");
}

// Of a map, 0 is the keys and 1 the values.
Result<void> GetValue(const OrtValue* value, int index, OrtAllocator* allocator, OrtValue** out) {
  REQUIRE(value, allocator, out);
  const Value& list = contents(value);
  size_t count = 0;
  TRY(GetValueCount(value, &count));
  if (index < 0 || static_cast<size_t>(index) >= count) {
    return fail(Code::kFail, "GetValue: there is no item {} among {}", index, count);
  }
  if (list.kind() == Value::Kind::kSequence) {
    *out = make_value(TRY(copy_value(list.items()[static_cast<size_t>(index)])));
    return {};
  }
  const MapValue& map = list.map();
  *out = make_value(TRY(copy_value(index == 0 ? map.keys : map.values)));
  return {};
}

// Opaque types are registered by what is compiled into a library; this one has none.
Result<void> CreateOpaqueValue(const char* domain, const char* name, const void* data,
                               size_t /*bytes*/, OrtValue** out) {
  REQUIRE(domain, name, data, out);
  return fail(Code::kFail, "CreateOpaqueValue: there is no opaque type '{}' of domain '{}'", name,
              domain);
}

Result<void> GetOpaqueValue(const char* domain, const char* name, const OrtValue* value, void* data,
                            size_t /*bytes*/) {
  REQUIRE(domain, name, value, data);
  return fail(Code::kFail, "GetOpaqueValue: the value is not of an opaque type '{}' of domain '{}'",
              name, domain);
}

}  // namespace

void add_containers(OrtApi& api) {
  DOOR(CreateValue);
  DOOR(GetValueCount);
  DOOR(GetValue);
  DOOR(CreateOpaqueValue);
  DOOR(GetOpaqueValue);
}

}  // namespace sardonyx::capi
