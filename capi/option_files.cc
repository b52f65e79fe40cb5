// What sessions take from elsewhere than the model: initializers, external data in memory,
// adapters.
#include <cstring>

#include "capi/door.h"
#include "capi/tables.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

Result<void> add_initializer(OrtSessionOptions& options, const char* name, const OrtValue* value) {
  REQUIRE(name, value);
  if (*name == 0) return fail(Code::kInvalidArgument, "Received nullptr or empty name");
  for (const auto& entry : options.initializers) {
    if (entry.first == name) {
      return fail(Code::kInvalidArgument, "An OrtValue for this name has already been added: {}",
                  name);
    }
  }
  options.initializers.emplace_back(name, *TRY(tensor_in(value, "AddInitializer")));
  return {};
}

// The caller keeps the value while the session lives. Options may be those of several models: the
// name need not be there.
Result<void> AddInitializer(OrtSessionOptions* options, const char* name, const OrtValue* value) {
  REQUIRE(options, name, value);
  TRY(add_initializer(*options, name, value));
  options->library.optional_initializers.insert(name);
  return {};
}

// The values may be released after the call.
Result<void> AddExternalInitializers(OrtSessionOptions* options, const char* const* names,
                                     const OrtValue* const* values, size_t count) {
  REQUIRE(options);
  if (count != 0) REQUIRE(names, values);
  for (size_t i = 0; i < count; ++i) TRY(add_initializer(*options, names[i], values[i]));
  return {};
}

Result<void> AddExternalInitializersFromFilesInMemory(OrtSessionOptions* options,
                                                      const ORTCHAR_T* const* names,
                                                      char* const* buffers, const size_t* sizes,
                                                      size_t count) {
  REQUIRE(options);
  if (count != 0) REQUIRE(names, buffers, sizes);
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(names[i], buffers[i]);
    const std::string name = names[i];
    if (name.empty()) return fail(Code::kInvalidArgument, "Received empty file name");
    const auto* bytes = reinterpret_cast<const std::byte*>(buffers[i]);
    options->library.external_files[name] = {std::span(bytes, sizes[i]), nullptr};
  }
  return {};
}

Result<void> CreateLoraAdapter(const ORTCHAR_T* path, OrtAllocator* /*allocator*/,
                               OrtLoraAdapter** out) {
  REQUIRE(path, out);
  *out = new OrtLoraAdapter{
      std::make_shared<const Adapter>(TRY(Adapter::load(std::filesystem::path(path))))};
  return {};
}

Result<void> CreateLoraAdapterFromArray(const void* data, size_t size, OrtAllocator* /*allocator*/,
                                        OrtLoraAdapter** out) {
  REQUIRE(data, out);
  const std::span bytes(static_cast<const std::byte*>(data), size);
  *out = new OrtLoraAdapter{std::make_shared<const Adapter>(TRY(Adapter::load(bytes)))};
  return {};
}

Result<void> RunOptionsAddActiveLoraAdapter(OrtRunOptions* options, const OrtLoraAdapter* adapter) {
  REQUIRE(options, adapter);
  options->adapters.push_back(adapter->adapter);
  return {};
}

}  // namespace

void add_option_files(OrtApi& api) {
  DOOR(AddInitializer);
  DOOR(AddExternalInitializers);
  DOOR(AddExternalInitializersFromFilesInMemory);
  DOOR(CreateLoraAdapter);
  DOOR(CreateLoraAdapterFromArray);
  api.ReleaseLoraAdapter = &release<OrtLoraAdapter>;
  DOOR(RunOptionsAddActiveLoraAdapter);
}

}  // namespace sardonyx::capi
