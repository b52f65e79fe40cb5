// Files that are cut, changed or made to hurt: each gives a clear error or a sound model, never a
// crash and never more memory than the limits allow. Run under the sanitizers too.
#include <gtest/gtest.h>

#include <random>

#include "model/foreign_file.h"
#include "model/read_model.h"
#include "model/text.h"
#include "model/wire_writer.h"
#include "model/write_model.h"
#include "tests/support/exercise_model.h"
#include "tests/support/whole_model.h"

namespace sardonyx {
namespace {

using namespace std::string_view_literals;

const std::string& whole_bytes() {
  static const std::string bytes = write_model(parse_text(kWholeModel).value()).value();
  return bytes;
}

std::string error_of(std::string_view bytes) {
  const auto model = read_model(Bytes::borrow(bytes));
  return model ? "no error" : model.error().text();
}

TEST(HostileModel, TruncationAtEveryByte) {
  const std::string& bytes = whole_bytes();
  size_t readable = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    // An exact copy, so that the sanitizer sees a read behind the end.
    const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const auto model = read_model(Bytes::borrow({cut.data(), cut.size()}));
    readable += model.has_value();
    if (!model) {
      EXPECT_EQ(model.error().code, Code::kInvalidProtobuf);
    }
  }
  // Only cuts between two fields of the model, behind the graph, leave a model.
  EXPECT_LT(readable, 20u);
}

TEST(HostileModel, EveryBitFlipped) {
  std::string bytes = whole_bytes();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
      const auto model = read_model(Bytes::borrow(bytes));
      if (!model) {
        EXPECT_FALSE(model.error().message.empty());
      }
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
    }
  }
}

// Deterministic stand-in for the fuzzer: several kinds of damage, several at once.
std::string mutated(const std::string& original, std::mt19937& random) {
  std::string bytes = original;
  const auto below = [&](size_t bound) { return random() % std::max<size_t>(bound, 1); };
  const size_t changes = 1 + below(4);
  for (size_t i = 0; i < changes && !bytes.empty(); ++i) {
    const size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, 1 + below(16));
        break;
      case 2:
        bytes.insert(at, std::string(1 + below(16), static_cast<char>(random())));
        break;
      case 3:  // a length or number becomes huge
        bytes.replace(at, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv);
        break;
      case 4: {  // a part comes twice
        const std::string part = bytes.substr(at, 1 + below(200));
        bytes.insert(below(bytes.size()), part);
        break;
      }
      default:  // two bytes change places
        std::swap(bytes[at], bytes[below(bytes.size())]);
    }
  }
  return bytes;
}

TEST(HostileModel, Mutations) {
  std::mt19937 random(20240229);
  for (int i = 0; i < 20000; ++i) {
    const std::string bytes = mutated(whole_bytes(), random);
    const std::string complaint = exercise_model(bytes);
    ASSERT_EQ(complaint, "") << "mutation " << i;
  }
}

TEST(HostileText, Mutations) {
  std::mt19937 random(7);
  size_t parsed = 0;
  for (int i = 0; i < 5000; ++i) {
    const auto model = parse_text(mutated(std::string(kWholeModel), random));
    if (!model) {
      EXPECT_FALSE(model.error().message.empty());
      continue;
    }
    ++parsed;
    const std::string text = to_text(*model);
    const auto again = parse_text(text);
    ASSERT_TRUE(again) << again.error().text() << text;
    EXPECT_EQ(to_text(*again), text);
  }
  EXPECT_GT(parsed, 50u);
}

// A message around a message, `depth` times: tags from the outside in, repeated from `repeat` on.
std::string nested(const std::vector<uint32_t>& tags, size_t repeat, size_t depth) {
  std::string bytes;
  for (size_t level = depth; level-- > 0;) {
    const uint32_t tag =
        tags[level < tags.size() ? level : repeat + (level - repeat) % (tags.size() - repeat)];
    std::string outer;
    WireWriter(outer).add_bytes(tag, bytes);
    bytes = std::move(outer);
  }
  return "\x08\x08" + bytes;  // an IR version first, as in every model
}

