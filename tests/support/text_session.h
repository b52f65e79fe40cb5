// Sessions made from models in text form, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/text.h"
#include "model/write_model.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {

inline Result<Session> load_text(std::string_view text, const SessionOptions& options = {}) {
  const Model model = TRY(parse_text(text));
  auto bytes = std::make_shared<std::string>(TRY(write_model(model)));
  const auto* data = reinterpret_cast<const std::byte*>(bytes->data());
  return Session::load(std::span(data, bytes->size()), bytes, options);
}

inline Tensor floats(const Shape& shape, std::vector<float> elements) {
  return Tensor::from<float>(shape, std::span<const float>(elements));
}
inline Tensor ints(const Shape& shape, std::vector<int64_t> elements) {
  return Tensor::from<int64_t>(shape, std::span<const int64_t>(elements));
}

template <class T = float>
std::vector<T> elements_of(const Value& value) {
  const auto elements = value.tensor().elements<T>();
  return {elements.begin(), elements.end()};
}

// The first output of a run that must succeed; an empty tensor after a failure.
inline Value run_one(const Session& session, const std::vector<NamedValue>& inputs) {
  auto results = session.run(inputs);
  if (!results) {
    ADD_FAILURE() << results.error().text();
    return Value(floats({0}, {}));
  }
  return results->front();
}

inline std::string error_of(const Result<Session>& session) {
  return session ? "no error" : session.error().text();
}

}  // namespace sardonyx
