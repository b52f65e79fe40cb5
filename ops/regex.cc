// See ops/regex.h. PCRE2 is loaded when the first expression is compiled. Its automaton, like RE2,
// follows all alternatives at once instead of backtracking; what PCRE2 has beyond RE2's syntax is
// refused, what means something else is rewritten.
#include "ops/regex.h"

#include <memory>
#include <vector>

#include "base/shared_library.h"

#if __has_include(<pcre2.h>)
#define SARDONYX_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif

namespace sardonyx {

#if defined(SARDONYX_PCRE2)

namespace {

tl::unexpected<Error> not_re2(const std::string& pattern, std::string_view what) {
  return fail(Code::kInvalidArgument, "pattern '{}': {} is not of RE2's syntax", pattern, what);
}

// RE2's pattern → the same in PCRE2's syntax.
class Translator {
 public:
  explicit Translator(const std::string& pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        TRY(escape());
      } else if (in_class_) {
        if (c == ']') in_class_ = false;
        take(posix_class_length());
      } else if (c == '[') {
        open_class();
      } else if (c == '(') {
        TRY(group());
      } else if (is_quantifier_end(c) && (starts(std::string(1, c) + "+"))) {
        return not_re2(pattern_, "a possessive quantifier");
      } else {
        take(1);
      }
    }
    return std::move(out_);
  }

 private:
  // Of "[:alpha:]" inside a class; 1 for anything else.
  size_t posix_class_length() const {
    if (!starts("[:")) return 1;
    const size_t end = pattern_.find(":]", at_ + 2);
    return end == std::string::npos ? 1 : end + 2 - at_;
  }
  bool starts(std::string_view text) const {
    return std::string_view(pattern_).substr(at_).starts_with(text);
  }
  void take(size_t count) {
    out_ += pattern_.substr(at_, count);
    at_ += count;
  }
  static bool is_quantifier_end(char c) { return c == '*' || c == '+' || c == '?' || c == '}'; }

  // "]" right after "[" or "[^" is a member.
  void open_class() {
    take(1);
    if (starts("^")) take(1);
    if (starts("]")) take(1);
    in_class_ = true;
  }

  Result<void> escape() {
    if (starts("\\Q")) {
      const size_t end = pattern_.find("\\E", at_);
      take(end == std::string::npos ? pattern_.size() - at_ : end + 2 - at_);
      if (end == std::string::npos) out_ += "\\E";
      return {};
    }
    const char letter = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    if (std::string_view("cegGhHkKNoRXZluLUy123456789").find(letter) != std::string_view::npos &&
        letter != '\0') {
      return not_re2(pattern_, std::string("\\") + letter);
    }
    // PCRE2 counts the vertical tab to the blanks, and all of them to \v.
    if (letter == 's') return replace(in_class_ ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]");
    if (letter == 'S' && !in_class_) return replace("[^\\t\\n\\f\\r ]");
    if (letter == 'v') return replace("\\x0b");
    take(2);
    return {};
  }
  Result<void> replace(std::string_view text) {
    out_ += text;
    at_ += 2;
    return {};
  }

  Result<void> group() {
    if (starts("(*")) return not_re2(pattern_, "'(*'");
    if (!starts("(?")) {
      take(1);
      return {};
    }
    const bool is_named = starts("(?P<") || (starts("(?<") && !starts("(?<=") && !starts("(?<!"));
    size_t end = at_ + 2;
    while (end < pattern_.size() &&
           std::string_view("imsU-").find(pattern_[end]) != std::string_view::npos) {
      ++end;
    }
    const bool is_flags = end < pattern_.size() && (pattern_[end] == ':' || pattern_[end] == ')');
    if (!is_named && !is_flags) return not_re2(pattern_, pattern_.substr(at_, 3));
    take(is_flags ? end - at_ : 3);
    return {};
  }

  const std::string& pattern_;
  std::string out_;
  size_t at_ = 0;
  bool in_class_ = false;
};

struct Pcre2 {
  decltype(&pcre2_compile_8) compile = nullptr;
  decltype(&pcre2_code_free_8) free_code = nullptr;
  decltype(&pcre2_compile_context_create_8) new_context = nullptr;
  decltype(&pcre2_compile_context_free_8) free_context = nullptr;
  decltype(&pcre2_set_newline_8) set_newline = nullptr;
  decltype(&pcre2_match_data_create_8) new_match = nullptr;
  decltype(&pcre2_match_data_free_8) free_match = nullptr;
  decltype(&pcre2_dfa_match_8) match = nullptr;
  decltype(&pcre2_get_error_message_8) message = nullptr;
  decltype(&pcre2_get_ovector_pointer_8) ends = nullptr;
};

