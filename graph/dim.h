// Dim: one dimension of a shape, a constant or a symbolic expression ("N", "N+5", "floor(H/2)",
// unknown). Expressions are kept as a constant plus a sum of integer multiples of atoms in a
// canonical order, so that equal sums compare equal; an atom is a symbol, an unknown, or an opaque
// function of dims. Shape rules are written once, on Dims, and serve symbolic and concrete shapes.
// Symbols are never negative; an unknown may be (it may stand for a known integer of a tensor).
// Constants saturate at the ends of int64_t, so that no number from a file overflows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/shape.h"

namespace sardonyx {

// The number of a symbol, where there is one.
using SymbolNumbers = std::function<std::optional<int64_t>(std::string_view symbol)>;

class Dim {
 public:
  Dim(int64_t constant = 0) : constant_(constant) {}  // implicit: rules mix ints and Dims
  // A named symbol (dim_param). The empty name gives unknown().
  static Dim symbol(std::string_view name);
  // A dim about which nothing is known; every call gives one that equals only itself.
  static Dim unknown();

  bool is_constant() const { return terms_ == nullptr; }
  // Only for constants.
  int64_t value() const { return constant_; }
  bool is_unknown() const;  // exactly one unknown atom, nothing else
  // The bare symbol's name, or empty when this is anything else.
  std::string symbol_name() const;

  // "3", "N", "2*N+5", "floor((H+1)/2)", "?".
  std::string to_string() const;

  // True when the two are equal for all values of their symbols, as far as the canonical form
  // shows; false means "not known to be equal".
  friend bool operator==(const Dim& a, const Dim& b);
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);

 private:
  struct Atom;  // a symbol, an unknown, a product of atoms, or a function of dims
  struct Term;  // an atom times an integer
  struct Algebra;
  using AtomPtr = std::shared_ptr<const Atom>;
  using Terms = std::vector<Term>;  // sorted by the text of their atoms, factors not 0
  friend Dim floor_div(const Dim& a, const Dim& b);
  friend Dim ceil_div(const Dim& a, const Dim& b);
  friend Dim dim_mod(const Dim& a, const Dim& b);
  friend Dim dim_min(const Dim& a, const Dim& b);
  friend Dim dim_max(const Dim& a, const Dim& b);
  friend Dim substitute(const Dim& dim, const SymbolNumbers& numbers);

  int64_t constant_ = 0;
  std::shared_ptr<const Terms> terms_;  // null when there are none
};

Dim floor_div(const Dim& a, const Dim& b);  // rounds towards minus infinity; b != 0
Dim ceil_div(const Dim& a, const Dim& b);
Dim dim_mod(const Dim& a, const Dim& b);  // sign of b
Dim dim_min(const Dim& a, const Dim& b);
Dim dim_max(const Dim& a, const Dim& b);

// The dim with numbers in the place of symbols; symbols without a number stay.
Dim substitute(const Dim& dim, const SymbolNumbers& numbers);

using Dims = std::vector<Dim>;

Dims to_dims(const Shape& shape);
// The concrete shape when every dim is constant.
bool all_constant(const Dims& dims);
Shape to_shape(const Dims& dims);         // only when all_constant()
Dim product(const Dims& dims);            // 1 for rank 0
std::string to_string(const Dims& dims);  // "Nx3x224", "scalar"

}  // namespace sardonyx
