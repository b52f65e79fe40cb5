// Type decoding behind model/read_graph.h.
#include "model/read_graph.h"
#include "model/read_tensor.h"

namespace sardonyx {
namespace {

constexpr size_t kMaxRank = 64;

void read_dim(ReadContext& context, std::string_view message, DimDef& dim) {
  WireReader reader(context, "TensorShapeProto.Dimension", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        dim.value = reader.integer("dim_value");
        dim.kind = DimDef::Kind::kValue;
        dim.param.clear();
        break;
      case 2:
        dim.param = reader.text("dim_param");
        dim.kind = dim.param.empty() ? DimDef::Kind::kUnknown : DimDef::Kind::kParam;
        dim.value = 0;
        break;
      case 3:
        dim.denotation = reader.text("denotation");
        break;
      default:
        reader.skip();
    }
  }
}

void read_shape(ReadContext& context, std::string_view message, TypeDef& type) {
  type.has_shape = true;
  WireReader reader(context, "TensorShapeProto", message);
  while (reader.next()) {
    if (reader.tag() != 1) {
      reader.skip();
      continue;
    }
    const std::string_view dim = reader.view("dim");
    if (type.dims.size() == kMaxRank) {
      reader.fail("dim", Code::kInvalidGraph,
                  fmt::format("rank is above the limit of {}", kMaxRank));
    }
    read_dim(context, dim, context.add(type.dims, dim.data()));
  }
}

void read_tensor_type(ReadContext& context, std::string_view message, TypeDef& type) {
  WireReader reader(context, "TypeProto.Tensor", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        type.dtype = read_dtype(reader, "elem_type");
        break;
      case 2:
        read_shape(context, reader.view("shape"), type);
        break;
      default:
        reader.skip();
    }
  }
}

// Sequence and optional: the element type is field 1. Map: key is field 1, value field 2.
void read_container(ReadContext& context, std::string_view message, TypeDef& type) {
  const bool is_map = type.kind == TypeDef::Kind::kMap;
  const Nesting nesting(context, message.data());
  WireReader reader(context, "TypeProto", message);
  while (reader.next()) {
    if (is_map && reader.tag() == 1) {
      type.dtype = read_dtype(reader, "key_type");
    } else if (reader.tag() == (is_map ? 2 : 1)) {
      const std::string_view element = reader.view("elem_type");
      if (type.element.empty()) context.add(type.element, element.data());
      read_type(context, element, type.element.front());
    } else {
      reader.skip();
    }
  }
  if (type.element.empty()) {
    context.fail_at(message.data(), Code::kInvalidGraph,
                    "a sequence, map or optional type has no element type");
  }
}

void read_opaque(ReadContext& context, std::string_view message, TypeDef& type) {
  WireReader reader(context, "TypeProto.Opaque", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        type.opaque_domain = reader.text("domain");
        break;
      case 2:
        type.opaque_name = reader.text("name");
        break;
      default:
        reader.skip();
    }
  }
}

// The kinds are a oneof: a later one replaces an earlier one of another kind.
void set_kind(TypeDef& type, TypeDef::Kind kind) {
  if (type.kind == kind) return;
  TypeDef fresh;
  fresh.kind = kind;
  fresh.denotation = std::move(type.denotation);
  type = std::move(fresh);
}

TypeDef::Kind kind_of_field(uint32_t tag) {
  switch (tag) {
    case 1:
      return TypeDef::Kind::kTensor;
    case 4:
      return TypeDef::Kind::kSequence;
    case 5:
      return TypeDef::Kind::kMap;
    case 7:
      return TypeDef::Kind::kOpaque;
    case 8:
      return TypeDef::Kind::kSparseTensor;
    case 9:
      return TypeDef::Kind::kOptional;
    default:
      return TypeDef::Kind::kNone;
  }
}

}  // namespace

void read_type(ReadContext& context, std::string_view message, TypeDef& type) {
  WireReader reader(context, "TypeProto", message);
  while (reader.next()) {
    if (reader.tag() == 6) {
      type.denotation = reader.text("denotation");
      continue;
    }
    const TypeDef::Kind kind = kind_of_field(reader.tag());
    if (kind == TypeDef::Kind::kNone) {
      reader.skip();
      continue;
    }
    const std::string_view value = reader.view("value");
    set_kind(type, kind);
    if (kind == TypeDef::Kind::kTensor || kind == TypeDef::Kind::kSparseTensor) {
      read_tensor_type(context, value, type);
    } else if (kind == TypeDef::Kind::kOpaque) {
      read_opaque(context, value, type);
    } else {
      read_container(context, value, type);
    }
  }
}

}  // namespace sardonyx
