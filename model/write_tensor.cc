// TensorProto and SparseTensorProto encoding behind model/wire_writer.h.
#include "model/wire_writer.h"

namespace sardonyx {
namespace {

void write_entry(WireWriter& parent, uint32_t tag, std::string_view key, std::string_view value) {
  WireWriter entry(parent, tag);
  entry.add_bytes(1, key);
  entry.add_bytes(2, value);
}

void note(ElementSink& sink, Result<void> result) {
  if (sink.status && !result) sink.status = std::move(result);
}

void write_outside(WireWriter& out, const Tensor& data, ElementSink& sink) {
  constexpr uint64_t kAlignment = 64;
  note(sink, sink.file->pad_to(kAlignment));
  const uint64_t offset = sink.file->offset();
  note(sink, sink.file->write({static_cast<const char*>(data.data()), data.bytes()}));
  write_entry(out, 13, "location", sink.file_name);
  write_entry(out, 13, "offset", std::to_string(offset));
  write_entry(out, 13, "length", std::to_string(data.bytes()));
  out.add_int64(14, 1);
}

void write_reference(WireWriter& out, const TensorDef::External& external) {
  write_entry(out, 13, "location", external.location);
  if (external.offset != 0) write_entry(out, 13, "offset", std::to_string(external.offset));
  if (external.length >= 0) write_entry(out, 13, "length", std::to_string(external.length));
  if (!external.checksum.empty()) write_entry(out, 13, "checksum", external.checksum);
  out.add_int64(14, 1);
}

void write_elements(WireWriter& out, const TensorDef& tensor, ElementSink& sink) {
  const Tensor& data = tensor.data;
  if (!data.has_data()) {
    if (!tensor.external.location.empty()) return write_reference(out, tensor.external);
    return note(sink, fail(Code::kInvalidArgument, "tensor {} has no data to write",
                           in_quotes(tensor.name)));
  }
  if (data.dtype() == DType::kString) {
    for (const std::string& element : data.elements<std::string>()) {
      sink.inline_bytes += element.size();
      out.add_bytes(6, element);
    }
    return;
  }
  const size_t size = data.bytes();
  if (sink.file != nullptr && size != 0 && size >= sink.threshold) {
    return write_outside(out, data, sink);
  }
  sink.inline_bytes += size;
  // Beyond this the message cannot be valid: do not build it.
  if (sink.inline_bytes <= INT32_MAX) {
    out.add_bytes(9, {static_cast<const char*>(data.data()), size});
  }
}

}  // namespace

void write_metadata(WireWriter& parent, uint32_t tag, const Metadata& metadata) {
  for (const auto& [key, value] : metadata) write_entry(parent, tag, key, value);
}

void write_tensor(WireWriter&& out, const TensorDef& tensor, ElementSink& sink) {
  for (const int64_t dim : tensor.data.shape()) out.add_int64(1, dim);
  out.add_int64(2, static_cast<int64_t>(tensor.data.dtype()));
  write_text(out, 8, tensor.name);
  write_elements(out, tensor, sink);
  write_text(out, 12, tensor.doc_string);
  write_metadata(out, 16, tensor.metadata);
}

void write_sparse_tensor(WireWriter&& out, const SparseTensorDef& sparse, ElementSink& sink) {
  write_tensor(WireWriter(out, 1), sparse.values, sink);
  write_tensor(WireWriter(out, 2), sparse.indices, sink);
  for (const int64_t dim : sparse.shape) out.add_int64(3, dim);
}

}  // namespace sardonyx
