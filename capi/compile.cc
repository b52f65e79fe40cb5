// Compiling: a model is read, rewritten as far as asked, and written, to a file, to memory, or
// through a function of the client's. The result is a model like any other.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "capi/door.h"
#include "capi/graphs.h"
#include "capi/tables.h"
#include "capi/values.h"

struct OrtModelCompilationOptions {
  OrtSessionOptions session;
  std::string input_path;
  std::string input_bytes;
  std::filesystem::path output_path;
  OrtAllocator* allocator = nullptr;
  void** buffer = nullptr;
  size_t* buffer_size = nullptr;
  OrtWriteBufferFunc write = nullptr;
  void* write_state = nullptr;
  uint32_t flags = 0;
};

namespace sardonyx::capi {
namespace {

namespace fs = std::filesystem;
using Options = OrtModelCompilationOptions;

constexpr const char* kExternalFile = "session.optimized_model_external_initializers_file_name";

Result<void> CreateModelCompilationOptionsFromSessionOptions(const OrtEnv* env,
                                                             const OrtSessionOptions* options,
                                                             Options** out) {
  REQUIRE(env, options, out);
  auto made = std::make_unique<Options>();
  made->session = *options;
  made->session.library.optimization = OptimizationLevel::kNone;
  *out = made.release();
  return {};
}

Result<void> ModelCompilationOptions_SetInputModelPath(Options* options, const ORTCHAR_T* path) {
  REQUIRE(options, path);
  options->input_path = path;
  options->input_bytes.clear();
  return {};
}

Result<void> ModelCompilationOptions_SetInputModelFromBuffer(Options* options, const void* data,
                                                             size_t size) {
  REQUIRE(options, data);
  if (size == 0) return fail(Code::kInvalidArgument, "Input model buffer size is zero");
  options->input_bytes.assign(static_cast<const char*>(data), size);
  options->input_path.clear();
  return {};
}

Result<void> ModelCompilationOptions_SetInputModel(Options* options, const OrtModel* model) {
  REQUIRE(options, model);
  options->input_bytes = TRY(model_file(*model));
  options->input_path.clear();
  return {};
}

Result<void> ModelCompilationOptions_SetOutputModelPath(Options* options, const ORTCHAR_T* path) {
  REQUIRE(options, path);
  options->output_path = path;
  return {};
}

Result<void> ModelCompilationOptions_SetOutputModelExternalInitializersFile(Options* options,
                                                                            const ORTCHAR_T* path,
                                                                            size_t threshold) {
  REQUIRE(options, path);
  auto& config = options->session.library.config;
  config[kExternalFile] = path;
  config["session.optimized_model_external_initializers_min_size_in_bytes"] =
      std::to_string(threshold);
  return {};
}

Result<void> ModelCompilationOptions_SetOutputModelBuffer(Options* options, OrtAllocator* allocator,
                                                          void** buffer, size_t* size) {
  REQUIRE(options, allocator, buffer, size);
  options->allocator = allocator;
  options->buffer = buffer;
  options->buffer_size = size;
  return {};
}

Result<void> ModelCompilationOptions_SetOutputModelWriteFunc(Options* options,
                                                             OrtWriteBufferFunc write,
                                                             void* state) {
  REQUIRE(options, write);
  options->write = write;
  options->write_state = state;
  return {};
}

Result<std::optional<InitializerPlace>> ask_for_place(OrtGetInitializerLocationFunc locate,
                                                      void* state, const std::string& name,
                                                      const Tensor& value,
                                                      const InitializerPlace* origin) {
  OrtExternalInitializerInfo from;
  if (origin != nullptr) from = {origin->file, origin->offset, origin->bytes};
  const std::unique_ptr<OrtValue> shown(make_value(value));
  OrtExternalInitializerInfo* chosen = nullptr;
  TRY(take_status(
      locate(state, name.c_str(), shown.get(), origin != nullptr ? &from : nullptr, &chosen)));
  const std::unique_ptr<OrtExternalInitializerInfo> place(chosen);
  if (place == nullptr) return std::nullopt;
  return InitializerPlace{place->path, place->offset, place->bytes};
}

Result<void> ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc(
    Options* options, OrtGetInitializerLocationFunc locate, void* state) {
  REQUIRE(options, locate);
  options->session.library.place_initializer = [locate, state](const std::string& name,
                                                               const Tensor& value,
                                                               const InitializerPlace* origin) {
    return ask_for_place(locate, state, name, value, origin);
  };
  return {};
}

// Contexts of providers are what devices compile; there are none to embed, to name, or to leave
// weights out of.
Result<void> ModelCompilationOptions_SetEpContextEmbedMode(Options* options, bool) {
  REQUIRE(options);
  return {};
}

Result<void> ModelCompilationOptions_SetWeightlessEnabled(Options* options, bool) {
  REQUIRE(options);
  return {};
}

Result<void> ModelCompilationOptions_SetEpContextBinaryInformation(Options* options,
                                                                   const ORTCHAR_T* folder,
                                                                   const ORTCHAR_T* name) {
  REQUIRE(options, folder, name);
  return {};
}

Result<void> ModelCompilationOptions_SetFlags(Options* options, uint32_t flags) {
  REQUIRE(options);
  constexpr uint32_t kKnown = OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED |
                              OrtCompileApiFlags_ERROR_IF_OUTPUT_FILE_EXISTS;
  if ((flags & ~kKnown) != 0)
    return fail(Code::kInvalidArgument, "there are no flags {:#x}", flags);
  options->flags = flags;
  return {};
}

Result<void> ModelCompilationOptions_SetGraphOptimizationLevel(Options* options,
                                                               GraphOptimizationLevel level) {
  REQUIRE(options);
  return take_status(table().SetSessionGraphOptimizationLevel(&options->session, level));
}

struct TemporaryFile {
  fs::path path;
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

// Weights that go into a file beside a model in memory lie in the working folder.
Result<fs::path> temporary_path(const Options& options) {
  const bool has_file = options.session.library.config.contains(kExternalFile);
  std::string name =
      ((has_file ? fs::current_path() : fs::temp_directory_path()) / "sardonyx-XXXXXX").string();
  const int file = mkstemp(name.data());
  if (file < 0) return fail(Code::kFail, "cannot make a temporary file in {}", name);
  close(file);
  return fs::path(name);
}

Result<void> check_outputs(const Options& options) {
  if (options.input_path.empty() && options.input_bytes.empty()) {
    return fail(Code::kInvalidArgument, "Input model path or buffer was not set");
  }
  if ((options.flags & OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED) != 0) {
    return fail(Code::kFail,
                "Unable to compile any nodes: the CPU runs models as they are, and "
                "OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED was set");
  }
  const bool must_be_new = (options.flags & OrtCompileApiFlags_ERROR_IF_OUTPUT_FILE_EXISTS) != 0;
  if (must_be_new && !options.output_path.empty() && fs::exists(options.output_path)) {
    return fail(Code::kFail, "'{}' exists already", options.output_path.string());
  }
  return {};
}

Result<void> give_bytes(const Options& options, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string bytes = text.str();
  if (options.write != nullptr) {
    return take_status(options.write(options.write_state, bytes.data(), bytes.size()));
  }
  void* memory = options.allocator->Alloc(options.allocator, bytes.size());
  if (memory == nullptr)
    return fail(Code::kFail, "the allocator cannot give {} bytes", bytes.size());
  std::copy(bytes.begin(), bytes.end(), static_cast<char*>(memory));
  *options.buffer = memory;
  *options.buffer_size = bytes.size();
  return {};
}

Result<void> CompileModel(const OrtEnv* env, const Options* options) {
  REQUIRE(env, options);
  TRY(check_outputs(*options));
  const bool to_memory = options->write != nullptr || options->buffer != nullptr;
  TemporaryFile temporary;
  fs::path path = options->output_path;
  if (to_memory) {
    path = temporary.path = TRY(temporary_path(*options));
  } else if (path.empty()) {
    if (options->input_path.empty()) {
      return fail(Code::kInvalidArgument, "Output model path or buffer was not set");
    }
    path = fs::path(options->input_path).replace_extension().string() + "_ctx.onnx";
  }
  OrtSessionOptions session_options = options->session;
  session_options.library.optimized_model_path = path;
  OrtSession* session = nullptr;
  TRY(take_status(
      options->input_path.empty()
          ? table().CreateSessionFromArray(env, options->input_bytes.data(),
                                           options->input_bytes.size(), &session_options, &session)
          : table().CreateSession(env, options->input_path.c_str(), &session_options, &session)));
  table().ReleaseSession(session);
  if (to_memory) return give_bytes(*options, path);
  return {};
}

OrtCompileApi make_compile_table() {
  OrtCompileApi api{};
  api.ReleaseModelCompilationOptions = &release<Options>;
  DOOR(CreateModelCompilationOptionsFromSessionOptions);
  DOOR(ModelCompilationOptions_SetInputModelPath);
  DOOR(ModelCompilationOptions_SetInputModelFromBuffer);
  DOOR(ModelCompilationOptions_SetInputModel);
  DOOR(ModelCompilationOptions_SetOutputModelPath);
  DOOR(ModelCompilationOptions_SetOutputModelExternalInitializersFile);
  DOOR(ModelCompilationOptions_SetOutputModelBuffer);
  DOOR(ModelCompilationOptions_SetOutputModelWriteFunc);
  DOOR(ModelCompilationOptions_SetEpContextEmbedMode);
  DOOR(ModelCompilationOptions_SetEpContextBinaryInformation);
  DOOR(ModelCompilationOptions_SetFlags);
  DOOR(ModelCompilationOptions_SetGraphOptimizationLevel);
  DOOR(CompileModel);
  DOOR(ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc);
  DOOR(ModelCompilationOptions_SetWeightlessEnabled);
  return api;
}

}  // namespace

const OrtCompileApi& compile_table() {
  static const OrtCompileApi api = make_compile_table();
  return api;
}

}  // namespace sardonyx::capi
