// SequenceProto, MapProto and OptionalProto decoding and encoding behind model/value_file.h.
#include "model/value_file.h"

#include "model/foreign_file.h"
#include "model/read_tensor.h"
#include "model/wire_reader.h"
#include "model/wire_writer.h"

namespace sardonyx {
namespace {

using Kind = Value::Kind;

// Numbers of SequenceProto.DataType and OptionalProto.DataType, by what they hold.
constexpr Kind kKinds[] = {Kind::kNone,     Kind::kTensor, Kind::kSparse,
                           Kind::kSequence, Kind::kMap,    Kind::kOptional};
constexpr int64_t number_of(Kind kind) {
  for (int64_t i = 0; i < 6; ++i) {
    if (kKinds[i] == kind) return i;
  }
  return 0;
}

Kind kind_of_type(TypeDef::Kind kind) {
  switch (kind) {
    case TypeDef::Kind::kTensor:
      return Kind::kTensor;
    case TypeDef::Kind::kSparseTensor:
      return Kind::kSparse;
    case TypeDef::Kind::kSequence:
      return Kind::kSequence;
    case TypeDef::Kind::kMap:
      return Kind::kMap;
    case TypeDef::Kind::kOptional:
      return Kind::kOptional;
    default:
      return Kind::kNone;
  }
}

DType dtype_inside(const Value& value) {
  return value.is_tensor() ? value.tensor().dtype() : DType::kUndefined;
}

class ValueReader {
 public:
  explicit ValueReader(ReadContext& context) : context_(context) {}

  NamedValue read(std::string_view message, Kind kind) {
    const Nesting nesting(context_, message.data());
    switch (kind) {
      case Kind::kTensor: {
        TensorDef tensor = read_tensor(context_, message, "tensor");
        return {std::move(tensor.name), aligned(tensor)};
      }
      case Kind::kSparse: {
        SparseTensorDef sparse = read_sparse_tensor(context_, message, "sparse tensor");
        Tensor values = aligned(sparse.values);
        Tensor indices = aligned(sparse.indices);
        return {std::move(sparse.values.name),
                Value::sparse({sparse.shape, std::move(values), std::move(indices)})};
      }
      case Kind::kSequence:
        return read_sequence(message);
      case Kind::kMap:
        return read_map(message);
      case Kind::kOptional:
        return read_optional(message);
      case Kind::kNone:
        break;
    }
    context_.fail_at(message.data(), Code::kInvalidArgument,
                     "values of this type have no protobuf form");
  }

 private:
  Tensor aligned(const TensorDef& tensor) {
    if (!tensor.data.has_data()) {
      throw ReadFailure{Error{Code::kInvalidArgument, "external data was not loaded", tensor.name}};
    }
    return take(aligned_tensor(tensor.data));
  }

  // Fields 3 to 7 hold the items of each kind. What the others hold is ignored: elem_type decides.
  NamedValue read_sequence(std::string_view message) {
    std::string name;
    Kind declared = Kind::kNone;
    std::vector<std::pair<Kind, Value>> found;
    WireReader reader(context_, "SequenceProto", message);
    while (reader.next()) {
      const uint32_t tag = reader.tag();
      if (tag == 1) {
        name = reader.text("name");
      } else if (tag == 2) {
        declared = read_kind(reader);
      } else if (tag >= 3 && tag <= 7) {
        const std::string_view item = reader.view("values");
        auto& slot = context_.add(found, item.data());
        slot = {kKinds[tag - 2], read(item, kKinds[tag - 2]).value};
      } else {
        reader.skip();
      }
    }
    std::vector<Value> items;
    for (auto& [kind, item] : found) {
      if (declared == Kind::kNone) declared = kind;
      if (kind != declared) fail_mixed(message);
      items.push_back(std::move(item));
    }
    const DType dtype = items.empty() ? DType::kUndefined : dtype_inside(items.front());
    return {std::move(name), Value::sequence(std::move(items), dtype)};
  }

