// What base/error.h leaves out of line.
#include "base/error.h"

#include "base/result.h"

namespace sardonyx {

Error::Error() = default;
Error::Error(Code of, std::string what, std::string where)
    : code(of), message(std::move(what)), place(std::move(where)) {}
Error::Error(const Error& other) = default;
Error::Error(Error&& other) noexcept = default;
Error& Error::operator=(const Error& other) = default;
Error& Error::operator=(Error&& other) noexcept = default;
Error::~Error() = default;

std::string Error::text() const { return place.empty() ? message : place + ": " + message; }

Error Error::at(std::string_view outer) && {
  const bool there = place.starts_with(outer) &&
                     (place.size() == outer.size() || place.compare(outer.size(), 2, ", ") == 0);
  if (!there) place.insert(0, place.empty() ? std::string(outer) : std::string(outer) + ", ");
  return std::move(*this);
}

tl::unexpected<Error> fail_as(Code code, fmt::string_view format, fmt::format_args args) {
  return tl::unexpected<Error>(Error(code, fmt::vformat(format, args)));
}

}  // namespace sardonyx
