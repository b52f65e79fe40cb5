// The C++ wrapper's memory: MemoryInfo, Allocator, KeyValuePairs, arena settings. Part of
// onnxruntime_cxx_api.h.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "onnxruntime_cxx_base.h"

namespace Ort {

struct Session;

namespace detail {

template <class T>
struct KeyValuePairsImpl : Base<T> {
  using Base<T>::Base;

  // The value of a key; null when there is none.
  const char* GetValue(const char* key) const { return GetApi().GetKeyValue(this->p_, key); }
  void GetKeyValuePairs(std::vector<const char*>& keys, std::vector<const char*>& values) const {
    const char* const* key_array = nullptr;
    const char* const* value_array = nullptr;
    size_t count = 0;
    GetApi().GetKeyValuePairs(this->p_, &key_array, &value_array, &count);
    keys.assign(key_array, key_array + count);
    values.assign(value_array, value_array + count);
  }
  std::unordered_map<std::string, std::string> GetKeyValuePairs() const {
    std::vector<const char*> keys, values;
    GetKeyValuePairs(keys, values);
    std::unordered_map<std::string, std::string> pairs;
    for (size_t i = 0; i < keys.size(); ++i) pairs.emplace(keys[i], values[i]);
    return pairs;
  }
};

template <class T>
struct MemoryInfoImpl : Base<T> {
  using Base<T>::Base;

  std::string GetAllocatorName() const {
    const char* name = nullptr;
    ThrowOnError(GetApi().MemoryInfoGetName(this->p_, &name));
    return name;
  }
  OrtAllocatorType GetAllocatorType() const {
    OrtAllocatorType type;
    ThrowOnError(GetApi().MemoryInfoGetType(this->p_, &type));
    return type;
  }
  int GetDeviceId() const {
    int id = 0;
    ThrowOnError(GetApi().MemoryInfoGetId(this->p_, &id));
    return id;
  }
  OrtMemoryInfoDeviceType GetDeviceType() const {
    OrtMemoryInfoDeviceType type;
    GetApi().MemoryInfoGetDeviceType(this->p_, &type);
    return type;
  }
  OrtMemType GetMemoryType() const {
    OrtMemType type;
    ThrowOnError(GetApi().MemoryInfoGetMemType(this->p_, &type));
    return type;
  }
  OrtDeviceMemoryType GetDeviceMemoryType() const {
    return GetApi().MemoryInfoGetDeviceMemType(this->p_);
  }
  uint32_t GetVendorId() const { return GetApi().MemoryInfoGetVendorId(this->p_); }

  template <class Other>
  bool operator==(const MemoryInfoImpl<Other>& other) const {
    int differs = 0;
    ThrowOnError(GetApi().CompareMemoryInfo(this->p_, other, &differs));
    return differs == 0;
  }
};

}  // namespace detail

using ConstKeyValuePairs = detail::KeyValuePairsImpl<detail::Unowned<const OrtKeyValuePairs>>;

struct KeyValuePairs : detail::KeyValuePairsImpl<OrtKeyValuePairs> {
  explicit KeyValuePairs(std::nullptr_t) {}
  explicit KeyValuePairs(OrtKeyValuePairs* pairs) : KeyValuePairsImpl(pairs) {}
  explicit KeyValuePairs() { GetApi().CreateKeyValuePairs(&p_); }
  explicit KeyValuePairs(const std::unordered_map<std::string, std::string>& pairs)
      : KeyValuePairs() {
    for (const auto& [key, value] : pairs) Add(key.c_str(), value.c_str());
  }

  void Add(const char* key, const char* value) { GetApi().AddKeyValuePair(p_, key, value); }
  void Remove(const char* key) { GetApi().RemoveKeyValuePair(p_, key); }
  ConstKeyValuePairs GetConst() const { return ConstKeyValuePairs(p_); }
};

using ConstMemoryInfo = detail::MemoryInfoImpl<detail::Unowned<const OrtMemoryInfo>>;

struct MemoryInfo : detail::MemoryInfoImpl<OrtMemoryInfo> {
  static MemoryInfo CreateCpu(OrtAllocatorType type, OrtMemType mem_type) {
    OrtMemoryInfo* made = nullptr;
    ThrowOnError(GetApi().CreateCpuMemoryInfo(type, mem_type, &made));
    return MemoryInfo(made);
  }