  // Fields 3 to 7 hold the value of each kind; none: the optional is empty.
  NamedValue read_optional(std::string_view message) {
    std::string name;
    Kind declared = Kind::kNone;
    Kind got = Kind::kNone;
    Value inner;
    WireReader reader(context_, "OptionalProto", message);
    while (reader.next()) {
      const uint32_t tag = reader.tag();
      if (tag == 1) {
        name = reader.text("name");
      } else if (tag == 2) {
        declared = read_kind(reader);
      } else if (tag >= 3 && tag <= 7) {
        got = kKinds[tag - 2];
        inner = read(reader.view("value"), got).value;
      } else {
        reader.skip();
      }
    }
    if (got == Kind::kNone) return {std::move(name), Value::optional()};
    if (declared != Kind::kNone && declared != got) fail_mixed(message);
    return {std::move(name), Value::optional(std::move(inner))};
  }

  NamedValue read_map(std::string_view message) {
    std::string name;
    std::vector<int64_t> numbers;
    std::vector<std::string> strings;
    DType key_type = DType::kUndefined;
    Value values;
    WireReader reader(context_, "MapProto", message);
    while (reader.next()) {
      switch (reader.tag()) {
        case 1:
          name = reader.text("name");
          break;
        case 2:
          key_type = read_dtype(reader, "key_type");
          break;
        case 3:
          reader.append(numbers, "keys");
          break;
        case 4:
          context_.add(strings, message.data()) = reader.text("string_keys");
          break;
        case 5:
          values = read(reader.view("values"), Kind::kSequence).value;
          break;
        default:
          reader.skip();
      }
    }
    const bool by_string = key_type == DType::kString;
    const size_t count = by_string ? strings.size() : numbers.size();
    const Shape shape{static_cast<int64_t>(count)};
    Tensor keys = by_string ? Tensor::from<std::string>(shape, strings)
                            : Tensor::from<int64_t>(shape, numbers);
    return {std::move(name), Value::map(std::move(keys), join(message, values, count))};
  }

  // The values of a map as one rank-1 tensor.
  Tensor join(std::string_view message, const Value& values, size_t count) {
    const bool any = values.kind() == Kind::kSequence;
    if ((any ? values.items().size() : 0) != count) {
      context_.fail_at(
          message.data(), Code::kInvalidGraph,
          fmt::format("a map has {} keys and {} values", count, any ? values.items().size() : 0));
    }
    const DType dtype = any ? values.element_dtype() : DType::kUndefined;
    const Shape shape{static_cast<int64_t>(count)};
    Tensor joined =
        take(Tensor::allocate(dtype == DType::kUndefined ? DType::kFloat32 : dtype, shape));
    for (size_t i = 0; i < count; ++i) {
      const Value& item = values.items()[i];
      if (!item.is_tensor() || item.tensor().count() != 1 || item.tensor().dtype() != dtype ||
          dtype_is_sub_byte(dtype)) {
        context_.fail_at(message.data(), Code::kNotImplemented,
                         "only maps whose values are scalars of one element type are supported");
      }
      const size_t size = dtype_bytes(dtype, 1);
      copy_elements(item.tensor().view(),
                    {dtype, item.tensor().shape(), joined.as<char>() + i * size});
    }
    return joined;
  }

  Kind read_kind(WireReader& reader) {
    const int64_t number = reader.integer("elem_type");
    if (number < 0 || number > 5) {
      reader.fail("elem_type", Code::kInvalidGraph, fmt::format("unknown kind {}", number));
    }
    return kKinds[number];
  }

  [[noreturn]] void fail_mixed(std::string_view message) {
    context_.fail_at(message.data(), Code::kInvalidGraph,
                     "a sequence or optional holds another kind of value than it declares");
  }

