// Cases: the rows of tests/cases/*.txt (format: tests/cases/README.md) as values.
// Entry point: read_case_file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "graph/graph.h"
#include "model/model.h"
#include "ops/op.h"

namespace sardonyx {

// An input: a value (with its type), or omitted.
struct CaseInput {
  std::optional<Value> value;
  ValueType type;
};

struct CaseResult {
  enum class Kind : uint8_t { kAnything, kOmitted, kTypeOnly, kValue };
  Kind kind = Kind::kAnything;
  Value value;     // of kValue
  ValueType type;  // of kValue and kTypeOnly
  // Elements written as "-0", by position in a tensor.
  std::vector<size_t> negative_zeros;
};

struct Case {
  std::string place;  // "Slice.txt:12"
  std::string text;   // the row, on one line
  std::string domain;
  std::string op_type;
  std::optional<int64_t> opset;  // of "Operator@11"
  std::vector<CaseInput> inputs;
  AttrMap attrs;
  std::vector<AttrDef> bodies;  // attributes that are graphs; such a row runs as a model only
  std::vector<CaseResult> results;
  std::optional<std::string> error;  // part of the message that must come
  std::optional<double> tolerance;
  bool random = false;
  std::string needs;  // a library of the system without which the row does not run
};

Result<std::vector<Case>> read_case_file(const std::string& path);

}  // namespace sardonyx