TEST(HostileModel, DeepNestingIsRefused) {
  // graph.node.attribute.graph..., functions.node.attribute.g..., and types in types.
  for (const std::string& bytes : {nested({7, 1, 5, 6}, 1, 3000), nested({25, 7, 5, 6, 1}, 2, 3000),
                                   nested({7, 11, 2, 4, 1}, 3, 3000)}) {
    EXPECT_NE(error_of(bytes).find("nested more than 64 levels deep"), std::string::npos)
        << error_of(bytes);
  }
}

TEST(HostileModel, MemoryIsBounded) {
  // Two bytes of file for each node, whose struct is a hundred times larger.
  std::string nodes;
  {
    WireWriter model(nodes);
    WireWriter graph(model, 7);
    for (int i = 0; i < 1'000'000; ++i) graph.add_bytes(1, "");
  }
  ReadOptions options;
  options.max_decoded_bytes = 16 << 20;
  const auto model = read_model(Bytes::borrow(nodes), options);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("limit of 16777216 bytes"), std::string::npos);
}

TEST(HostileModel, ShapesDoNotAllocate) {
  for (const char* shape : {"1099511627776", "0,1099511627776,1099511627776"}) {
    const auto model = parse_text(fmt::format("g () => () <float[{}] w = {{1}}> {{}}", shape));
    EXPECT_FALSE(model) << shape;
  }
}

TEST(HostileModel, ForeignFilesAreNamed) {
  const std::pair<std::string_view, const char*> cases[] = {
      {""sv, "an empty file"},
      {"hello, this is not a model"sv, "a text file"},
      {"{\"a\": 1}"sv, "a JSON file"},
      {"\0\0\0\0\0\0\0\0"sv, "a file of zeros"},
      {"PK\x03\x04........"sv, "a ZIP archive"},
      {"\x89PNG\r\n\x1a\n...."sv, "a PNG picture"},
      {"\xff\xd8\xff\xe0...."sv, "a JPEG picture"},
      {"\x1f\x8b\x08....."sv, "a gzip file"},
      {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file"},
      {"\x1c\0\0\0TFL3...."sv, "a TensorFlow Lite model"},
      {"\x1c\0\0\0ORTM...."sv, "an ORT format model"},
      {"GGUF\x03\0\0\0"sv, "a GGUF model"},
      {"\x80\x02}q\x01"sv, "a Python pickle"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:1\n"sv, "a Git LFS pointer"},
      {"<?xml version=\"1.0\"?>"sv, "an XML file"},
      {"<!DOCTYPE html>"sv, "a web page"},
      {"\x93NUMPY\x01\0"sv, "a NumPy array"},
      {"\x08\0\0\0\0\0\0\0{\"a\":1}"sv, "a safetensors file"},
      {"\x7f"
       "ELF\x02\x01"sv,
       "a program or library"},
  };
  for (const auto& [bytes, what] : cases) {
    const auto model = read_model(Bytes::borrow(bytes));
    ASSERT_FALSE(model) << what;
    EXPECT_EQ(model.error().code, Code::kInvalidProtobuf);
    EXPECT_NE(model.error().message.find(what), std::string::npos) << model.error().text();
  }
  EXPECT_EQ(describe_foreign_file(whole_bytes()), "");
}

TEST(HostileModel, DamageNamesTheByte) {
  const std::string& bytes = whole_bytes();
  const std::string cut = error_of(std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_NE(cut.find("truncated"), std::string::npos) << cut;
  EXPECT_NE(cut.find("byte "), std::string::npos) << cut;
  EXPECT_NE(error_of("\x08\x08"sv).find("there is no graph"), std::string::npos);
  EXPECT_NE(error_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv).find("10 bytes"),
            std::string::npos);
  EXPECT_NE(error_of("\x0b"sv).find("unknown wire type"), std::string::npos);
  EXPECT_NE(error_of("\x00\x01\x02"sv).find("invalid field number"), std::string::npos);
}

}  // namespace
}  // namespace sardonyx