  ReadContext& context_;
};

void write_item(WireWriter&& out, const Value& value, std::string_view name, ElementSink& sink);

uint32_t field_of(const Value& value) { return static_cast<uint32_t>(number_of(value.kind())) + 2; }

void write_map(WireWriter& out, const MapValue& map, ElementSink& sink) {
  out.add_int64(2, static_cast<int64_t>(map.keys.dtype()));
  if (map.keys.dtype() == DType::kString) {
    for (const std::string& key : map.keys.elements<std::string>()) out.add_bytes(4, key);
  } else {
    for (const int64_t key : map.keys.elements<int64_t>()) out.add_int64(3, key);
  }
  std::vector<Value> items;
  for (int64_t i = 0; i < map.values.count(); ++i) {
    const size_t offset = static_cast<size_t>(i) * dtype_bytes(map.values.dtype(), 1);
    items.emplace_back(Tensor::wrap(map.values.dtype(), Shape(), map.values.as<char>() + offset,
                                    map.values.owner()));
  }
  write_item(WireWriter(out, 5), Value::sequence(std::move(items), map.values.dtype()), {}, sink);
}

void write_tensor_item(WireWriter&& out, const Tensor& tensor, std::string_view name,
                       ElementSink& sink) {
  TensorDef def;
  def.name = name;
  def.data = tensor;
  write_tensor(std::move(out), def, sink);
}

void write_item(WireWriter&& out, const Value& value, std::string_view name, ElementSink& sink) {
  if (value.is_tensor()) return write_tensor_item(std::move(out), value.tensor(), name, sink);
  if (value.kind() == Kind::kSparse) {
    const SparseTensor& sparse = value.sparse();
    write_tensor_item(WireWriter(out, 1), sparse.values, name, sink);
    write_tensor_item(WireWriter(out, 2), sparse.indices, {}, sink);
    for (const int64_t dim : sparse.dense_shape) out.add_int64(3, dim);
    return;
  }
  if (!name.empty()) out.add_bytes(1, name);
  if (value.kind() == Kind::kMap) return write_map(out, value.map(), sink);
  if (value.kind() == Kind::kOptional) {
    out.add_int64(2, value.has_value() ? number_of(value.inner().kind()) : 0);
    if (!value.has_value()) return;
    write_item(WireWriter(out, field_of(value.inner())), value.inner(), {}, sink);
    return;
  }
  out.add_int64(2, value.items().empty() ? number_of(Kind::kTensor)
                                         : number_of(value.items().front().kind()));
  for (const Value& item : value.items()) {
    write_item(WireWriter(out, field_of(item)), item, {}, sink);
  }
}

Result<NamedValue> read_all(const Bytes& bytes, TypeDef::Kind kind, const ReadOptions& options,
                            const std::filesystem::path& folder) {
  const auto& external = options.external_folder.empty() ? folder : options.external_folder;
  ReadContext context{bytes, options, {external, {}, {}}, {}};
  auto value = reading([&] { return ValueReader(context).read(bytes.view(), kind_of_type(kind)); });
  // Zero bytes are a message with nothing in it, which only an empty optional or sequence may be.
  const std::string_view foreign = bytes.size == 0 ? "" : describe_foreign_file(bytes.view());
  if (!value && value.error().code == Code::kInvalidProtobuf && !foreign.empty()) {
    value.error().message += fmt::format("; this looks like {}", foreign);
  }
  return value;
}

}  // namespace

Result<NamedValue> read_value(const Bytes& bytes, TypeDef::Kind kind, const ReadOptions& options) {
  return read_all(bytes, kind, options, {});
}

Result<NamedValue> read_value_file(const std::filesystem::path& path, TypeDef::Kind kind,
                                   const ReadOptions& options) {
  const Bytes bytes = TRY(map_file(path));
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  return TRY_AT(path.string(), read_all(bytes, kind, options, folder));
}

Result<std::string> write_value(const Value& value, std::string_view name) {
  if (value.kind() == Kind::kNone) {
    return fail(Code::kInvalidArgument, "value {} holds nothing to write", in_quotes(name));
  }
  std::string bytes;
  ElementSink sink;
  write_item(WireWriter(bytes), value, name, sink);
  TRY(std::move(sink.status));
  if (bytes.size() > INT32_MAX || sink.inline_bytes > INT32_MAX) {
    return fail(Code::kInvalidArgument, "value {} does not fit a protobuf message of 2 GB",
                in_quotes(name));
  }
  return bytes;
}

}  // namespace sardonyx
