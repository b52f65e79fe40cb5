// External tensor data: entries of TensorProto.external_data → elements mapped from a file beside
// the model. Entry points: set_external, load_external (model/read_tensor.h).
#include <charconv>

#include "model/read_tensor.h"

namespace sardonyx {
namespace {

Result<int64_t> parse_size(std::string_view key, std::string_view value,
                           const std::string& described) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 0) {
    return fail(Code::kInvalidGraph, "{}: external data has {} {}, expected a number of bytes",
                described, key, in_quotes(value));
  }
  return number;
}

Result<Bytes> open_file(ExternalFiles& files, const std::string& location) {
  for (const auto& [name, bytes] : files.open) {
    if (name == location) return bytes;
  }
  if (files.folder.empty()) {
    return fail(Code::kInvalidArgument,
                "its data is in the file {}, but the model was read from memory; give the folder "
                "(ReadOptions::external_folder) or the file's bytes",
                in_quotes(location));
  }
  Bytes bytes = TRY(map_file_below(files.folder, location, files.second_folder));
  files.open.emplace_back(location, bytes);
  return bytes;
}

}  // namespace

Result<void> set_external(TensorDef& tensor, const Metadata& entries,
                          const std::string& described) {
  TensorDef::External& external = tensor.external;
  for (const auto& [key, value] : entries) {
    if (key == "location") {
      external.location = value;
    } else if (key == "offset") {
      external.offset = TRY(parse_size(key, value, described));
    } else if (key == "length") {
      external.length = TRY(parse_size(key, value, described));
    } else if (key == "checksum") {
      external.checksum = value;
    }
  }
  if (external.location.empty()) {
    return fail(Code::kInvalidGraph, "{}: its data is external, but there is no location",
                described);
  }
  if (tensor.data.dtype() == DType::kString) {
    return fail(Code::kInvalidGraph, "{}: string tensors cannot have external data", described);
  }
  return {};
}

Result<void> load_external(TensorDef& tensor, ExternalFiles& files, const std::string& described) {
  const TensorDef::External& external = tensor.external;
  const Bytes file = TRY_AT(described, open_file(files, external.location));
  const auto needed = static_cast<uint64_t>(tensor.data.bytes());
  if (external.length >= 0 && static_cast<uint64_t>(external.length) != needed) {
    return fail(Code::kInvalidGraph, "{}: shape {} {} needs {} bytes, external data has length {}",
                described, tensor.data.shape().to_string(), dtype_name(tensor.data.dtype()), needed,
                external.length);
  }
  const auto offset = static_cast<uint64_t>(external.offset);
  if (offset > file.size || needed > file.size - offset) {
    return fail(Code::kInvalidGraph,
                "{}: needs bytes {} to {} of {}, which has only {} bytes (is the file complete?)",
                described, offset, offset + needed, in_quotes(external.location), file.size);
  }
  if (needed == 0) {
    tensor.data = TRY(Tensor::allocate(tensor.data.dtype(), tensor.data.shape()));
    return {};
  }
  tensor.data = Tensor::wrap(tensor.data.dtype(), tensor.data.shape(),
                             const_cast<char*>(file.data + offset), file.owner);
  if (needed <= kSmallTensorBytes) tensor.data = TRY(aligned_tensor(tensor.data));
  return {};
}

}  // namespace sardonyx