Result<Pcre2> load() {
  const SharedLibrary library = TRY(SharedLibrary::open({"libpcre2-8.so.0"}));
  Pcre2 pcre2;
  TRY(library.find("pcre2_compile_8", pcre2.compile));
  TRY(library.find("pcre2_code_free_8", pcre2.free_code));
  TRY(library.find("pcre2_compile_context_create_8", pcre2.new_context));
  TRY(library.find("pcre2_compile_context_free_8", pcre2.free_context));
  TRY(library.find("pcre2_set_newline_8", pcre2.set_newline));
  TRY(library.find("pcre2_match_data_create_8", pcre2.new_match));
  TRY(library.find("pcre2_match_data_free_8", pcre2.free_match));
  TRY(library.find("pcre2_dfa_match_8", pcre2.match));
  TRY(library.find("pcre2_get_error_message_8", pcre2.message));
  TRY(library.find("pcre2_get_ovector_pointer_8", pcre2.ends));
  return pcre2;
}

std::string message_of(const Pcre2& pcre2, int code) {
  unsigned char text[256] = {};
  pcre2.message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

using Code8 = std::shared_ptr<pcre2_code_8>;

Result<Code8> compile(const Pcre2& pcre2, const std::string& text, const std::string& pattern) {
  const std::unique_ptr<pcre2_compile_context_8, decltype(&pcre2_compile_context_free_8)> context(
      pcre2.new_context(nullptr), pcre2.free_context);
  if (context != nullptr) pcre2.set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE at = 0;
  const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
  Code8 code(pcre2.compile(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                           options, &error, &at, context.get()),
             pcre2.free_code);
  if (code == nullptr) {
    return fail(Code::kInvalidArgument, "pattern '{}' is no regular expression: {}", pattern,
                message_of(pcre2, error));
  }
  return code;
}

// A program that matches whole strings. PCRE2_ENDANCHORED would say so too, but the automaton of
// PCRE2 10.42 lets repeated groups match less under it.
Result<Code8> compile_whole(const Pcre2& pcre2, const std::string& pattern) {
  const std::string text = TRY(Translator(pattern).run());
  TRY(compile(pcre2, text, pattern));  // a lone ')' would close the group below
  return compile(pcre2, "(?:" + text + ")\\z", pattern);
}

const Result<Pcre2>& library() {
  static const Result<Pcre2> loaded = load();
  return loaded;
}

}  // namespace

struct Regex::State {
  const Pcre2& pcre2;
  Code8 code;
};

Result<Regex> Regex::compile(const std::string& pattern, bool whole) {
  const Result<Pcre2>& loaded = library();
  if (!loaded) return tl::unexpected(loaded.error());
  Regex regex;
  Code8 code;
  if (whole) {
    code = TRY(compile_whole(*loaded, pattern));
  } else {
    const std::string text = TRY(Translator(pattern).run());
    code = TRY(sardonyx::compile(*loaded, text, pattern));
  }
  regex.state_ = std::make_shared<const State>(State{*loaded, std::move(code)});
  return regex;
}

Result<std::optional<RegexMatch>> Regex::find(const std::string& text, size_t from,
                                              bool anchored) const {
  constexpr size_t kMostWorkspace = size_t{1} << 24;
  const Pcre2& pcre2 = state_->pcre2;
  const std::unique_ptr<pcre2_match_data_8, decltype(&pcre2_match_data_free_8)> data(
      pcre2.new_match(1, nullptr), pcre2.free_match);
  std::vector<int> workspace(1024);
  for (;;) {
    const int result = pcre2.match(
        state_->code.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), from,
        anchored ? PCRE2_ANCHORED : 0, data.get(), nullptr, workspace.data(), workspace.size());
    if (result >= 0) {
      const PCRE2_SIZE* ends = pcre2.ends(data.get());
      return RegexMatch{ends[0], ends[1]};
    }
    const bool is_no_text = result <= PCRE2_ERROR_UTF8_ERR1 && result >= PCRE2_ERROR_UTF8_ERR21;
    if (result == PCRE2_ERROR_NOMATCH || is_no_text) return std::optional<RegexMatch>();
    if (result == PCRE2_ERROR_DFA_WSSIZE && workspace.size() < kMostWorkspace) {
      workspace.resize(workspace.size() * 4);
      continue;
    }
    return fail(Code::kFail, "{}", message_of(pcre2, result));
  }
}

#else

struct Regex::State {};

Result<Regex> Regex::compile(const std::string&, bool) {
  return fail(Code::kNotImplemented,
              "this build has no regular expressions: it was made without the headers of "
              "libpcre2-dev (Debian package)");
}

Result<std::optional<RegexMatch>> Regex::find(const std::string&, size_t, bool) const {
  return std::optional<RegexMatch>();
}

#endif

}  // namespace sardonyx
