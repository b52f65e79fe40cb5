// Adapter files: FlatBuffers with the identifier "TORT" (the .onnx_adapter format that ONNX Runtime
// and Olive exchange): a table of three versions and a list of named tensors. Entry points:
// Adapter::load, Adapter::save.
#include <flatbuffers/flatbuffers.h>

#include "base/file_writer.h"
#include "base/mapped_file.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {
namespace {

namespace fb = flatbuffers;

constexpr const char* kIdentifier = "TORT";
constexpr int32_t kFormatVersion = 1;

// Places of the fields in a table's index: 4, 6, 8, ... in the order of the schema.
constexpr fb::voffset_t field(int index) { return static_cast<fb::voffset_t>(4 + 2 * index); }

constexpr fb::voffset_t kFormat = field(0);
constexpr fb::voffset_t kAdapterVersion = field(1);
constexpr fb::voffset_t kModelVersion = field(2);
constexpr fb::voffset_t kParameters = field(3);

constexpr fb::voffset_t kName = field(0);
constexpr fb::voffset_t kDims = field(1);
constexpr fb::voffset_t kDataType = field(2);
constexpr fb::voffset_t kRawData = field(3);

struct ParameterTable : private fb::Table {
  const fb::String* name() const { return GetPointer<const fb::String*>(kName); }
  const fb::Vector<int64_t>* dims() const { return GetPointer<const fb::Vector<int64_t>*>(kDims); }
  int32_t data_type() const { return GetField<int32_t>(kDataType, 0); }
  const fb::Vector<uint8_t>* bytes() const {
    return GetPointer<const fb::Vector<uint8_t>*>(kRawData);
  }
  bool Verify(fb::Verifier& verifier) const {  // FlatBuffers calls it by this name
    return VerifyTableStart(verifier) && VerifyOffset(verifier, kName) &&
           verifier.VerifyString(name()) && VerifyOffset(verifier, kDims) &&
           verifier.VerifyVector(dims()) &&
           VerifyField<int32_t>(verifier, kDataType, sizeof(int32_t)) &&
           VerifyOffset(verifier, kRawData) && verifier.VerifyVector(bytes()) &&
           verifier.EndTable();
  }
};

struct AdapterTable : private fb::Table {
  using Parameters = fb::Vector<fb::Offset<ParameterTable>>;
  int32_t version(fb::voffset_t which) const { return GetField<int32_t>(which, 0); }
  const Parameters* parameters() const { return GetPointer<const Parameters*>(kParameters); }
  bool Verify(fb::Verifier& verifier) const {
    return VerifyTableStart(verifier) && VerifyField<int32_t>(verifier, kFormat, sizeof(int32_t)) &&
           VerifyField<int32_t>(verifier, kAdapterVersion, sizeof(int32_t)) &&
           VerifyField<int32_t>(verifier, kModelVersion, sizeof(int32_t)) &&
           VerifyOffset(verifier, kParameters) && verifier.VerifyVector(parameters()) &&
           verifier.VerifyVectorOfTables(parameters()) && verifier.EndTable();
  }
};

Result<Tensor> read_parameter(const ParameterTable& table) {
  const auto number = table.data_type();
  const auto dtype = static_cast<DType>(number);
  if (number <= 0 || number > static_cast<int>(DType::kInt2) || dtype == DType::kString) {
    return fail(Code::kInvalidArgument, "data type {} is not one that an adapter can hold", number);
  }
  std::vector<int64_t> dims;
  if (table.dims() != nullptr) dims.assign(table.dims()->begin(), table.dims()->end());
  const Shape shape(dims);
  const auto count = shape.checked_count();
  const size_t stored = table.bytes() == nullptr ? 0 : table.bytes()->size();
  if (!count || dtype_bytes(dtype, *count) != stored) {
    return fail(Code::kInvalidArgument, "{} {} does not fit its {} bytes", dtype_name(dtype),
                shape.to_string(), stored);
  }
  Tensor tensor = TRY(Tensor::allocate(dtype, shape));
  if (stored > 0) std::memcpy(tensor.data(), table.bytes()->data(), stored);
  return tensor;
}

Result<Adapter> read_adapter(std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  constexpr size_t kSmallest = 8;  // offset of the root, identifier
  if (bytes.size() < kSmallest || !fb::BufferHasIdentifier(data, kIdentifier)) {
    return fail(Code::kInvalidArgument,
                "not an adapter: expected a FlatBuffer with the identifier '{}'", kIdentifier);
  }
  fb::Verifier verifier(data, bytes.size());
  if (!verifier.VerifyBuffer<AdapterTable>(kIdentifier)) {
    return fail(Code::kInvalidArgument, "the adapter is damaged (is the file complete?)");
  }
  const auto& table = *fb::GetRoot<AdapterTable>(data);
  if (table.version(kFormat) != kFormatVersion) {
    return fail(Code::kInvalidArgument, "the adapter has format version {}, expected {}",
                table.version(kFormat), kFormatVersion);
  }
  Adapter adapter;
  adapter.adapter_version = table.version(kAdapterVersion);
  adapter.model_version = table.version(kModelVersion);
  if (table.parameters() == nullptr) return adapter;
  for (const ParameterTable* parameter : *table.parameters()) {
    const std::string name = parameter->name() == nullptr ? "" : parameter->name()->str();
    Tensor tensor = TRY_AT("parameter '" + name + "'", read_parameter(*parameter));
    if (name.empty() || !adapter.parameters.emplace(name, std::move(tensor)).second) {
      return fail(Code::kInvalidArgument, "parameter '{}': names must be given, and once", name);
    }
  }
  return adapter;
}

fb::Offset<ParameterTable> write_parameter(fb::FlatBufferBuilder& builder, const std::string& name,
                                           const Tensor& tensor) {
  constexpr size_t kAlignment = 8;  // of the elements, as the format asks
  const auto name_at = builder.CreateString(name);
  const Shape& dims = tensor.shape();
  const std::vector<int64_t> dim_list(dims.begin(), dims.end());
  const auto dims_at = builder.CreateVector(dim_list);
  builder.ForceVectorAlignment(tensor.bytes(), sizeof(uint8_t), kAlignment);
  const auto bytes_at = builder.CreateVector(tensor.as<uint8_t>(), tensor.bytes());
  const auto start = builder.StartTable();
  builder.AddOffset(kName, name_at);
  builder.AddOffset(kDims, dims_at);
  builder.AddElement<int32_t>(kDataType, static_cast<int32_t>(tensor.dtype()), 0);
  builder.AddOffset(kRawData, bytes_at);
  return fb::Offset<ParameterTable>(builder.EndTable(start));
}

// FlatBuffers' offsets have 32 bits; its own check is an assertion.
Result<void> check_size(const Adapter& adapter) {
  constexpr size_t kLargest = size_t{2'000'000'000};
  size_t bytes = 0;
  for (const auto& [name, tensor] : adapter.parameters) {
    if (tensor.dtype() == DType::kString) {
      return fail(Code::kInvalidArgument, "parameter '{}': an adapter cannot hold strings", name);
    }
    bytes += tensor.bytes() + name.size() + 64;
  }
  if (bytes <= kLargest) return {};
  return fail(Code::kInvalidArgument, "the parameters take {} bytes; an adapter file holds {}",
              bytes, kLargest);
}

}  // namespace

Result<Adapter> Adapter::load(const std::filesystem::path& path) {
  const Bytes file = TRY(map_file(path));
  return TRY_AT(path.string(), load(std::as_bytes(std::span<const char>(file.data, file.size))));
}

Result<Adapter> Adapter::load(std::span<const std::byte> bytes) { return read_adapter(bytes); }

Result<void> Adapter::save(const std::filesystem::path& path) const {
  TRY(check_size(*this));
  fb::FlatBufferBuilder builder;
  std::vector<fb::Offset<ParameterTable>> tables;
  for (const auto& [name, tensor] : parameters) {
    tables.push_back(write_parameter(builder, name, tensor));
  }
  const auto tables_at = builder.CreateVector(tables);
  const auto start = builder.StartTable();
  builder.AddElement<int32_t>(kFormat, kFormatVersion, 0);
  builder.AddElement<int32_t>(kAdapterVersion, adapter_version, 0);
  builder.AddElement<int32_t>(kModelVersion, model_version, 0);
  builder.AddOffset(kParameters, tables_at);
  builder.Finish(fb::Offset<AdapterTable>(builder.EndTable(start)), kIdentifier);
  FileWriter writer = TRY(FileWriter::open(path));
  const auto* data = reinterpret_cast<const char*>(builder.GetBufferPointer());
  TRY(writer.write({data, builder.GetSize()}));
  return writer.commit();
}

}  // namespace sardonyx
