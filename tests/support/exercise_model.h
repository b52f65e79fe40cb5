// Runs any bytes through everything the model room does with them. The fuzzer and the mutation test
// share it. Entry point: exercise_model.
#pragma once

#include <string>
#include <string_view>

namespace sardonyx {

// Reads the bytes as a model and as each kind of value; what can be read is checked, written, read
// again, printed and parsed. Returns what went wrong: a model that changed on the way, or "".
std::string exercise_model(std::string_view bytes);

}  // namespace sardonyx
