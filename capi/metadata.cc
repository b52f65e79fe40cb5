// What a model says of itself.
#include "capi/door.h"
#include "capi/handles.h"
#include "capi/tables.h"
#include "capi/texts.h"

namespace sardonyx::capi {
namespace {

Result<void> SessionGetModelMetadata(const OrtSession* session, OrtModelMetadata** out) {
  REQUIRE(session, out);
  *out = new OrtModelMetadata{session->loaded->session.model()};
  return {};
}

template <auto Member>
Result<void> get_text(const OrtModelMetadata* metadata, OrtAllocator* allocator, char** out) {
  REQUIRE(metadata, allocator, out);
  *out = TRY(copy_text(allocator, metadata->info.*Member));
  return {};
}

Result<void> ModelMetadataGetVersion(const OrtModelMetadata* metadata, int64_t* out) {
  REQUIRE(metadata, out);
  *out = metadata->info.version;
  return {};
}

// NULL where there is no such key.
Result<void> ModelMetadataLookupCustomMetadataMap(const OrtModelMetadata* metadata,
                                                  OrtAllocator* allocator, const char* key,
                                                  char** out) {
  REQUIRE(metadata, allocator, key, out);
  *out = nullptr;
  for (const auto& [name, value] : metadata->info.metadata) {
    if (name == key) *out = TRY(copy_text(allocator, value));
    if (name == key) break;
  }
  return {};
}

Result<void> ModelMetadataGetCustomMetadataMapKeys(const OrtModelMetadata* metadata,
                                                   OrtAllocator* allocator, char*** out,
                                                   int64_t* count) {
  REQUIRE(metadata, allocator, out, count);
  const auto& entries = metadata->info.metadata;
  *out = nullptr;
  *count = static_cast<int64_t>(entries.size());
  if (entries.empty()) return {};
  void* memory = allocator->Alloc(allocator, entries.size() * sizeof(char*));
  if (memory == nullptr) {
    return fail(Code::kFail, "the allocator cannot give {} pointers", entries.size());
  }
  auto** keys = static_cast<char**>(memory);
  for (size_t i = 0; i < entries.size(); ++i) {
    Result<char*> key = copy_text(allocator, entries[i].first);
    if (key) {
      keys[i] = *key;
      continue;
    }
    for (size_t k = 0; k < i; ++k) allocator->Free(allocator, keys[k]);
    allocator->Free(allocator, memory);
    return tl::unexpected(std::move(key.error()));
  }
  *out = keys;
  return {};
}

}  // namespace

void add_metadata(OrtApi& api) {
  DOOR(SessionGetModelMetadata);
  api.ReleaseModelMetadata = &release<OrtModelMetadata>;
  api.ModelMetadataGetProducerName = door<&get_text<&ModelInfo::producer_name>>;
  api.ModelMetadataGetGraphName = door<&get_text<&ModelInfo::graph_name>>;
  api.ModelMetadataGetGraphDescription = door<&get_text<&ModelInfo::graph_description>>;
  api.ModelMetadataGetDomain = door<&get_text<&ModelInfo::domain>>;
  api.ModelMetadataGetDescription = door<&get_text<&ModelInfo::description>>;
  DOOR(ModelMetadataGetVersion);
  DOOR(ModelMetadataLookupCustomMetadataMap);
  DOOR(ModelMetadataGetCustomMetadataMapKeys);
}

}  // namespace sardonyx::capi
