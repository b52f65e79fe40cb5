// Error and Result<T>: what every fallible function of the library returns. Public: no dependency
// but tl::expected. Entry points: Result, TRY (base/result.h adds fail()).
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "base/export.h"

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

// What makes, moves and ends an Error is not inline: it would be repeated wherever one passes by.
struct SARDONYX_API Error {
  Code code = Code::kFail;
  std::string message;  // one sentence or more, without the place
  std::string place;    // byte offset, node or operator; empty when the message names it

  Error();
  Error(Code code, std::string message, std::string place = {});
  Error(const Error& other);
  Error(Error&& other) noexcept;
  Error& operator=(const Error& other);
  Error& operator=(Error&& other) noexcept;
  ~Error();

  // "place: message", what users see.
  std::string text() const;

  // Prefixes the place: the caller that knows the node adds it, kernels and rules need not. What
  // the place begins with is not added twice.
  Error at(std::string_view outer) &&;
};

// What Result::value() throws, for callers who prefer exceptions; the library itself never does.
class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error) : std::runtime_error(error.text()), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  using Base = tl::expected<T, Error>;

 public:
  using Base::Base;

  // The value; throws Exception when there is none.
  decltype(auto) value() & {
    throw_error();
    return Base::operator*();
  }
  decltype(auto) value() const& {
    throw_error();
    return Base::operator*();
  }
  T value() && {
    throw_error();
    return std::move(*this).Base::operator*();
  }

 private:
  void throw_error() const {
    if (!Base::has_value()) throw Exception(Base::error());
  }
};

template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Error> {
  using Base = tl::expected<void, Error>;

 public:
  using Base::Base;

  // Throws Exception when this is an error.
  void value() const {
    if (!has_value()) throw Exception(error());
  }
};

template <class T>
T take_value(Result<T>&& result) {
  return std::move(*result);
}
inline void take_value(Result<void>&&) {}

}  // namespace sardonyx

// TRY(expression): the value of a Result, or return its Error from this function.
#define TRY(...)                                                               \
  ({                                                                           \
    auto try_result_ = (__VA_ARGS__);                                          \
    if (!try_result_) return ::tl::unexpected(std::move(try_result_.error())); \
    ::sardonyx::take_value(std::move(try_result_));                            \
  })

// TRY_AT(place, expression): the same, with the place added to the Error.
#define TRY_AT(place, ...)                                                               \
  ({                                                                                     \
    auto try_result_ = (__VA_ARGS__);                                                    \
    if (!try_result_) return ::tl::unexpected(std::move(try_result_.error()).at(place)); \
    ::sardonyx::take_value(std::move(try_result_));                                      \
  })
