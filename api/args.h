// Declared inputs and outputs as the public API shows them, and the check of fed values against
// the declarations. Entry points: arg_info, check_inputs, check_output.
#pragma once

#include <span>
#include <string>

#include "graph/graph.h"
#include "model/model.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {

ArgInfo arg_info(const std::string& name, const ValueType& type);

// Dims of which nothing is known are shown as the file calls them ("?"), where it does.
void name_unknown_dims(const std::vector<ValueDef>& declared, std::vector<ArgInfo>& args);

// "'a', 'b'".
std::string names_of(const std::vector<ArgInfo>& args);

// "is float64 2x3, but was announced as float32 Nx3": kind, dtype, rank and known dims of a value
// that something outside the library computed.
Result<void> check_value(const ValueType& type, const Value& value);

// Kind, dtype, rank and dims of every fed value (parallel to graph.inputs()) against the model's
// declaration; one symbol must have one value in all of them. Error texts begin as ONNX Runtime's.
Result<void> check_inputs(const Graph& graph, std::span<const Value> values);

// The same of a value that the caller gave to be written to; kNone: there is none.
Result<void> check_output(const GraphOutput& output, const Value& value);

// Whether the place of the error is an input or output of a run, by check_inputs or check_output.
bool is_of_argument(const Error& error);

}  // namespace sardonyx
