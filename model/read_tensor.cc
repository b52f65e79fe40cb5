// TensorProto decoding behind model/read_tensor.h.
#include "model/read_tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace sardonyx {
namespace {

static_assert(std::endian::native == std::endian::little,
              "raw_data is little-endian and is used in place");

constexpr size_t kMaxRank = 64;

// Floats or doubles of a typed field. One packed run, the usual form, is kept as a view because its
// bytes are those of raw_data.
template <class T>
struct FixedField {
  std::string_view run;
  std::vector<T> elements;

  void read(WireReader& reader, const char* field) {
    if (reader.is_packed() && run.empty() && elements.empty()) {
      run = reader.view(field);
      return;
    }
    if (!run.empty()) {
      if (run.size() % sizeof(T) != 0) {
        reader.fail(field, Code::kInvalidProtobuf, "a packed run ends inside a number");
      }
      reader.context().charge(run.size(), run.data());
      elements.resize(run.size() / sizeof(T));
      std::memcpy(elements.data(), run.data(), run.size());
      run = {};
    }
    reader.append(elements, field);
  }
  bool empty() const { return run.empty() && elements.empty(); }
};

// The fields of one TensorProto before they are put together.
struct Fields {
  std::vector<int64_t> dims;
  DType dtype = DType::kUndefined;
  std::string_view raw;
  FixedField<float> floats;
  FixedField<double> doubles;
  std::vector<int32_t> int32s;
  std::vector<int64_t> int64s;
  std::vector<uint64_t> uint64s;
  std::vector<std::string_view> strings;
  Metadata external;
  bool is_external = false;
};

class TensorReader {
 public:
  TensorReader(ReadContext& context, std::string_view message, std::string_view role)
      : context_(context), message_(message), role_(role) {}

  TensorDef read() {
    WireReader reader(context_, "TensorProto", message_);
    while (reader.next()) read_field(reader);
    described_ = tensor_.name.empty() ? fmt::format("{} tensor without a name", role_)
                                      : fmt::format("{} {}", role_, in_quotes(tensor_.name));
    set_shape();
    if (fields_.is_external) {
      set_external_data();
    } else {
      set_data();
    }
    return std::move(tensor_);
  }

 private:
  void read_field(WireReader& reader) {
    switch (reader.tag()) {
      case 1:
        reader.append(fields_.dims, "dims");
        break;
      case 2:
        fields_.dtype = read_dtype(reader, "data_type");
        break;
      case 3:
        reader.fail("segment", Code::kNotImplemented,
                    "tensors in segments are not supported; store each tensor whole");
      case 4:
        fields_.floats.read(reader, "float_data");
        break;
      case 5:
        reader.append(fields_.int32s, "int32_data");
        break;
      case 6:
        context_.add(fields_.strings, message_.data()) = reader.view("string_data");
        break;
      case 7:
        reader.append(fields_.int64s, "int64_data");
        break;
      case 8:
        tensor_.name = reader.text("name");
        break;
      case 9:
        fields_.raw = reader.view("raw_data");
        break;
      case 10:
        fields_.doubles.read(reader, "double_data");
        break;
      case 11:
        reader.append(fields_.uint64s, "uint64_data");
        break;
      case 12:
        tensor_.doc_string = reader.text("doc_string");
        break;
      case 13:
        read_entry(context_, reader.view("external_data"), fields_.external);
        break;
      case 14:
        fields_.is_external = reader.integer("data_location") == 1;
        break;
      case 16:
        read_entry(context_, reader.view("metadata_props"), tensor_.metadata);
        break;
      default:
        reader.skip();
    }
  }

  [[noreturn]] void invalid(std::string what) {
    context_.fail_at(message_.data(), Code::kInvalidGraph, fmt::format("{}: {}", described_, what));
  }

  void set_shape() {
    if (fields_.dtype == DType::kUndefined) invalid("no element type");
    if (fields_.dims.size() > kMaxRank) {
      invalid(fmt::format("rank {} is above the limit of {}", fields_.dims.size(), kMaxRank));
    }
    const Shape shape(fields_.dims);
    const auto count = shape.checked_count();
    if (!count) {
      invalid(fmt::format("shape {} has a negative dim or too many elements", shape.to_string()));
    }
    count_ = static_cast<size_t>(*count);
    tensor_.data = Tensor::wrap(fields_.dtype, shape, nullptr, nullptr);
  }

