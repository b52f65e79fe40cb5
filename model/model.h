// Model: what an ONNX file says, in plain structs that mirror the protobuf messages of the
// specification (IR 14 and before) one to one. Nothing is interpreted here beyond the encoding:
// old opsets stay old, names stay strings. Weights stay in the mapped file or the caller's bytes.
// Made by model/read_model.h or model/text.h, written by model/write_model.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/rebuilt.h"
#include "base/shape.h"
#include "base/tensor.h"

namespace sardonyx {

// Key and value, in file order (StringStringEntryProto).
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct TensorDef {
  std::string name;
  // The elements, dense and row-major, in the memory form of base/tensor.h. `data.data()` points
  // into the file or the caller's bytes where that is possible and may then be *misaligned* for
  // its element type (tensors of at most kSmallTensorBytes are always aligned): call
  // aligned_tensor() before a kernel reads it. Without has_data(), the bytes were not loaded
  // (ReadOptions::load_external == false); dtype and shape are still right.
  Tensor data;
  // Where the bytes were stored when outside the model file; kept for tools. `location` is empty
  // for data inside the model.
  struct External {
    std::string location;
    int64_t offset = 0;
    int64_t length = -1;  // -1: not stated
    std::string checksum;
  } external;
  std::string doc_string;
  Metadata metadata;
};
inline constexpr size_t kSmallTensorBytes = 4096;

// Bytes that the address of an element of this type must be a multiple of.
size_t element_alignment(DType dtype);

// The same elements at an address aligned for their type: the tensor itself when it already is,
// else a copy. Fails when memory cannot be had.
Result<Tensor> aligned_tensor(const Tensor& tensor, Filled filled = Filled::kNow);

struct SparseTensorDef {  // COO: indices are [nnz] (linear) or [nnz, rank], int64
  TensorDef values;       // its name is the name of the sparse tensor
  TensorDef indices;
  Shape shape;
};

struct DimDef {
  enum class Kind : uint8_t { kUnknown, kValue, kParam };
  Kind kind = Kind::kUnknown;
  int64_t value = 0;  // kValue: as stored, may be negative in careless files
  std::string param;  // kParam
  std::string denotation;
};

struct TypeDef {
  enum class Kind : uint8_t { kNone, kTensor, kSparseTensor, kSequence, kMap, kOptional, kOpaque };
  Kind kind = Kind::kNone;
  DType dtype = DType::kUndefined;  // element type of (sparse) tensors, key type of maps
  bool has_shape = false;           // false: unknown rank
  std::vector<DimDef> dims;
  std::vector<TypeDef> element;  // exactly one for sequence, map (value type), optional
  std::string opaque_domain;
  std::string opaque_name;
  std::string denotation;
};

struct ValueDef {
  std::string name;
  TypeDef type;  // kNone when not stated
  std::string doc_string;
  Metadata metadata;
};

struct GraphDef;

// Values are those of AttributeProto.AttributeType.
enum class AttrType : uint8_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kSparseTensor = 11,
  kSparseTensors = 12,
  kType = 13,
  kTypes = 14,
};
std::string_view attr_type_name(AttrType type);  // "float", "ints", "graph", ...

struct AttrDef {
  std::string name;
  AttrType type = AttrType::kUndefined;
  std::string ref_attr_name;  // in function bodies: the attribute of the call that gives the value
  std::string doc_string;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  std::vector<TensorDef> tensors;               // kTensor: exactly one (unless a reference)
  std::vector<GraphDef> graphs;                 // kGraph: exactly one
  std::vector<SparseTensorDef> sparse_tensors;  // kSparseTensor: exactly one
  std::vector<TypeDef> types;                   // kType: exactly one

  const TensorDef& tensor() const { return tensors.front(); }
  const GraphDef& graph() const;
  bool is_reference() const { return !ref_attr_name.empty(); }
};

struct NodeDef {
  std::string name;
  std::string op_type;
  std::string domain;  // "" is ai.onnx; the reader turns "ai.onnx" into ""
  std::string overload;
  std::vector<std::string> inputs;  // "": optional input left out
  std::vector<std::string> outputs;
  std::vector<AttrDef> attrs;
  std::string doc_string;
  Metadata metadata;
  std::vector<std::string> device_configurations;  // serialised messages, kept as they are

  const AttrDef* find_attr(std::string_view attr_name) const;
};

struct QuantizationAnnotation {
  std::string tensor_name;
  Metadata parameter_tensor_names;
};

struct GraphDef {
  std::string name;
  std::string doc_string;
  std::vector<NodeDef> nodes;
  std::vector<TensorDef> initializers;
  std::vector<SparseTensorDef> sparse_initializers;
  std::vector<ValueDef> inputs;
  std::vector<ValueDef> outputs;
  std::vector<ValueDef> value_info;
  std::vector<QuantizationAnnotation> quantization_annotations;
  Metadata metadata;
};

struct OpsetImport {
  std::string domain;  // "" is ai.onnx
  int64_t version = 0;
};

struct FunctionDef {
  std::string name;
  std::string domain;
  std::string overload;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::string> attr_names;  // attributes without a default
  std::vector<AttrDef> attr_defaults;   // attributes with one
  std::vector<NodeDef> nodes;
  std::vector<OpsetImport> opset_imports;
  std::vector<ValueDef> value_info;
  std::string doc_string;
  Metadata metadata;
};

struct TrainingInfoDef {
  std::optional<GraphDef> initialization;
  std::optional<GraphDef> algorithm;
  Metadata initialization_binding;
  Metadata update_binding;
};

struct Model {
  int64_t ir_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  int64_t model_version = 0;
  std::string doc_string;
  std::vector<OpsetImport> opset_imports;
  Metadata metadata;
  GraphDef graph;
  std::vector<FunctionDef> functions;
  std::vector<TrainingInfoDef> training_info;
  std::vector<std::string> device_configurations;  // serialised messages, kept as they are

  // Not part of the file: what was odd but harmless while reading, in order of appearance.
  std::vector<std::string> warnings;
  std::filesystem::path folder;  // where external data was looked up; empty when unknown

  // Version of a domain's opset ("" is ai.onnx); 0 when the model does not import it.
  int64_t opset_version(std::string_view opset_domain) const;
};

// The newest IR version this reader knows all fields of.
inline constexpr int64_t kNewestIrVersion = 14;

// "'name'" for messages, shortened when long.
std::string in_quotes(std::string_view name);

inline const GraphDef& AttrDef::graph() const { return graphs.front(); }

}  // namespace sardonyx