  explicit MemoryInfo(std::nullptr_t) {}
  explicit MemoryInfo(OrtMemoryInfo* info) : MemoryInfoImpl(info) {}
  MemoryInfo(const char* name, OrtAllocatorType type, int id, OrtMemType mem_type) {
    ThrowOnError(GetApi().CreateMemoryInfo(name, type, id, mem_type, &p_));
  }
  MemoryInfo(const char* name, OrtMemoryInfoDeviceType device_type, uint32_t vendor_id,
             uint32_t device_id, OrtDeviceMemoryType memory_type, size_t alignment,
             OrtAllocatorType allocator_type) {
    ThrowOnError(GetApi().CreateMemoryInfo_V2(name, device_type, vendor_id,
                                              static_cast<int32_t>(device_id), memory_type,
                                              alignment, allocator_type, &p_));
  }
  ConstMemoryInfo GetConst() const { return ConstMemoryInfo(p_); }
};

// Memory of an allocator, given back at the end.
struct MemoryAllocation {
  MemoryAllocation(OrtAllocator* allocator, void* memory, size_t size)
      : allocator_(allocator), p_(memory), size_(size) {}
  MemoryAllocation(const MemoryAllocation&) = delete;
  MemoryAllocation& operator=(const MemoryAllocation&) = delete;
  MemoryAllocation(MemoryAllocation&& other) noexcept
      : allocator_(other.allocator_), p_(std::exchange(other.p_, nullptr)), size_(other.size_) {}
  MemoryAllocation& operator=(MemoryAllocation&& other) noexcept {
    std::swap(allocator_, other.allocator_);
    std::swap(p_, other.p_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MemoryAllocation() {
    // What a destructor cannot report is dropped with its status.
    if (p_ != nullptr) static_cast<void>(Status(GetApi().AllocatorFree(allocator_, p_)));
  }

  void* get() { return p_; }
  size_t size() const { return size_; }

 private:
  OrtAllocator* allocator_;
  void* p_;
  size_t size_;
};

namespace detail {

template <class T>
struct AllocatorImpl : Base<T> {
  using Base<T>::Base;

  void* Alloc(size_t size) {
    void* memory = nullptr;
    ThrowOnError(GetApi().AllocatorAlloc(this->p_, size, &memory));
    return memory;
  }
  void* Reserve(size_t size) {
    return this->p_->Reserve != nullptr ? this->p_->Reserve(this->p_, size) : Alloc(size);
  }
  MemoryAllocation GetAllocation(size_t size) {
    return MemoryAllocation(this->p_, Alloc(size), size);
  }
  void Free(void* memory) { ThrowOnError(GetApi().AllocatorFree(this->p_, memory)); }
  ConstMemoryInfo GetInfo() const {
    const OrtMemoryInfo* info = nullptr;
    ThrowOnError(GetApi().AllocatorGetInfo(this->p_, &info));
    return ConstMemoryInfo(info);
  }
  KeyValuePairs GetStats() const {
    OrtKeyValuePairs* stats = nullptr;
    ThrowOnError(GetApi().AllocatorGetStats(this->p_, &stats));
    return KeyValuePairs(stats);
  }
  void Shrink() {
    if (this->p_->Shrink != nullptr) ThrowOnError(this->p_->Shrink(this->p_));
  }
};

}  // namespace detail

using UnownedAllocator = detail::AllocatorImpl<detail::Unowned<OrtAllocator>>;

// The library's allocator, which is nobody's to release.
struct AllocatorWithDefaultOptions : detail::AllocatorImpl<detail::Unowned<OrtAllocator>> {
  explicit AllocatorWithDefaultOptions(std::nullptr_t) {}
  AllocatorWithDefaultOptions() {
    ThrowOnError(GetApi().GetAllocatorWithDefaultOptions(&this->p_));
  }
};

struct Allocator : detail::AllocatorImpl<OrtAllocator> {
  explicit Allocator(std::nullptr_t) {}
  explicit Allocator(OrtAllocator* allocator) : AllocatorImpl(allocator) {}
  Allocator(const Session& session, const OrtMemoryInfo* info);
};

struct ArenaCfg : detail::Base<OrtArenaCfg> {
  explicit ArenaCfg(std::nullptr_t) {}
  // Of these, -1 and a max_mem of 0 leave the choice to the library.
  ArenaCfg(size_t max_mem, int arena_extend_strategy, int initial_chunk_size_bytes,
           int max_dead_bytes_per_chunk) {
    ThrowOnError(GetApi().CreateArenaCfg(max_mem, arena_extend_strategy, initial_chunk_size_bytes,
                                         max_dead_bytes_per_chunk, &p_));
  }
  explicit ArenaCfg(const std::unordered_map<std::string, size_t>& settings) {
    std::vector<const char*> keys;
    std::vector<size_t> values;
    for (const auto& [key, value] : settings) {
      keys.push_back(key.c_str());
      values.push_back(value);
    }
    ThrowOnError(GetApi().CreateArenaCfgV2(keys.data(), values.data(), keys.size(), &p_));
  }
};

struct PrepackedWeightsContainer : detail::Base<OrtPrepackedWeightsContainer> {
  using Base = detail::Base<OrtPrepackedWeightsContainer>;

  explicit PrepackedWeightsContainer(std::nullptr_t) {}
  explicit PrepackedWeightsContainer(OrtPrepackedWeightsContainer* container) : Base(container) {}
  PrepackedWeightsContainer() { ThrowOnError(GetApi().CreatePrepackedWeightsContainer(&p_)); }
};

}  // namespace Ort
