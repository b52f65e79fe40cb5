// TypeProto, ValueInfoProto, AttributeProto, NodeProto, GraphProto and FunctionProto bytes → their
// structs. Used by read_model.cc.
#pragma once

#include <string_view>

#include "model/wire_reader.h"

namespace sardonyx {

// Reading into an existing struct adds to it: protobuf merges a message field that appears twice.
void read_graph(ReadContext& context, std::string_view message, GraphDef& graph);
void read_function(ReadContext& context, std::string_view message, FunctionDef& function);
void read_type(ReadContext& context, std::string_view message, TypeDef& type);
void read_opset_import(ReadContext& context, std::string_view message, OpsetImport& import);

// Checks that bytes which are kept as they are hold a well-formed message.
std::string read_verbatim(WireReader& reader, const char* field);

}  // namespace sardonyx
