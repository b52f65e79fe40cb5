// Small models as bytes of the protobuf wire format, for tests that know nothing of this library
// but its C++ API: messages are strings of fields, by their numbers in onnx.proto.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace wire {

inline std::string varint(uint64_t number) {
  std::string bytes;
  for (; number > 127; number >>= 7) bytes += static_cast<char>(number | 128);
  return bytes + static_cast<char>(number);
}
inline std::string field(int number, uint64_t value) {
  return varint(static_cast<uint64_t>(number) << 3) + varint(value);
}
inline std::string field(int number, const std::string& bytes) {
  return varint(static_cast<uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}
inline std::string field(int number, float value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return varint(static_cast<uint64_t>(number) << 3 | 5) + bytes;
}

// AttributeProto: a name, its value or values in the field of their kind, and the kind.
inline std::string attribute(const char* name, uint64_t kind, const std::string& values) {
  return field(5, field(1, std::string(name)) + values + field(20, kind));
}

// NodeProto, attributes given as they come from attribute().
inline std::string node(const char* op_type, const char* domain, const char* name,
                        const std::string& inputs_and_outputs, const std::string& attributes = "") {
  return field(1, inputs_and_outputs + field(3, std::string(name)) +
                      field(4, std::string(op_type)) + attributes + field(7, std::string(domain)));
}

// TypeProto of a float tensor.
inline std::string floats(std::initializer_list<uint64_t> dims) {
  std::string shape;
  for (const uint64_t dim : dims) shape += field(1, field(1, dim));
  return field(1, field(1, uint64_t{1}) + field(2, shape));
}

inline std::string value(const char* name, const std::string& type) {
  return field(1, std::string(name)) + field(2, type);
}

// ModelProto of one node, one input, one output; opset 17, and version 1 of a domain of tests.
inline std::string model(const std::string& node, const std::string& input,
                         const std::string& output) {
  const std::string graph =
      node + field(2, std::string("g")) + field(11, input) + field(12, output);
  const std::string test_opset = field(1, std::string("test.cxx")) + field(2, uint64_t{1});
  return field(1, uint64_t{8}) + field(7, graph) + field(8, field(2, uint64_t{17})) +
         field(8, test_opset);
}

}  // namespace wire
