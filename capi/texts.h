// Texts that cross the door: config entries in, copies out.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "sardonyx/onnxruntime_c_api.h"

namespace sardonyx::capi {

Result<void> add_config_entry(std::map<std::string, std::string>& config, const char* key,
                              const char* value);

// Into the caller's memory, with a final 0: `*size` is its room and becomes what is needed. dst may
// be null, to ask for the size.
Result<void> copy_text_to(const std::string& text, char* dst, size_t* size);

// Into memory of the allocator, which the caller frees with it.
Result<char*> copy_text(OrtAllocator* allocator, const std::string& text);

}  // namespace sardonyx::capi