  void set_external_data() {
    const auto done = set_external(tensor_, fields_.external, described_);
    if (!done) throw ReadFailure{done.error()};
    if (!context_.options.load_external) return;
    auto loaded = load_external(tensor_, context_.external, described_);
    if (!loaded) throw ReadFailure{std::move(loaded.error())};
    normalise();
  }

  // Which typed field the specification asks for, by dtype, and how many numbers it must hold.
  void set_data() {
    const DType dtype = fields_.dtype;
    const auto bits = static_cast<size_t>(dtype_bits(dtype));
    if (!fields_.raw.empty()) return set_raw();
    switch (dtype) {
      case DType::kFloat32:
        return set_fixed(fields_.floats, count_, "float_data");
      case DType::kComplex64:
        return set_fixed(fields_.floats, 2 * count_, "float_data");
      case DType::kFloat64:
        return set_fixed(fields_.doubles, count_, "double_data");
      case DType::kComplex128:
        return set_fixed(fields_.doubles, 2 * count_, "double_data");
      case DType::kInt64:
        check_numbers("int64_data", fields_.int64s.size(), count_);
        return keep(std::move(fields_.int64s));
      case DType::kUint64:
        check_numbers("uint64_data", fields_.uint64s.size(), count_);
        return keep(std::move(fields_.uint64s));
      case DType::kInt32:
        check_numbers("int32_data", fields_.int32s.size(), count_);
        return keep(std::move(fields_.int32s));
      case DType::kUint32:
        check_numbers("uint64_data", fields_.uint64s.size(), count_);
        return narrow<uint32_t>(fields_.uint64s, 0, std::numeric_limits<uint32_t>::max());
      case DType::kString:
        return set_strings();
      case DType::kInt16:
        check_numbers("int32_data", fields_.int32s.size(), count_);
        return narrow<int16_t>(fields_.int32s, -32768, 32767);
      case DType::kInt8:
        check_numbers("int32_data", fields_.int32s.size(), count_);
        return narrow<int8_t>(fields_.int32s, -128, 127);
      default:
        break;
    }
    // Unsigned integers and bit patterns; sub-byte types hold one byte per number.
    check_numbers("int32_data", fields_.int32s.size(),
                  dtype_bytes(dtype, count_) * 8 / std::max<size_t>(bits, 8));
    if (bits == 16) return narrow<uint16_t>(fields_.int32s, low_pattern(16), 65535);
    narrow<uint8_t>(fields_.int32s, low_pattern(8), 255);
    normalise();
  }

  // Some writers sign-extend bit patterns; numbers proper must be in range.
  int32_t low_pattern(int bits) const {
    const bool number = fields_.dtype == DType::kUint8 || fields_.dtype == DType::kUint16 ||
                        fields_.dtype == DType::kBool;
    return number ? 0 : -(1 << (bits - 1));
  }

  void check_numbers(const char* field, size_t got, size_t expected) {
    if (got == expected) return;
    const bool any = got != 0 || !fields_.floats.empty() || !fields_.doubles.empty() ||
                     !fields_.int32s.empty() || !fields_.int64s.empty() ||
                     !fields_.uint64s.empty() || !fields_.strings.empty();
    invalid(fmt::format("shape {} {} needs {} numbers in {}, got {}{}",
                        tensor_.data.shape().to_string(), dtype_name(fields_.dtype), expected,
                        field, got, any ? "" : " and no raw_data"));
  }

  void point_at(std::string_view bytes) {
    tensor_.data = Tensor::wrap(fields_.dtype, tensor_.data.shape(),
                                const_cast<char*>(bytes.data()), context_.bytes.owner);
    if (bytes.size() <= kSmallTensorBytes) {
      context_.charge(bytes.size(), bytes.data());
      // Copied, so that reading it does not keep pages of the file in memory.
      Tensor copy = take(Tensor::allocate(fields_.dtype, tensor_.data.shape()));
      std::memcpy(copy.data(), bytes.data(), bytes.size());
      tensor_.data = std::move(copy);
    }
  }

