#include "apps/cli/npy.h"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <string_view>

namespace sardonyx::cli {
namespace {

using Path = std::filesystem::path;

tl::unexpected<Error> bad_file(const Path& path, const std::string& what) {
  return tl::unexpected(Error{Code::kInvalidArgument, what, path.string()});
}

struct Header {
  char kind = 0;  // 'f', 'i', 'u', 'b', 'c', 'V', 'U'
  int width = 0;  // bytes; text: characters
  bool fortran_order = false;
  Shape shape;
  size_t data_offset = 0;
};

struct NumpyType {
  DType dtype;
  char kind;
  int width;
};

constexpr NumpyType kTypes[] = {
    {DType::kFloat32, 'f', 4},   {DType::kFloat64, 'f', 8},    {DType::kFloat16, 'f', 2},
    {DType::kInt8, 'i', 1},      {DType::kInt16, 'i', 2},      {DType::kInt32, 'i', 4},
    {DType::kInt64, 'i', 8},     {DType::kUint8, 'u', 1},      {DType::kUint16, 'u', 2},
    {DType::kUint32, 'u', 4},    {DType::kUint64, 'u', 8},     {DType::kBool, 'b', 1},
    {DType::kComplex64, 'c', 8}, {DType::kComplex128, 'c', 16}};

Result<size_t> header_end(const Path& path, std::string_view file, std::string& text) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (file.size() < 10 || file.substr(0, kMagic.size()) != kMagic) {
    return bad_file(path, "not a .npy file: it does not begin with the bytes \\x93NUMPY");
  }
  const int version = static_cast<unsigned char>(file[6]);
  const size_t length_bytes = version == 1 ? 2 : 4;
  if (version < 1 || version > 3 || file.size() < 8 + length_bytes) {
    return bad_file(path, fmt::format("version {} of .npy is not known", version));
  }
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    length |= static_cast<size_t>(static_cast<unsigned char>(file[8 + i])) << (8 * i);
  }
  const size_t start = 8 + length_bytes;
  if (length > file.size() - start) return bad_file(path, "the file ends inside its header");
  text = file.substr(start, length);
  return start + length;
}

Result<Shape> parse_shape(const Path& path, const std::string& text) {
  Shape shape;
  static const std::regex number("[0-9]+");
  for (std::sregex_iterator it(text.begin(), text.end(), number), end; it != end; ++it) {
    const std::string digits = it->str();
    if (digits.size() > 18) return bad_file(path, "a dim is too large: " + digits);
    shape.push_back(std::stoll(digits));
  }
  if (!shape.checked_count()) return bad_file(path, "too many elements: " + shape.to_string());
  return shape;
}

Result<Header> read_header(const Path& path, std::string_view file) {
  Header header;
  std::string text;
  header.data_offset = TRY(header_end(path, file, text));
  std::smatch match;
  static const std::regex descr("'descr': *'([<>|=]?)([a-zA-Z])([0-9]{1,6})'");
  if (!std::regex_search(text, match, descr)) {
    return bad_file(path, "elements of this kind are not supported: " + text);
  }
  if (match[1] == ">") return bad_file(path, "big-endian elements; save them little-endian");
  header.kind = match[2].str()[0];
  header.width = std::stoi(match[3]);
  static const std::regex order("'fortran_order': *(True|False)");
  if (!std::regex_search(text, match, order)) return bad_file(path, "no memory order: " + text);
  header.fortran_order = match[1] == "True";
  static const std::regex shape("'shape': *\\(([^)]*)\\)");
  if (!std::regex_search(text, match, shape)) return bad_file(path, "no shape: " + text);
  header.shape = TRY(parse_shape(path, match[1]));
  return header;
}

std::optional<DType> dtype_of_header(const Header& header, DType wanted) {
  const bool raw = header.kind == 'V' || header.kind == 'u';
  if (raw && dtype_bits(wanted) == header.width * 8) return wanted;
  for (const NumpyType& type : kTypes) {
    if (type.kind == header.kind && type.width == header.width) return type.dtype;
  }
  return std::nullopt;
}

// Elements of `width` bytes from column-major to row-major order.
void transpose(const char* src, char* dst, const Shape& shape, size_t width) {
  const size_t rank = shape.rank();
  std::vector<int64_t> index(rank, 0);
  const int64_t count = shape.count();
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    for (size_t axis = rank; axis-- > 0;) offset = offset * shape[axis] + index[axis];
    std::memcpy(dst + static_cast<size_t>(i) * width, src + static_cast<size_t>(offset) * width,
                width);
    for (size_t axis = rank; axis-- > 0 && ++index[axis] == shape[axis];) index[axis] = 0;
  }
}

