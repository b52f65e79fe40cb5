// Model files on disk: mapping, external data and its limits, writing that is all or nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/file_writer.h"
#include "base/mapped_file.h"
#include "model/read_model.h"
#include "model/text.h"
#include "model/write_model.h"

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

class ModelFile : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              fmt::format("sardonyx-{}-{}", info->name(), static_cast<int>(::getpid()));
    fs::create_directories(folder_ / "model");
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path model_path() const { return folder_ / "model" / "m.onnx"; }
  void put(const fs::path& path, std::string_view bytes) const {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // A model of one float[4] whose data is said to be elsewhere.
  void put_model(const std::string& external, const char* shape = "[4]") const {
    const auto model = parse_text(fmt::format("g () => () <float{} w = {}> {{}}", shape, external));
    ASSERT_TRUE(model) << model.error().text();
    put(model_path(), write_model(*model).value());
  }
  Result<Model> read() const { return read_model_file(model_path()); }
  std::string error() const {
    const auto model = read();
    return model ? "no error" : model.error().text();
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_ / "model"), {}));
  }

  fs::path folder_;
  const float values_[4] = {1, 2, 3, 4};
  const std::string bytes_{reinterpret_cast<const char*>(values_), sizeof(values_)};
};

TEST_F(ModelFile, ExternalDataIsMapped) {
  put(folder_ / "model" / "w.bin", std::string(64, '\0') + bytes_);
  put_model(R"(["location": "w.bin", "offset": "64", "length": "16", "checksum": "abc"])");
  const Model model = read().value();
  const TensorDef& w = model.graph.initializers[0];
  EXPECT_EQ(w.data.as<float>()[3], 4.f);
  EXPECT_EQ(w.external.location, "w.bin");
  EXPECT_EQ(w.external.checksum, "abc");
  EXPECT_EQ(model.folder, folder_ / "model");
}

TEST_F(ModelFile, ExternalDataInSubfoldersAndLinksInside) {
  fs::create_directories(folder_ / "model" / "deep");
  put(folder_ / "model" / "deep" / "w.bin", bytes_);
  put_model(R"(["location": "deep/w.bin"])");
  EXPECT_EQ(error(), "no error");
  fs::create_symlink("deep/w.bin", folder_ / "model" / "link.bin");
  put_model(R"(["location": "link.bin"])");
  EXPECT_EQ(error(), "no error");
}

TEST_F(ModelFile, ExternalDataMayNotLeaveTheFolder) {
  put(folder_ / "secret", bytes_);
  fs::create_symlink(folder_ / "secret", folder_ / "model" / "link");
  fs::create_symlink(folder_, folder_ / "model" / "up");
  const std::pair<std::string, const char*> cases[] = {
      {"../secret", "'..'"},
      {"deep/../../secret", "'..'"},
      {(folder_ / "secret").string(), "is absolute"},
      {"/etc/passwd", "is absolute"},
      {"link", "symbolic link that leads out"},
      {"up/secret", "symbolic link that leads out"},
      {"a\\x00b", "zero byte"},
      {".", "is a folder"},
      {"missing", "No such file"},
  };
  for (const auto& [location, message] : cases) {
    put_model(fmt::format("[\"location\": \"{}\"]", location));
    const std::string text = error();
    EXPECT_NE(text.find(message), std::string::npos) << location << ": " << text;
    EXPECT_NE(text.find("initializer 'w'"), std::string::npos) << text;
  }
}

TEST_F(ModelFile, LinkedModelsFindTheirDataBesideTheRealFile) {
  // As download caches lay models out: links in one folder, files in another.
  fs::create_directories(folder_ / "blobs");
  put_model(R"(["location": "w.bin"])");
  fs::rename(model_path(), folder_ / "blobs" / "1234");
  put(folder_ / "blobs" / "5678", bytes_);
  fs::create_symlink("../blobs/1234", model_path());
  fs::create_symlink("../blobs/5678", folder_ / "model" / "w.bin");
  EXPECT_EQ(error(), "no error");
}

TEST_F(ModelFile, ExternalRangesAreChecked) {
  put(folder_ / "model" / "w.bin", bytes_);
  const std::pair<const char*, const char*> cases[] = {
      {R"(["location": "w.bin", "length": "15"])", "needs 16 bytes, external data has length 15"},
      {R"(["location": "w.bin", "offset": "1"])", "needs bytes 1 to 17 of 'w.bin', which has only"},
      {R"(["location": "w.bin", "offset": "9223372036854775807"])", "which has only 16 bytes"},
  };
  for (const auto& [external, message] : cases) {
    put_model(external);
    EXPECT_NE(error().find(message), std::string::npos) << error();
  }
  put_model(R"(["location": "w.bin"])", "[4611686018427387]");
  EXPECT_NE(error().find("which has only 16 bytes"), std::string::npos) << error();
  for (const char* number : {"-1", "x", "", "99999999999999999999", "1e3"}) {
    EXPECT_FALSE(parse_text(fmt::format(
        R"(g () => () <float w = ["location": "w.bin", "offset": "{}"]> {{}})", number)));
  }
}

