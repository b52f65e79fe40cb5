// StaticText: text that lives as long as the program. It keeps declarations data.
#pragma once

#include <string>
#include <string_view>

namespace sardonyx {

// A literal, or a part of one.
struct StaticText : std::string_view {
  constexpr StaticText() = default;
  constexpr StaticText(const char* literal) : std::string_view(literal) {}
  StaticText(const std::string&) = delete;
  static constexpr StaticText part_of(std::string_view literal) {
    StaticText text;
    static_cast<std::string_view&>(text) = literal;
    return text;
  }
};

}  // namespace sardonyx
