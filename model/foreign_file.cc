// The signatures behind model/foreign_file.h.
#include "model/foreign_file.h"

#include <algorithm>

namespace sardonyx {
namespace {

using namespace std::string_view_literals;

struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view what;
};

constexpr Signature kSignatures[] = {
    {0, "PK\x03\x04"sv, "a ZIP archive (a PyTorch checkpoint or a packed model?)"},
    {0, "\x89PNG\r\n"sv, "a PNG picture"},
    {0, "\xff\xd8\xff"sv, "a JPEG picture"},
    {0, "GIF8"sv, "a GIF picture"},
    {0, "RIFF"sv, "a RIFF file (a WebP picture or WAV sound?)"},
    {0, "%PDF"sv, "a PDF document"},
    {0, "\x1f\x8b"sv, "a gzip file; unpack it first"},
    {0, "BZh"sv, "a bzip2 file; unpack it first"},
    {0,
     "\xfd"
     "7zXZ"sv,
     "an xz file; unpack it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "a zstd file; unpack it first"},
    {257, "ustar"sv, "a tar archive; unpack it first"},
    {0,
     "\x7f"
     "ELF"sv,
     "a program or library (ELF)"},
    {0, "MZ"sv, "a Windows program"},
    {0, "\x89HDF\r\n"sv, "an HDF5 file (a Keras model?)"},
    {0, "\x93NUMPY"sv, "a NumPy array (.npy)"},
    {0, "GGUF"sv, "a GGUF model (llama.cpp)"},
    {0, "\x80\x02"sv, "a Python pickle (an old PyTorch checkpoint?)"},
    {0, "\x80\x04"sv, "a Python pickle"},
    {0, "\x80\x05"sv, "a Python pickle"},
    {4, "TFL3"sv, "a TensorFlow Lite model"},
    {4, "ORTM"sv, "an ORT format model (.ort); use the .onnx file it was made from"},
    {0, "version https://git-lfs"sv,
     "a Git LFS pointer, not the model itself; fetch it with 'git lfs pull'"},
    {0, "<?xml"sv, "an XML file (an OpenVINO model?)"},
    {0, "<!DOCTYPE"sv, "a web page (a failed download?)"},
    {0, "<html"sv, "a web page (a failed download?)"},
};

bool is_text_byte(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code >= 32 || code == '\n' || code == '\r' || code == '\t' || code == '\f';
}

// The length of a safetensors header comes first, then the header, which is JSON.
bool is_safetensors(std::string_view bytes) {
  return bytes.size() > 9 && bytes[8] == '{' && bytes[5] == '\0' && bytes[6] == '\0' &&
         bytes[7] == '\0' && bytes[9] == '"';
}

}  // namespace

std::string_view describe_foreign_file(std::string_view bytes) {
  if (bytes.empty()) return "an empty file";
  for (const Signature& signature : kSignatures) {
    if (bytes.size() >= signature.offset + signature.bytes.size() &&
        bytes.substr(signature.offset, signature.bytes.size()) == signature.bytes) {
      return signature.what;
    }
  }
  if (is_safetensors(bytes)) return "a safetensors file (weights without a graph)";
  const std::string_view start = bytes.substr(0, 4096);
  if (std::all_of(start.begin(), start.end(), [](char byte) { return byte == '\0'; })) {
    return "a file of zeros";
  }
  if (std::all_of(start.begin(), start.end(), is_text_byte)) {
    return start.front() == '{' ? "a JSON file" : "a text file";
  }
  return {};
}

}  // namespace sardonyx