TEST_F(ModelFile, ExternalDataOfAModelInMemoryNeedsAFolder) {
  put(folder_ / "model" / "w.bin", bytes_);
  put_model(R"(["location": "w.bin"])");
  const Bytes bytes = map_file(model_path()).value();
  const auto model = read_model(bytes);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().text().find("give the folder"), std::string::npos);
  ReadOptions options;
  options.external_folder = folder_ / "model";
  EXPECT_TRUE(read_model(bytes, options));
  options.external_folder.clear();
  options.load_external = false;
  const Model without = read_model(bytes, options).value();
  EXPECT_FALSE(without.graph.initializers[0].data.has_data());
  EXPECT_EQ(without.graph.initializers[0].data.shape(), Shape{4});
  EXPECT_EQ(write_model(without).value(), bytes.view());
}

TEST_F(ModelFile, WritesWeightsToAnotherFile) {
  const Model model = parse_text(R"(g () => () <
      float[4] a = {1, 2, 3, 4}, float[2] small = {5, 6}, float[5] b = {7, 8, 9, 10, 11},
      string[1] s = {"a long string that stays where it is"}> {})")
                          .value();
  WriteOptions options;
  options.external_file = "weights";
  options.external_threshold = 16;
  ASSERT_TRUE(write_model_file(model, model_path(), options));
  EXPECT_EQ(fs::file_size(folder_ / "model" / "weights"), 64u + 20u);
  const Model again = read().value();
  EXPECT_EQ(again.graph.initializers[0].external.location, "weights");
  EXPECT_EQ(again.graph.initializers[1].external.location, "");
  EXPECT_EQ(again.graph.initializers[2].external.offset, 64);
  EXPECT_EQ(write_model(again).value(), write_model(model).value());
  // Over itself: the old files stay mapped, the new ones take their names.
  ASSERT_TRUE(write_model_file(again, model_path(), options));
  EXPECT_EQ(write_model(read().value()).value(), write_model(model).value());
  EXPECT_EQ(files(), 2u);
  options.external_file = "../weights";
  EXPECT_FALSE(write_model_file(model, model_path(), options));
  EXPECT_EQ(files(), 2u);
}

TEST_F(ModelFile, MissingFilesAndFolders) {
  const auto missing = read();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNoSuchFile);
  EXPECT_NE(missing.error().text().find("m.onnx"), std::string::npos);
  const auto folder = read_model_file(folder_);
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().text().find("is a folder"), std::string::npos);
  put(model_path(), "");
  EXPECT_NE(error().find("an empty file"), std::string::npos) << error();
}

TEST_F(ModelFile, MapsSmallAndLargeFiles) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65535}, size_t{65536}, size_t{1 << 20}}) {
    const std::string bytes(size, 'x');
    put(folder_ / "file", bytes);
    const Bytes mapped = map_file(folder_ / "file").value();
    EXPECT_EQ(mapped.view(), bytes);
  }
}

TEST_F(ModelFile, WriterLeavesNothingBehind) {
  put(model_path(), "old");
  {
    FileWriter writer = FileWriter::open(model_path()).value();
    ASSERT_TRUE(writer.write("half of the new"));
    EXPECT_EQ(files(), 2u);
  }
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(map_file(model_path()).value().view(), "old");
  FileWriter writer = FileWriter::open(model_path()).value();
  ASSERT_TRUE(writer.write("ne"));
  ASSERT_TRUE(writer.pad_to(4));
  EXPECT_EQ(writer.offset(), 4u);
  ASSERT_TRUE(writer.commit());
  EXPECT_EQ(map_file(model_path()).value().view(), std::string_view("ne\0\0", 4));
  EXPECT_EQ(files(), 1u);
  EXPECT_FALSE(FileWriter::open(folder_ / "nowhere" / "file"));
}

TEST_F(ModelFile, ModelsBeyondTwoGigabytesNeedAnExternalFile) {
  Model model = parse_text("g () => () {}").value();
  // Address space that is never touched.
  static float one = 1;
  TensorDef large;
  large.name = "w";
  large.data = Tensor::wrap(DType::kFloat32, Shape{1 << 30}, &one, nullptr);
  model.graph.initializers.push_back(large);
  const auto bytes = write_model(model);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().text().find("WriteOptions::external_file"), std::string::npos);
}

}  // namespace
}  // namespace sardonyx
