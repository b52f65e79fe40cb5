// Statuses: what functions of the table return, and what refuses NULL arguments.
#include <cctype>

#include "api/args.h"
#include "capi/door.h"
#include "capi/handles.h"
#include "capi/tables.h"

namespace sardonyx::capi {
namespace {

// Returned where there is no memory for a status; releasing it does nothing.
OrtStatus& no_memory_status() {
  static OrtStatus status{ORT_FAIL, "out of memory"};
  return status;
}

OrtStatus* ORT_API_CALL CreateStatus(OrtErrorCode code, const char* message) noexcept {
  return make_status(static_cast<Code>(code), message != nullptr ? message : "");
}

OrtErrorCode ORT_API_CALL GetErrorCode(const OrtStatus* status) noexcept {
  return status != nullptr ? status->code : ORT_OK;
}

const char* ORT_API_CALL GetErrorMessage(const OrtStatus* status) noexcept {
  return status != nullptr ? status->message.c_str() : "";
}

void ORT_API_CALL ReleaseStatus(OrtStatus* status) noexcept {
  if (status != &no_memory_status()) delete status;
}

}  // namespace

OrtStatus* make_status(Code code, std::string_view message) noexcept {
  try {
    return new OrtStatus{static_cast<OrtErrorCode>(code), std::string(message)};
  } catch (...) {
    return &no_memory_status();
  }
}

OrtStatus* make_status(const Error& error) noexcept {
  // Clients compare messages of arguments as a whole, so they go without their place.
  if (is_of_argument(error)) return make_status(error.code, error.message);
  try {
    return make_status(error.code, error.text());
  } catch (...) {
    return &no_memory_status();
  }
}

OrtStatus* not_implemented(const char* entry) noexcept {
  try {
    return make_status(Code::kNotImplemented,
                       std::string(entry) + " is not implemented by Sardonyx");
  } catch (...) {
    return &no_memory_status();
  }
}

Result<void> take_status(OrtStatus* status) {
  if (status == nullptr) return {};
  Error error{static_cast<Code>(status->code), status->message, std::string()};
  ReleaseStatus(status);
  return tl::unexpected(std::move(error));
}

Result<void> check_present(const char* function, std::string_view names,
                           std::span<const bool> present) {
  for (const bool is_present : present) {
    const size_t end = std::min(names.find(','), names.size());
    if (!is_present) {
      return fail(Code::kInvalidArgument, "{}: '{}' is NULL", function, names.substr(0, end));
    }
    names.remove_prefix(std::min(end + 1, names.size()));
    while (!names.empty() && std::isspace(static_cast<unsigned char>(names.front())) != 0) {
      names.remove_prefix(1);
    }
  }
  return {};
}

void add_status(OrtApi& api) {
  PLAIN(CreateStatus);
  PLAIN(GetErrorCode);
  PLAIN(GetErrorMessage);
  PLAIN(ReleaseStatus);
}

}  // namespace sardonyx::capi
