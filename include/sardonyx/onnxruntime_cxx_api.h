// ONNX Runtime's C++ API over its C API, header-only, C++17: the names and the shape that programs
// written for it use. Handles own what they wrap and release it; failed calls throw Ort::Exception.
//
//   Ort::Env env;
//   Ort::Session session(env, "model.onnx", Ort::SessionOptions{});
//   auto outputs = session.Run(Ort::RunOptions{}, names, inputs, 1, output_names, 1);
//
// What it leaves out is for authors of plugin providers.
#pragma once

// Programs lean on these to come with it.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <unordered_set>
#include <variant>

#include "onnxruntime_cxx_custom_op.h"
#include "onnxruntime_cxx_session.h"
