// How functions of the library become entries of ONNX Runtime's table: door<F> turns a function
// that returns Result<void> into one that returns a status and lets no exception out;
// set_missing makes an entry that says it is not implemented. REQUIRE refuses NULL arguments.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "sardonyx/onnxruntime_c_api.h"

namespace sardonyx::capi {

OrtStatus* make_status(Code code, std::string_view message) noexcept;
OrtStatus* make_status(const Error& error) noexcept;
OrtStatus* not_implemented(const char* entry) noexcept;
// What a function of the client's returned; a status is released.
Result<void> take_status(OrtStatus* status);

// `names` are the arguments as REQUIRE has them; the first absent one is named.
Result<void> check_present(const char* function, std::string_view names,
                           std::span<const bool> present);

#define REQUIRE(...)                                          \
  TRY(::sardonyx::capi::check_present(__func__, #__VA_ARGS__, \
                                      ::sardonyx::capi::presence(__VA_ARGS__)))

template <class... T>
std::array<bool, sizeof...(T)> presence(const T&... pointers) {
  return {(pointers != nullptr)...};
}

// The status of a function that returns Result<void>.
template <class Fn>
OrtStatus* status_of(const Fn& function) noexcept {
  try {
    const Result<void> result = function();
    return result ? nullptr : make_status(result.error());
  } catch (const std::bad_alloc&) {
    return make_status(Code::kFail, "out of memory");
  } catch (const std::exception& exception) {
    return make_status(Code::kRuntimeException, exception.what());
  } catch (...) {
    return make_status(Code::kRuntimeException, "an exception of unknown type was thrown");
  }
}

template <auto Function>
struct Door;
template <class... Args, Result<void> (*Function)(Args...)>
struct Door<Function> {
  static OrtStatus* ORT_API_CALL call(Args... args) noexcept {
    return status_of([&] { return Function(args...); });
  }
};
template <auto Function>
inline constexpr auto door = &Door<Function>::call;

// The name of an entry as a template argument.
template <size_t N>
struct EntryName {
  constexpr EntryName(const char (&name)[N]) { std::copy_n(name, N, text); }
  char text[N];
};

// An entry that says it is not implemented; one without a status returns nothing, or 0.
template <EntryName Name, class Returned, class... Args>
void set_missing(Returned (*&entry)(Args...) noexcept) {
  entry = [](Args...) noexcept -> Returned {
    if constexpr (std::is_same_v<Returned, OrtStatus*>) {
      return not_implemented(Name.text);
    } else if constexpr (!std::is_void_v<Returned>) {
      return Returned{};
    }
  };
}

// Entries of a table called `api`, in the function that fills it: a function that returns Result,
// one that is an entry as it stands, and one that there is not.
#define DOOR(name) api.name = ::sardonyx::capi::door<&name>
#define PLAIN(name) api.name = &name
#define MISSING(name) ::sardonyx::capi::set_missing<#name>(api.name)

// Release functions take NULL.
template <class T>
void ORT_API_CALL release(T* object) noexcept {
  delete object;
}

}  // namespace sardonyx::capi
