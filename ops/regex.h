// Regular expressions in RE2's syntax, by the automaton of PCRE2. Entry point: Regex::compile.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace sardonyx {

struct RegexMatch {
  size_t begin = 0, end = 0;  // bytes
};

class Regex {
 public:
  // An error when the pattern is not of RE2's syntax, or the system has no PCRE2. whole: it has to
  // match all of a text.
  static Result<Regex> compile(const std::string& pattern, bool whole = false);

  // The first match at byte `from` or behind it (anchored: there), and the longest that begins
  // where it does. A text that is not UTF-8 has none.
  Result<std::optional<RegexMatch>> find(const std::string& text, size_t from,
                                         bool anchored = false) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace sardonyx