  void set_raw() {
    if (fields_.dtype == DType::kString) invalid("string tensors cannot have raw_data");
    const size_t needed = dtype_bytes(fields_.dtype, count_);
    if (fields_.raw.size() != needed) {
      invalid(fmt::format("shape {} {} needs {} bytes, raw_data has {}",
                          tensor_.data.shape().to_string(), dtype_name(fields_.dtype), needed,
                          fields_.raw.size()));
    }
    point_at(fields_.raw);
    normalise();
  }

  template <class T>
  void set_fixed(FixedField<T>& field, size_t expected, const char* name) {
    if (!field.elements.empty()) {
      check_numbers(name, field.elements.size(), expected);
      return keep(std::move(field.elements));
    }
    if (field.run.size() % sizeof(T) != 0) {
      invalid(fmt::format("{} ends inside a number", name));
    }
    check_numbers(name, field.run.size() / sizeof(T), expected);
    if (field.run.empty()) return keep(std::vector<T>());
    point_at(field.run);
  }

  // The vector becomes the memory of the tensor.
  template <class T>
  void keep(std::vector<T>&& elements) {
    if (elements.empty()) {
      tensor_.data = take(Tensor::allocate(fields_.dtype, tensor_.data.shape()));
      return;
    }
    auto owner = std::make_shared<std::vector<T>>(std::move(elements));
    void* data = owner->data();
    tensor_.data = Tensor::wrap(fields_.dtype, tensor_.data.shape(), data, std::move(owner));
  }

  template <class T, class Number>
  void narrow(const std::vector<Number>& numbers, int64_t low, int64_t high) {
    context_.charge(numbers.size() * sizeof(T), message_.data());
    std::vector<T> elements(numbers.size());
    for (size_t i = 0; i < numbers.size(); ++i) {
      const auto number = static_cast<int64_t>(numbers[i]);
      if (number < low || number > high) {
        invalid(fmt::format("element {} is {}, which {} cannot hold", i, number,
                            dtype_name(fields_.dtype)));
      }
      elements[i] = static_cast<T>(number);
    }
    keep(std::move(elements));
  }

  void set_strings() {
    if (fields_.strings.size() != count_) {
      invalid(fmt::format("shape {} needs {} strings, string_data has {}",
                          tensor_.data.shape().to_string(), count_, fields_.strings.size()));
    }
    context_.charge(count_ * sizeof(std::string), message_.data());
    tensor_.data = take(Tensor::allocate(DType::kString, tensor_.data.shape()));
    for (size_t i = 0; i < count_; ++i) {
      context_.charge(fields_.strings[i].size(), message_.data());
      tensor_.data.as<std::string>()[i] = fields_.strings[i];
    }
  }

  // Bytes that mean nothing get one form, in a copy: a bool that is neither 0 nor 1 would be
  // undefined behaviour in C++, bits behind the last element would make equal tensors differ.
  void normalise() {
    const auto* bytes = tensor_.data.as<uint8_t>();
    const size_t size = tensor_.data.bytes();
    const size_t used = count_ * static_cast<size_t>(dtype_bits(fields_.dtype)) % 8;
    const bool odd_bool = fields_.dtype == DType::kBool &&
                          std::any_of(bytes, bytes + size, [](uint8_t byte) { return byte > 1; });
    const bool odd_end = used != 0 && bytes[size - 1] >> used != 0;
    if (!odd_bool && !odd_end) return;
    context_.charge(size, message_.data());
    const Tensor copy = take(Tensor::allocate(fields_.dtype, tensor_.data.shape()));
    auto* out = copy.as<uint8_t>();
    std::copy_n(bytes, size, out);
    if (odd_end) out[size - 1] = static_cast<uint8_t>(bytes[size - 1] & ((1u << used) - 1));
    for (size_t i = 0; odd_bool && i < size; ++i) out[i] = bytes[i] != 0;
    tensor_.data = copy;
  }

