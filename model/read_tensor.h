// TensorProto and SparseTensorProto bytes → TensorDef and SparseTensorDef. raw_data, packed floats
// and external data stay where they are; the other typed fields are decoded to the dense form.
// Used by read_model.cc, read_value.cc and text_parse.cc.
#pragma once

#include <string_view>

#include "model/wire_reader.h"

namespace sardonyx {

// `role` is how errors call the tensor before its name: "initializer", "attribute", ...
TensorDef read_tensor(ReadContext& context, std::string_view message, std::string_view role);
SparseTensorDef read_sparse_tensor(ReadContext& context, std::string_view message,
                                   std::string_view role);

// Values rank 1, indices int64 of shape [nnz] or [nnz, rank], inside the dense shape, ascending.
Result<void> check_sparse(const SparseTensorDef& sparse);

// A StringStringEntryProto, added to `list`.
void read_entry(ReadContext& context, std::string_view message, Metadata& list);

// The DType of a number in a file; fails on numbers that the specification does not have.
DType read_dtype(WireReader& reader, const char* field);

// Sets tensor.data from tensor.external, whose shape is already in tensor.data.
// `described` names the tensor in errors.
Result<void> load_external(TensorDef& tensor, ExternalFiles& files, const std::string& described);

// Fills tensor.external from the entries of external_data.
Result<void> set_external(TensorDef& tensor, const Metadata& entries, const std::string& described);

}  // namespace sardonyx
