// TensorProto, SparseTensorProto, SequenceProto, MapProto and OptionalProto files (the .pb files of
// the ONNX backend tests) ↔ Value. Entry points: read_value, write_value.
#pragma once

#include <string>

#include "base/mapped_file.h"
#include "base/result.h"
#include "base/value.h"
#include "model/model.h"
#include "model/read_model.h"

namespace sardonyx {

struct NamedValue {
  std::string name;  // "" when the file gives none
  Value value;
};

// `kind` says which message the bytes hold (protobuf bytes do not tell). Tensors may point into
// the bytes and are always aligned.
Result<NamedValue> read_value(const Bytes& bytes, TypeDef::Kind kind,
                              const ReadOptions& options = {});
Result<NamedValue> read_value_file(const std::filesystem::path& path, TypeDef::Kind kind,
                                   const ReadOptions& options = {});

// The message that `value.kind()` asks for.
Result<std::string> write_value(const Value& value, std::string_view name = {});

}  // namespace sardonyx
