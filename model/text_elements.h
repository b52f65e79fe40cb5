// Elements of a tensor of any dtype ↔ text. What is printed parses back to the same bits: floats
// get the shortest decimal form that does, NaNs with a payload their bits in hexadecimal.
#pragma once

#include <string>

#include "base/result.h"
#include "base/tensor.h"
#include "model/text_lexer.h"

namespace sardonyx {

// "1, 2.5, nan"; complex elements give two numbers each.
void print_elements(const Tensor& tensor, std::string& out);

// Reads as many elements as the shape has, between braces.
Tensor parse_elements(Lexer& lexer, DType dtype, const Shape& shape);

std::string print_float(float value);
float parse_float(Lexer& lexer);

}  // namespace sardonyx
