// Text of a model → tokens, with line and column for errors. Failures leave as a ReadFailure, which
// parse_text catches. Entry point: Lexer.
#pragma once

#include <string>
#include <string_view>

#include "model/wire_reader.h"

namespace sardonyx {

struct Token {
  enum class Kind : uint8_t { kEnd, kName, kQuoted, kNumber, kSign };
  Kind kind = Kind::kEnd;
  std::string_view raw;  // as written, with the quotes of kQuoted
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { advance(); }

  const Token& token() const { return token_; }
  Token peek() const;  // the token behind the current one
  void advance();

  // Whether the current token is this sign or word; accept() also goes past it.
  bool is(std::string_view raw) const {
    return token_.kind != Token::Kind::kQuoted && token_.raw == raw;
  }
  bool is(Token::Kind kind) const { return token_.kind == kind; }
  bool accept(std::string_view raw);
  void expect(std::string_view raw);

  std::string quoted();  // a quoted string, unescaped
  std::string name();    // a name or a quoted string
  std::string_view plain_name(const char* what);
  std::string_view number();  // digits, sign, nan, inf, 0x...
  int64_t integer();

  [[noreturn]] void fail(std::string message) const;

 private:
  Token next(size_t& position) const;
  size_t skip_blank(size_t position) const;

  std::string_view text_;
  size_t position_ = 0;  // behind token_
  Token token_;
};

// A name as it must be written: as it is, or quoted.
std::string text_name(std::string_view name);
std::string text_quoted(std::string_view text);
bool is_plain_name(std::string_view name);
// Words that begin a type: dtypes, seq, map, optional, sparse_tensor, opaque, none, undefined.
bool is_type_word(std::string_view word);

}  // namespace sardonyx