  ReadContext& context_;
  std::string_view message_;
  std::string_view role_;
  Fields fields_;
  TensorDef tensor_;
  std::string described_;
  size_t count_ = 0;
};

}  // namespace

void read_entry(ReadContext& context, std::string_view message, Metadata& list) {
  auto& [key, value] = context.add(list, message.data());
  WireReader reader(context, "StringStringEntryProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        key = reader.text("key");
        break;
      case 2:
        value = reader.text("value");
        break;
      default:
        reader.skip();
    }
  }
}

DType read_dtype(WireReader& reader, const char* field) {
  const int64_t number = reader.integer(field);
  if (number < 0 || number >= kDTypeCount) {
    reader.fail(field, Code::kInvalidGraph,
                fmt::format("unknown element type {} (known: 1 to {})", number, kDTypeCount - 1));
  }
  return static_cast<DType>(number);
}

namespace {

// The linear position of index row `row`; fails outside the dense shape.
Result<int64_t> linear_index(const SparseTensorDef& sparse, const int64_t* indices, size_t row,
                             size_t columns) {
  int64_t linear = 0;
  for (size_t axis = 0; axis < columns; ++axis) {
    const int64_t index = indices[row * columns + axis];
    const int64_t dim = columns == 1 ? sparse.shape.count() : sparse.shape[axis];
    if (index < 0 || index >= dim) {
      return fail(Code::kInvalidGraph, "index {} of entry {} is outside the dense shape {}", index,
                  row, sparse.shape.to_string());
    }
    linear = linear * dim + index;
  }
  return linear;
}

}  // namespace

Result<void> check_sparse(const SparseTensorDef& sparse) {
  const Shape& values = sparse.values.data.shape();
  const Tensor& indices = sparse.indices.data;
  if (values.rank() != 1) {
    return fail(Code::kInvalidGraph, "sparse values have rank {}, expected 1", values.rank());
  }
  const bool linear = indices.shape() == Shape{values[0]};
  const bool rows = indices.shape() == Shape{values[0], static_cast<int64_t>(sparse.shape.rank())};
  if (indices.dtype() != DType::kInt64 || (!linear && !rows)) {
    return fail(Code::kInvalidGraph,
                "sparse indices are {} {}, expected int64 of shape {} or {}x{}",
                dtype_name(indices.dtype()), indices.shape().to_string(), values[0], values[0],
                sparse.shape.rank());
  }
  if (!indices.has_data()) return {};
  const Tensor aligned = TRY(aligned_tensor(indices));
  const size_t columns = linear ? 1 : sparse.shape.rank();
  int64_t last = -1;
  for (size_t row = 0; row < static_cast<size_t>(values[0]); ++row) {
    const int64_t index = TRY(linear_index(sparse, aligned.as<int64_t>(), row, columns));
    if (index <= last) {
      return fail(Code::kInvalidGraph, "sparse entry {} is not behind the one before it", row);
    }
    last = index;
  }
  return {};
}

TensorDef read_tensor(ReadContext& context, std::string_view message, std::string_view role) {
  return TensorReader(context, message, role).read();
}

SparseTensorDef read_sparse_tensor(ReadContext& context, std::string_view message,
                                   std::string_view role) {
  SparseTensorDef sparse;
  std::vector<int64_t> dims;
  WireReader reader(context, "SparseTensorProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        sparse.values = read_tensor(context, reader.view("values"), role);
        break;
      case 2:
        sparse.indices = read_tensor(context, reader.view("indices"), "indices");
        break;
      case 3:
        reader.append(dims, "dims");
        break;
      default:
        reader.skip();
    }
  }
  if (dims.size() > kMaxRank || !Shape(dims).checked_count()) {
    context.fail_at(message.data(), Code::kInvalidGraph,
                    fmt::format("{} {}: its dense shape is negative or too large", role,
                                in_quotes(sparse.values.name)));
  }
  sparse.shape.assign(dims);
  const auto checked = check_sparse(sparse);
  if (!checked) {
    context.fail_at(
        message.data(), checked.error().code,
        fmt::format("{} {}: {}", role, in_quotes(sparse.values.name), checked.error().message));
  }
  return sparse;
}

}  // namespace sardonyx
