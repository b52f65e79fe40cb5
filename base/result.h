// Result<T>: a value or an Error that says what, where, expected, got and what to do. Every
// fallible function of the library returns one; nothing throws across rooms, prints or aborts.
// Entry points: Result, fail(), TRY.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace sardonyx {

// The status codes of ONNX Runtime's C API, so that every door reports the same ones.
enum class Code : int {
  kOk = 0,
  kFail = 1,
  kInvalidArgument = 2,
  kNoSuchFile = 3,
  kNoModel = 4,
  kEngineError = 5,
  kRuntimeException = 6,
  kInvalidProtobuf = 7,
  kModelLoaded = 8,
  kNotImplemented = 9,
  kInvalidGraph = 10,
  kEpFail = 11,
  kModelLoadCanceled = 12,
  kModelRequiresCompilation = 13,
  kNotFound = 14,
  kDeviceReset = 15,
};

struct Error {
  Code code = Code::kFail;
  std::string message;  // one sentence or more, without the place
  std::string place;    // byte offset, node or operator; empty when the message names it

  // "place: message", what users see.
  std::string text() const { return place.empty() ? message : place + ": " + message; }

  // Prefixes the place: the caller that knows the node adds it, kernels and rules need not.
  Error at(std::string_view outer) && {
    place = place.empty() ? std::string(outer) : std::string(outer) + ", " + place;
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

template <class... Args>
tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(
      Error{code, fmt::format(format, std::forward<Args>(args)...), std::string()});
}

}  // namespace sardonyx

// TRY(expression): the value of a Result, or return its Error from this function.
#define TRY(...)                                                            \
  ({                                                                        \
    auto try_result_ = (__VA_ARGS__);                                       \
    if (!try_result_) return ::tl::unexpected(std::move(try_result_.error())); \
    ::sardonyx::take_value(std::move(try_result_));                         \
  })

// TRY_AT(place, expression): the same, with the place added to the Error.
#define TRY_AT(place, ...)                                                                \
  ({                                                                                      \
    auto try_result_ = (__VA_ARGS__);                                                     \
    if (!try_result_)                                                                     \
      return ::tl::unexpected(std::move(try_result_.error()).at(place));                  \
    ::sardonyx::take_value(std::move(try_result_));                                       \
  })

namespace sardonyx {
template <class T>
T take_value(Result<T>&& result) {
  return std::move(*result);
}
inline void take_value(Result<void>&&) {}
}  // namespace sardonyx
