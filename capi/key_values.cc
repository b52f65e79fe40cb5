// OrtKeyValuePairs: maps of texts.
#include "capi/door.h"
#include "capi/handles.h"
#include "capi/tables.h"

void OrtKeyValuePairs::refresh() {
  keys.clear();
  values.clear();
  for (const auto& [key, value] : entries) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
}

namespace sardonyx::capi {
namespace {

void ORT_API_CALL CreateKeyValuePairs(OrtKeyValuePairs** out) noexcept {
  if (out != nullptr) *out = new (std::nothrow) OrtKeyValuePairs;
}

void ORT_API_CALL AddKeyValuePair(OrtKeyValuePairs* pairs, const char* key,
                                  const char* value) noexcept {
  if (pairs != nullptr && key != nullptr && *key != 0 && value != nullptr) pairs->set(key, value);
}

const char* ORT_API_CALL GetKeyValue(const OrtKeyValuePairs* pairs, const char* key) noexcept {
  if (pairs == nullptr || key == nullptr) return nullptr;
  const auto entry = pairs->entries.find(key);
  return entry != pairs->entries.end() ? entry->second.c_str() : nullptr;
}

void ORT_API_CALL GetKeyValuePairs(const OrtKeyValuePairs* pairs, const char* const** keys,
                                   const char* const** values, size_t* count) noexcept {
  if (keys != nullptr) *keys = pairs != nullptr ? pairs->keys.data() : nullptr;
  if (values != nullptr) *values = pairs != nullptr ? pairs->values.data() : nullptr;
  if (count != nullptr) *count = pairs != nullptr ? pairs->keys.size() : 0;
}

void ORT_API_CALL RemoveKeyValuePair(OrtKeyValuePairs* pairs, const char* key) noexcept {
  if (pairs == nullptr || key == nullptr) return;
  pairs->entries.erase(key);
  pairs->refresh();
}

}  // namespace

void add_key_values(OrtApi& api) {
  PLAIN(CreateKeyValuePairs);
  PLAIN(AddKeyValuePair);
  PLAIN(GetKeyValue);
  PLAIN(GetKeyValuePairs);
  PLAIN(RemoveKeyValuePair);
  api.ReleaseKeyValuePairs = &release<OrtKeyValuePairs>;
}

}  // namespace sardonyx::capi