void append_utf8(std::string& text, uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | (point >> 6));
    text += static_cast<char>(0x80 | (point & 63));
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | (point >> 12));
    text += static_cast<char>(0x80 | ((point >> 6) & 63));
    text += static_cast<char>(0x80 | (point & 63));
  } else {
    text += static_cast<char>(0xF0 | ((point >> 18) & 7));
    text += static_cast<char>(0x80 | ((point >> 12) & 63));
    text += static_cast<char>(0x80 | ((point >> 6) & 63));
    text += static_cast<char>(0x80 | (point & 63));
  }
}

std::string decode_utf32(const char* data, int width) {
  std::string text;
  for (int i = 0; i < width; ++i) {
    uint32_t point = 0;
    std::memcpy(&point, data + 4 * i, 4);
    if (point != 0) append_utf8(text, point);
  }
  return text;
}

Result<Tensor> text_tensor(const Header& header, std::string_view data) {
  Tensor tensor = TRY(Tensor::allocate(DType::kString, header.shape));
  const size_t width = static_cast<size_t>(header.width) * 4;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    tensor.as<std::string>()[i] =
        decode_utf32(data.data() + static_cast<size_t>(i) * width, header.width);
  }
  return tensor;
}

Result<std::string> read_file(const Path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || std::filesystem::is_directory(path)) {
    return tl::unexpected(
        Error{Code::kNoSuchFile, "there is no such file, or it cannot be read", path.string()});
  }
  return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

}  // namespace

Result<Tensor> read_npy(const Path& path, DType wanted) {
  const std::string file = TRY(read_file(path));
  const Header header = TRY(read_header(path, file));
  const std::string_view data = std::string_view(file).substr(header.data_offset);
  const bool is_text = header.kind == 'U';
  const size_t width = static_cast<size_t>(header.width) * (is_text ? 4 : 1);
  const auto count = static_cast<size_t>(header.shape.count());
  const std::optional<DType> dtype = dtype_of_header(header, wanted);
  if (!dtype && !is_text) {
    return bad_file(path, fmt::format("elements of kind '{}' with {} bytes are not supported",
                                      header.kind, header.width));
  }
  if (width != 0 && data.size() / width < count) {
    return bad_file(
        path, fmt::format("{} bytes of elements expected, {} found", count * width, data.size()));
  }
  if (is_text && !header.fortran_order) return text_tensor(header, data);
  if (is_text) return bad_file(path, "text in column-major order is not supported");
  Tensor tensor = TRY(Tensor::allocate(*dtype, header.shape));
  if (count == 0) return tensor;
  if (header.fortran_order && header.shape.rank() > 1) {
    transpose(data.data(), tensor.as<char>(), header.shape, width);
  } else {
    std::memcpy(tensor.data(), data.data(), count * width);
  }
  return tensor;
}

Result<void> write_npy(const Path& path, const Tensor& tensor) {
  std::string descr;
  for (const NumpyType& type : kTypes) {
    if (type.dtype != tensor.dtype()) continue;
    descr = fmt::format("{}{}{}", type.width == 1 ? '|' : '<', type.kind, type.width);
  }
  const int bits = dtype_bits(tensor.dtype());
  if (descr.empty() && bits >= 8) descr = fmt::format("{}u{}", bits == 8 ? '|' : '<', bits / 8);
  if (descr.empty()) {
    return bad_file(
        path, fmt::format("{} tensors cannot be written as .npy", dtype_name(tensor.dtype())));
  }
  std::string dims;
  for (int64_t dim : tensor.shape()) dims += fmt::format("{},", dim);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, dims);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::ofstream stream(path, std::ios::binary);
  stream.write("\x93NUMPY\x01\x00", 8);
  stream.put(static_cast<char>(header.size() & 255));
  stream.put(static_cast<char>(header.size() >> 8));
  stream << header;
  stream.write(tensor.as<char>(), static_cast<std::streamsize>(tensor.bytes()));
  stream.close();
  if (!stream) {
    return tl::unexpected(Error{Code::kFail, "cannot be written", path.string()});
  }
  return {};
}

}  // namespace sardonyx::cli
