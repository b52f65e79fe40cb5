// Type, attribute, node, graph and function encoding behind model/wire_writer.h.
#include "model/wire_writer.h"

namespace sardonyx {
namespace {

void write_dim(WireWriter&& out, const DimDef& dim) {
  if (dim.kind == DimDef::Kind::kValue) out.add_int64(1, dim.value);
  if (dim.kind == DimDef::Kind::kParam) out.add_bytes(2, dim.param);
  write_text(out, 3, dim.denotation);
}

void write_tensor_type(WireWriter&& out, const TypeDef& type) {
  out.add_int64(1, static_cast<int64_t>(type.dtype));
  if (!type.has_shape) return;
  WireWriter shape(out, 2);
  for (const DimDef& dim : type.dims) write_dim(WireWriter(shape, 1), dim);
}

void write_type(WireWriter&& out, const TypeDef& type) {
  switch (type.kind) {
    case TypeDef::Kind::kNone:
      break;
    case TypeDef::Kind::kTensor:
      write_tensor_type(WireWriter(out, 1), type);
      break;
    case TypeDef::Kind::kSparseTensor:
      write_tensor_type(WireWriter(out, 8), type);
      break;
    case TypeDef::Kind::kSequence:
    case TypeDef::Kind::kOptional: {
      WireWriter inner(out, type.kind == TypeDef::Kind::kSequence ? 4 : 9);
      write_type(WireWriter(inner, 1), type.element.front());
      break;
    }
    case TypeDef::Kind::kMap: {
      WireWriter inner(out, 5);
      inner.add_int64(1, static_cast<int64_t>(type.dtype));
      write_type(WireWriter(inner, 2), type.element.front());
      break;
    }
    case TypeDef::Kind::kOpaque: {
      WireWriter inner(out, 7);
      write_text(inner, 1, type.opaque_domain);
      write_text(inner, 2, type.opaque_name);
      break;
    }
  }
  write_text(out, 6, type.denotation);
}

void write_value(WireWriter&& out, const ValueDef& value) {
  write_text(out, 1, value.name);
  if (value.type.kind != TypeDef::Kind::kNone || !value.type.denotation.empty()) {
    write_type(WireWriter(out, 2), value.type);
  }
  write_text(out, 3, value.doc_string);
  write_metadata(out, 4, value.metadata);
}

void write_attr_value(WireWriter& out, const AttrDef& attr, ElementSink& sink) {
  const AttrType type = attr.type;
  if (type == AttrType::kFloat) out.add_float(2, attr.f);
  if (type == AttrType::kInt) out.add_int64(3, attr.i);
  if (type == AttrType::kString) out.add_bytes(4, attr.s);
  if (type == AttrType::kFloats) {
    for (const float f : attr.floats) out.add_float(7, f);
  }
  if (type == AttrType::kInts) {
    for (const int64_t i : attr.ints) out.add_int64(8, i);
  }
  if (type == AttrType::kStrings) {
    for (const std::string& s : attr.strings) out.add_bytes(9, s);
  }
  if (type == AttrType::kTensor || type == AttrType::kTensors) {
    const uint32_t tag = type == AttrType::kTensor ? 5 : 10;
    for (const TensorDef& t : attr.tensors) write_tensor(WireWriter(out, tag), t, sink);
  }
  if (type == AttrType::kGraph || type == AttrType::kGraphs) {
    const uint32_t tag = type == AttrType::kGraph ? 6 : 11;
    for (const GraphDef& g : attr.graphs) write_graph(WireWriter(out, tag), g, sink);
  }
  if (type == AttrType::kType || type == AttrType::kTypes) {
    const uint32_t tag = type == AttrType::kType ? 14 : 15;
    for (const TypeDef& t : attr.types) write_type(WireWriter(out, tag), t);
  }
  if (type == AttrType::kSparseTensor || type == AttrType::kSparseTensors) {
    const uint32_t tag = type == AttrType::kSparseTensor ? 22 : 23;
    for (const SparseTensorDef& s : attr.sparse_tensors) {
      write_sparse_tensor(WireWriter(out, tag), s, sink);
    }
  }
}

void write_attr(WireWriter&& out, const AttrDef& attr, ElementSink& sink) {
  out.add_bytes(1, attr.name);
  if (!attr.is_reference()) write_attr_value(out, attr, sink);
  write_text(out, 13, attr.doc_string);
  out.add_int64(20, static_cast<int64_t>(attr.type));
  write_text(out, 21, attr.ref_attr_name);
}

void write_node(WireWriter&& out, const NodeDef& node, ElementSink& sink) {
  for (const std::string& name : node.inputs) out.add_bytes(1, name);
  for (const std::string& name : node.outputs) out.add_bytes(2, name);
  write_text(out, 3, node.name);
  write_text(out, 4, node.op_type);
  for (const AttrDef& attr : node.attrs) write_attr(WireWriter(out, 5), attr, sink);
  write_text(out, 6, node.doc_string);
  write_text(out, 7, node.domain);
  write_text(out, 8, node.overload);
  write_metadata(out, 9, node.metadata);
  for (const std::string& bytes : node.device_configurations) out.add_bytes(10, bytes);
}

}  // namespace

void write_graph(WireWriter&& out, const GraphDef& graph, ElementSink& sink) {
  for (const NodeDef& node : graph.nodes) write_node(WireWriter(out, 1), node, sink);
  write_text(out, 2, graph.name);
  for (const TensorDef& tensor : graph.initializers) {
    write_tensor(WireWriter(out, 5), tensor, sink);
  }
  write_text(out, 10, graph.doc_string);
  for (const ValueDef& value : graph.inputs) write_value(WireWriter(out, 11), value);
  for (const ValueDef& value : graph.outputs) write_value(WireWriter(out, 12), value);
  for (const ValueDef& value : graph.value_info) write_value(WireWriter(out, 13), value);
  for (const QuantizationAnnotation& annotation : graph.quantization_annotations) {
    WireWriter inner(out, 14);
    inner.add_bytes(1, annotation.tensor_name);
    write_metadata(inner, 2, annotation.parameter_tensor_names);
  }
  for (const SparseTensorDef& sparse : graph.sparse_initializers) {
    write_sparse_tensor(WireWriter(out, 15), sparse, sink);
  }
  write_metadata(out, 16, graph.metadata);
}

void write_opset_import(WireWriter&& out, const OpsetImport& import) {
  out.add_bytes(1, import.domain);
  out.add_int64(2, import.version);
}

void write_function(WireWriter&& out, const FunctionDef& function, ElementSink& sink) {
  write_text(out, 1, function.name);
  for (const std::string& name : function.inputs) out.add_bytes(4, name);
  for (const std::string& name : function.outputs) out.add_bytes(5, name);
  for (const std::string& name : function.attr_names) out.add_bytes(6, name);
  for (const NodeDef& node : function.nodes) write_node(WireWriter(out, 7), node, sink);
  write_text(out, 8, function.doc_string);
  for (const OpsetImport& import : function.opset_imports) {
    write_opset_import(WireWriter(out, 9), import);
  }
  write_text(out, 10, function.domain);
  for (const AttrDef& attr : function.attr_defaults) write_attr(WireWriter(out, 11), attr, sink);
  for (const ValueDef& value : function.value_info) write_value(WireWriter(out, 12), value);
  write_text(out, 13, function.overload);
  write_metadata(out, 14, function.metadata);
}

}  // namespace sardonyx
