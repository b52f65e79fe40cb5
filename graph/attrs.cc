// Lookup in the attributes of a node.
#include <algorithm>

#include "graph/graph.h"

namespace sardonyx {
namespace {

template <class T>
const T& get_or_neutral(const AttrMap& attrs, std::string_view name) {
  static const T neutral{};
  const Attr* attr = attrs.find(name);
  const T* found = attr == nullptr ? nullptr : std::get_if<T>(attr);
  return found == nullptr ? neutral : *found;
}

}  // namespace

const Attr* AttrMap::find(std::string_view name) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  return found != entries_.end() && found->first == name ? &found->second : nullptr;
}

void AttrMap::set(std::string name, Attr attr) {
  const auto place =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const auto& entry, const std::string& key) { return entry.first < key; });
  if (place != entries_.end() && place->first == name) {
    place->second = std::move(attr);
  } else {
    entries_.emplace(place, std::move(name), std::move(attr));
  }
}

void AttrMap::erase(std::string_view name) {
  std::erase_if(entries_, [name](const auto& entry) { return entry.first == name; });
}

int64_t AttrMap::get_int(std::string_view name, int64_t fallback) const {
  const Attr* attr = find(name);
  const auto* found = attr == nullptr ? nullptr : std::get_if<int64_t>(attr);
  return found == nullptr ? fallback : *found;
}

float AttrMap::get_float(std::string_view name, float fallback) const {
  const Attr* attr = find(name);
  const auto* found = attr == nullptr ? nullptr : std::get_if<float>(attr);
  return found == nullptr ? fallback : *found;
}

const std::string& AttrMap::get_string(std::string_view name) const {
  return get_or_neutral<std::string>(*this, name);
}
const std::vector<int64_t>& AttrMap::get_ints(std::string_view name) const {
  return get_or_neutral<std::vector<int64_t>>(*this, name);
}
const std::vector<float>& AttrMap::get_floats(std::string_view name) const {
  return get_or_neutral<std::vector<float>>(*this, name);
}
const std::vector<std::string>& AttrMap::get_strings(std::string_view name) const {
  return get_or_neutral<std::vector<std::string>>(*this, name);
}

const Tensor* AttrMap::get_tensor(std::string_view name) const {
  const Attr* attr = find(name);
  return attr == nullptr ? nullptr : std::get_if<Tensor>(attr);
}
const Subgraph* AttrMap::get_subgraph(std::string_view name) const {
  const Attr* attr = find(name);
  return attr == nullptr ? nullptr : std::get_if<Subgraph>(attr);
}

}  // namespace sardonyx
