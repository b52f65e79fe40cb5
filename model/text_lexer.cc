// Tokens and quoting behind model/text_lexer.h.
#include "model/text_lexer.h"

#include <algorithm>
#include <charconv>

namespace sardonyx {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Bytes of the well-formed UTF-8 character that `text` starts with; 0 when there is none.
size_t utf8_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 && lead < 0xf5   ? 4
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                                                      : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && starts_name(name.front()) &&
         std::all_of(name.begin(), name.end(), continues_name);
}

bool is_type_word(std::string_view word) {
  static constexpr std::string_view kWords[] = {"seq",    "map",  "optional", "sparse_tensor",
                                                "opaque", "none", "undefined"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords) ||
         dtype_from_name(word) != DType::kUndefined;
}

std::string text_quoted(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const char c = text.front();
    const size_t length = utf8_length(text);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (length == 0 || (length == 1 && (c < 32 || c == 127))) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return quoted + '"';
}

std::string text_name(std::string_view name) {
  return is_plain_name(name) && !is_type_word(name) ? std::string(name) : text_quoted(name);
}

size_t Lexer::skip_blank(size_t position) const {
  while (position < text_.size()) {
    const char c = text_[position];
    const bool comment = c == '#' || text_.substr(position, 2) == "//";
    if (comment) {
      position = std::min(text_.find('\n', position), text_.size());
    } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++position;
    } else {
      break;
    }
  }
  return position;
}

Token Lexer::next(size_t& position) const {
  const size_t begin = skip_blank(position);
  size_t end = begin;
  Token token;
  if (begin == text_.size()) {
    position = begin;
    return token;
  }
  const auto at = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
  const char c = text_[begin];
  if (starts_name(c)) {
    token.kind = Token::Kind::kName;
    while (continues_name(at(end))) ++end;
  } else if (c == '"') {
    token.kind = Token::Kind::kQuoted;
    for (++end; end < text_.size() && text_[end] != '"'; ++end) {
      if (text_[end] == '\\') ++end;
    }
    end = std::min(end + 1, text_.size() + 1);  // one too far: fail() is told below
  } else if (is_digit(c) || c == '-' || c == '+') {
    token.kind = Token::Kind::kNumber;
    ++end;
    while (continues_name(at(end)) || at(end) == '.' ||
           ((at(end) == '-' || at(end) == '+') && (at(end - 1) == 'e' || at(end - 1) == 'E'))) {
      ++end;
    }
  } else {
    token.kind = Token::Kind::kSign;
    end = text_.substr(begin, 2) == "=>" ? begin + 2 : begin + 1;
  }
  if (end > text_.size()) fail("a quoted string has no end");
  token.raw = text_.substr(begin, end - begin);
  position = end;
  return token;
}

void Lexer::advance() { token_ = next(position_); }

Token Lexer::peek() const {
  size_t position = position_;
  return next(position);
}

bool Lexer::accept(std::string_view raw) {
  if (!is(raw)) return false;
  advance();
  return true;
}

void Lexer::expect(std::string_view raw) {
  if (!accept(raw)) fail(fmt::format("expected '{}'", raw));
}

std::string Lexer::quoted() {
  if (!is(Token::Kind::kQuoted)) fail("expected a quoted string");
  const std::string_view raw = token_.raw.substr(1, token_.raw.size() - 2);
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      text += raw[i];
      continue;
    }
    const char escape = ++i < raw.size() ? raw[i] : '\\';
    if (escape == 'x') {
      const int high = i + 1 < raw.size() ? hex_digit(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : -1;
      if (high < 0 || low < 0) fail("\\x needs two hexadecimal digits");
      text += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      text += escape == 'n' ? '\n' : escape == 't' ? '\t' : escape;
    }
  }
  advance();
  return text;
}

std::string Lexer::name() {
  if (is(Token::Kind::kQuoted)) return quoted();
  return std::string(plain_name("a name"));
}

std::string_view Lexer::plain_name(const char* what) {
  if (!is(Token::Kind::kName)) fail(fmt::format("expected {}", what));
  const std::string_view raw = token_.raw;
  advance();
  return raw;
}

std::string_view Lexer::number() {
  const bool word = is("nan") || is("inf") || is("true") || is("false");
  if (!word && !is(Token::Kind::kNumber)) fail("expected a number");
  const std::string_view raw = token_.raw;
  advance();
  return raw;
}

int64_t Lexer::integer() {
  const Token at = token_;
  std::string_view raw = number();
  if (raw.front() == '+') raw.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc() || end != raw.data() + raw.size()) {
    token_ = at;
    fail("expected an integer of 64 bits");
  }
  return value;
}

void Lexer::fail(std::string message) const {
  const char* at = token_.kind == Token::Kind::kEnd ? text_.data() + position_ : token_.raw.data();
  const std::string_view before(text_.data(), static_cast<size_t>(at - text_.data()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view got = token_.raw;
  throw ReadFailure{Error{
      Code::kInvalidArgument,
      fmt::format("{}, got {}", message, got.empty() ? std::string("the end") : in_quotes(got)),
      fmt::format("line {}, column {}", line, before.size() - start + 1)}};
}

}  // namespace sardonyx
