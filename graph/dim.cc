// The algebra of symbolic dims behind graph/dim.h: sums of integer multiples of atoms, kept sorted
// by the atoms' texts. What grows past a limit becomes an unknown, so hostile models cost nothing.
#include "graph/dim.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>
#include <optional>

namespace sardonyx {
namespace {

constexpr size_t kMaxTerms = 64;
constexpr size_t kMaxText = 512;
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

int64_t saturated_add(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return a < 0 ? kMin : kMax;
  return sum;
}

int64_t saturated_mul(int64_t a, int64_t b) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return (a < 0) == (b < 0) ? kMax : kMin;
  return product;
}

int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == -1) return a == kMin ? kMax : -a;
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

// A symbol as it appears in an expression: quoted when it could be read as more than a name.
std::string symbol_text(std::string_view name) {
  const bool plain = name.find_first_of("+-*/(),?' ") == std::string_view::npos &&
                     (name[0] < '0' || name[0] > '9');
  if (plain) return std::string(name);
  std::string text = "'";
  for (char c : name) text += c == '\'' ? std::string("''") : std::string(1, c);
  return text + "'";
}

}  // namespace

struct Dim::Atom {
  enum class Kind : uint8_t { kSymbol, kUnknown, kProduct, kFloor, kCeil, kMin, kMax };
  Kind kind = Kind::kSymbol;
  std::string text;  // canonical: atoms are equal when their texts are; unknowns are "?<number>"
  std::string name;  // of a symbol
  std::vector<AtomPtr> factors;  // of a product, sorted by text
  std::vector<Dim> args;         // of a function
};

struct Dim::Term {
  AtomPtr atom;
  int64_t factor = 1;
};

// What the operators need of each other.
struct Dim::Algebra {
  using Kind = Atom::Kind;

  static const Terms& terms(const Dim& dim) {
    static const Terms none;
    return dim.terms_ ? *dim.terms_ : none;
  }

  static Dim make(int64_t constant, Terms terms) {
    if (terms.size() > kMaxTerms) return unknown();
    Dim dim(constant);
    if (!terms.empty()) dim.terms_ = std::make_shared<const Terms>(std::move(terms));
    return dim;
  }

  static Dim from_atom(AtomPtr atom, int64_t factor = 1) {
    if (atom->text.size() > kMaxText) return unknown();
    Terms terms;
    terms.push_back(Term{std::move(atom), factor});
    return make(0, std::move(terms));
  }

  // The atom that this dim is, or null.
  static AtomPtr as_atom(const Dim& dim) {
    const Terms& all = terms(dim);
    return dim.constant_ == 0 && all.size() == 1 && all[0].factor == 1 ? all[0].atom : nullptr;
  }

  // The canonical text; unknowns keep their numbers.
  static std::string text(const Dim& dim) {
    std::string result;
    for (const Term& term : terms(dim)) {
      if (term.factor == -1) {
        result += '-';
      } else {
        if (!result.empty() && term.factor > 0) result += '+';
        if (term.factor != 1) result += std::to_string(term.factor) + '*';
      }
      result += term.atom->text;
    }
    if (result.empty() || dim.constant_ != 0) {
      if (!result.empty() && dim.constant_ > 0) result += '+';
      result += std::to_string(dim.constant_);
    }
    return result;
  }

  static std::string operand_text(const Dim& dim) {
    const std::string inner = text(dim);
    return dim.is_constant() || as_atom(dim) != nullptr ? inner : '(' + inner + ')';
  }

  // a + sign * b.
  static Dim add(const Dim& a, const Dim& b, int64_t sign) {
    Terms sum;
    const Terms& left = terms(a);
    const Terms& right = terms(b);
    size_t i = 0;
    size_t j = 0;
    while (i < left.size() || j < right.size()) {
      const int order = i == left.size()    ? 1
                        : j == right.size() ? -1
                                            : left[i].atom->text.compare(right[j].atom->text);
      Term term = order <= 0 ? left[i] : Term{right[j].atom, 0};
      if (order <= 0) ++i;
      if (order >= 0) {
        int64_t scaled;
        if (__builtin_mul_overflow(right[j++].factor, sign, &scaled) ||
            __builtin_add_overflow(term.factor, scaled, &term.factor)) {
          return unknown();
        }
      }
      if (term.factor != 0) sum.push_back(std::move(term));
    }
    return make(saturated_add(a.constant_, saturated_mul(b.constant_, sign)), std::move(sum));
  }

  static std::vector<AtomPtr> factors(const AtomPtr& atom) {
    return atom->kind == Kind::kProduct ? atom->factors : std::vector<AtomPtr>{atom};
  }

  // The product of sorted factors; null when there are none.
  static AtomPtr product(std::vector<AtomPtr> factors) {
    if (factors.empty()) return nullptr;
    if (factors.size() == 1) return factors[0];
    auto atom = std::make_shared<Atom>();
    atom->kind = Kind::kProduct;
    for (const AtomPtr& factor : factors) {
      atom->text += (atom->text.empty() ? "" : "*") + factor->text;
    }
    atom->factors = std::move(factors);
    return atom;
  }

  static bool precedes(const AtomPtr& a, const AtomPtr& b) { return a->text < b->text; }

  static Dim multiply_terms(const Term& a, const Term& b) {
    int64_t factor;
    if (__builtin_mul_overflow(a.factor, b.factor, &factor)) return unknown();
    const auto left = factors(a.atom);
    const auto right = factors(b.atom);
    std::vector<AtomPtr> all;
    std::merge(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(all),
               precedes);
    return from_atom(product(std::move(all)), factor);
  }

  static Dim scale(const Dim& a, int64_t factor) {
    Terms scaled;
    if (factor == 0) return 0;
    for (const Term& term : terms(a)) {
      scaled.push_back(term);
      if (__builtin_mul_overflow(term.factor, factor, &scaled.back().factor)) return unknown();
    }
    return make(saturated_mul(a.constant_, factor), std::move(scaled));
  }

  static Dim multiply(const Dim& a, const Dim& b) {
    if (b.is_constant()) return scale(a, b.constant_);
    if (a.is_constant()) return scale(b, a.constant_);
    if (terms(a).size() * terms(b).size() > kMaxTerms) return unknown();
    Dim sum = make(saturated_mul(a.constant_, b.constant_), {});
    for (const Term& term : terms(a))
      sum = sum + scale(from_atom(term.atom, term.factor), b.constant_);
    for (const Term& term : terms(b))
      sum = sum + scale(from_atom(term.atom, term.factor), a.constant_);
    for (const Term& x : terms(a)) {
      for (const Term& y : terms(b)) sum = sum + multiply_terms(x, y);
    }
    return sum;
  }

  static Dim function(Kind kind, std::string text, const Dim& a, const Dim& b) {
    auto atom = std::make_shared<Atom>();
    atom->kind = kind;
    atom->text = std::move(text);
    atom->args = {a, b};
    return from_atom(std::move(atom));
  }

  static Dim quotient(Kind kind, const Dim& a, const Dim& b) {
    return function(
        kind,
        (kind == Kind::kFloor ? "floor(" : "ceil(") + operand_text(a) + '/' + operand_text(b) + ')',
        a, b);
  }

  // a's part that b (one term) divides exactly goes to `whole`, the rest is returned.
  static Dim split_divisible(const Dim& a, const Term& b, Dim& whole) {
    Dim rest = a.constant_;
    const auto divisor = factors(b.atom);
    for (const Term& term : terms(a)) {
      const auto all = factors(term.atom);
      std::vector<AtomPtr> left;
      std::set_difference(all.begin(), all.end(), divisor.begin(), divisor.end(),
                          std::back_inserter(left), precedes);
      if (left.size() + divisor.size() != all.size() || term.factor % b.factor != 0) {
        rest = rest + from_atom(term.atom, term.factor);
        continue;
      }
      const int64_t factor = term.factor / b.factor;
      const AtomPtr atom = product(std::move(left));
      whole = whole + (atom == nullptr ? Dim(factor) : from_atom(atom, factor));
    }
    return rest;
  }

  // floor(a / b) for a constant b > 0: floor((b*q + r) / b) = q + floor(r / b), term by term.
  static Dim floor_by_constant(const Dim& a, int64_t b) {
    Dim whole = floor_quotient(a.constant_, b);
    Dim rest = a.constant_ - floor_quotient(a.constant_, b) * b;
    int64_t divisor = b;
    for (const Term& term : terms(a)) {
      const int64_t quotient = floor_quotient(term.factor, b);
      const int64_t remainder = term.factor - quotient * b;
      if (quotient != 0) whole = whole + from_atom(term.atom, quotient);
      if (remainder != 0) rest = rest + from_atom(term.atom, remainder);
      divisor = std::gcd(divisor, remainder);
    }
    if (rest.is_constant()) return whole;
    // floor((g*x + c) / (g*b)) = floor((x + floor(c/g)) / b)
    Terms reduced = terms(rest);
    for (Term& term : reduced) term.factor /= divisor;
    return whole + floor_of_floor(make(rest.constant_ / divisor, std::move(reduced)), b / divisor);
  }

  // floor((floor(x/c) + k) / b) = floor((x + c*k) / (b*c)).
  static Dim floor_of_floor(const Dim& a, int64_t b) {
    const Terms& all = terms(a);
    if (all.size() == 1 && all[0].factor == 1 && all[0].atom->kind == Kind::kFloor) {
      const Dim& inner = all[0].atom->args[0];
      const Dim& by = all[0].atom->args[1];
      int64_t both;
      if (by.is_constant() && by.constant_ > 0 && !__builtin_mul_overflow(b, by.constant_, &both)) {
        return floor_by_constant(inner + scale(by, a.constant_), both);
      }
    }
    return b == 1 ? a : quotient(Kind::kFloor, a, b);
  }

  // Division by something symbolic; `kind` is kFloor or kCeil.
  static Dim divide(Kind kind, const Dim& a, const Dim& b) {
    if (a == b) return 1;
    if (a.is_constant() && a.constant_ == 0) return 0;
    Dim whole = 0;
    Dim rest = a;
    const Terms& divisor = terms(b);
    if (b.constant_ == 0 && divisor.size() == 1) {
      rest = split_divisible(a, divisor[0], whole);
    } else if (!terms(a).empty()) {
      const int64_t ratio = terms(a)[0].factor / divisor[0].factor;
      if (ratio != 0 && a == scale(b, ratio)) return ratio;
    }
    if (rest.is_constant() && rest.constant_ == 0) return whole;
    return whole + quotient(kind, rest, b);
  }

  // A number that the dim is never below, when one is known.
  static std::optional<int64_t> lower_bound(const Dim& dim) {
    int64_t bound = dim.constant_;
    for (const Term& term : terms(dim)) {
      const auto of_atom = term.factor > 0 ? lower_bound(*term.atom) : upper_bound(*term.atom);
      if (!of_atom) return std::nullopt;
      bound = saturated_add(bound, saturated_mul(term.factor, *of_atom));
    }
    return bound;
  }

  static std::optional<int64_t> lower_bound(const Atom& atom) {
    switch (atom.kind) {
      case Kind::kSymbol:
        return 0;
      case Kind::kUnknown:
        return std::nullopt;
      case Kind::kProduct: {
        int64_t bound = 1;
        for (const AtomPtr& factor : atom.factors) {
          const auto of_factor = lower_bound(*factor);
          if (!of_factor || *of_factor < 0) return std::nullopt;
          bound = saturated_mul(bound, *of_factor);
        }
        return bound;
      }
      case Kind::kFloor:
      case Kind::kCeil: {
        const auto a = lower_bound(atom.args[0]);
        const auto b = lower_bound(atom.args[1]);
        if (!a || !b || *b < 0) return std::nullopt;
        if (atom.args[1].is_constant()) return floor_quotient(*a, *b);
        return *a >= 0 ? std::optional<int64_t>(0) : std::nullopt;
      }
      case Kind::kMin:
      case Kind::kMax: {
        const auto a = lower_bound(atom.args[0]);
        const auto b = lower_bound(atom.args[1]);
        if (atom.kind == Kind::kMax && (!a || !b)) return a ? a : b;
        if (!a || !b) return std::nullopt;
        return atom.kind == Kind::kMax ? std::max(*a, *b) : std::min(*a, *b);
      }
    }
    return std::nullopt;
  }

  static std::optional<int64_t> upper_bound(const Atom& atom) {
    if (atom.kind != Kind::kMin) return std::nullopt;
    std::optional<int64_t> bound;
    for (const Dim& arg : atom.args) {
      if (arg.is_constant() && (!bound || arg.constant_ < *bound)) bound = arg.constant_;
    }
    return bound;
  }

  // min and max; `kind` says which.
  static Dim choose(Kind kind, const Dim& a, const Dim& b) {
    const Dim difference = a - b;
    const auto above = lower_bound(difference);
    if (above && *above >= 0) return kind == Kind::kMax ? a : b;
    const auto below = lower_bound(b - a);
    if (below && *below >= 0) return kind == Kind::kMax ? b : a;
    for (const auto& [outer, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      const AtomPtr atom = as_atom(*outer);
      if (atom == nullptr || atom->kind != kind) continue;
      for (size_t i = 0; i < 2; ++i) {
        const Dim& arg = atom->args[i];
        if (arg == *other) return *outer;
        if (arg.is_constant() && other->is_constant()) {
          return choose(kind, choose(kind, arg, *other), atom->args[1 - i]);
        }
      }
    }
    std::string first = text(a);
    std::string second = text(b);
    if (second < first) std::swap(first, second);
    return function(kind, (kind == Kind::kMax ? "max(" : "min(") + first + ", " + second + ')', a,
                    b);
  }

  static Dim substitute(const Atom& atom, const SymbolNumbers& numbers) {
    const auto arg = [&](size_t i) { return sardonyx::substitute(atom.args[i], numbers); };
    switch (atom.kind) {
      case Kind::kSymbol:
        if (const auto number = numbers(atom.name)) return *number;
        break;
      case Kind::kUnknown:
        break;
      case Kind::kProduct: {
        Dim product = 1;
        for (const AtomPtr& factor : atom.factors) product = product * substitute(*factor, numbers);
        return product;
      }
      case Kind::kFloor:
        return floor_div(arg(0), arg(1));
      case Kind::kCeil:
        return ceil_div(arg(0), arg(1));
      case Kind::kMin:
        return dim_min(arg(0), arg(1));
      case Kind::kMax:
        return dim_max(arg(0), arg(1));
    }
    return from_atom(std::make_shared<Atom>(atom));
  }
};

Dim Dim::symbol(std::string_view name) {
  if (name.empty()) return unknown();
  auto atom = std::make_shared<Atom>();
  atom->name = name;
  atom->text = symbol_text(name);
  return Algebra::from_atom(std::move(atom));
}

Dim Dim::unknown() {
  static std::atomic<uint64_t> made = 0;
  auto atom = std::make_shared<Atom>();
  atom->kind = Atom::Kind::kUnknown;
  atom->text = '?' + std::to_string(made.fetch_add(1, std::memory_order_relaxed));
  return Algebra::from_atom(std::move(atom));
}

bool Dim::is_unknown() const {
  const AtomPtr atom = Algebra::as_atom(*this);
  return atom != nullptr && atom->kind == Atom::Kind::kUnknown;
}

std::string Dim::symbol_name() const {
  const AtomPtr atom = Algebra::as_atom(*this);
  return atom != nullptr && atom->kind == Atom::Kind::kSymbol ? atom->name : std::string();
}

std::string Dim::to_string() const {
  if (std::string name = symbol_name(); !name.empty()) return name;
  std::string text;
  bool after_unknown = false;
  for (char c : Algebra::text(*this)) {
    if (after_unknown && c >= '0' && c <= '9') continue;
    after_unknown = c == '?';
    text += c;
  }
  return text;
}

bool operator==(const Dim& a, const Dim& b) {
  if (a.constant_ != b.constant_) return false;
  if (a.terms_ == b.terms_) return true;
  const auto& left = Dim::Algebra::terms(a);
  const auto& right = Dim::Algebra::terms(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const auto& x, const auto& y) {
                      return x.factor == y.factor && x.atom->text == y.atom->text;
                    });
}

Dim operator+(const Dim& a, const Dim& b) { return Dim::Algebra::add(a, b, 1); }
Dim operator-(const Dim& a, const Dim& b) { return Dim::Algebra::add(a, b, -1); }
Dim operator*(const Dim& a, const Dim& b) { return Dim::Algebra::multiply(a, b); }

Dim floor_div(const Dim& a, const Dim& b) {
  if (!b.is_constant()) return Dim::Algebra::divide(Dim::Atom::Kind::kFloor, a, b);
  if (b.constant_ == 0) return Dim::unknown();
  if (a.is_constant()) return floor_quotient(a.constant_, b.constant_);
  if (b.constant_ < 0) return floor_div(Dim(0) - a, saturated_mul(b.constant_, -1));
  return Dim::Algebra::floor_by_constant(a, b.constant_);
}

Dim ceil_div(const Dim& a, const Dim& b) {
  if (!b.is_constant()) return Dim::Algebra::divide(Dim::Atom::Kind::kCeil, a, b);
  if (b.constant_ == 0) return Dim::unknown();
  if (b.constant_ < 0) return ceil_div(Dim(0) - a, saturated_mul(b.constant_, -1));
  if (a.is_constant()) {
    const int64_t quotient = floor_quotient(a.constant_, b.constant_);
    return a.constant_ == quotient * b.constant_ ? quotient : quotient + 1;
  }
  return floor_div(a + Dim(b.constant_ - 1), b);
}

Dim dim_mod(const Dim& a, const Dim& b) { return a - b * floor_div(a, b); }
Dim dim_min(const Dim& a, const Dim& b) {
  return Dim::Algebra::choose(Dim::Atom::Kind::kMin, a, b);
}
Dim dim_max(const Dim& a, const Dim& b) {
  return Dim::Algebra::choose(Dim::Atom::Kind::kMax, a, b);
}

Dim substitute(const Dim& dim, const SymbolNumbers& numbers) {
  Dim sum = dim.constant_;
  for (const auto& term : Dim::Algebra::terms(dim)) {
    sum = sum + Dim(term.factor) * Dim::Algebra::substitute(*term.atom, numbers);
  }
  return sum;
}

Dims to_dims(const Shape& shape) { return Dims(shape.begin(), shape.end()); }

bool all_constant(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.is_constant(); });
}

Shape to_shape(const Dims& dims) {
  Shape shape(dims.size(), 0);
  for (size_t i = 0; i < dims.size(); ++i) shape[i] = dims[i].value();
  return shape;
}

Dim product(const Dims& dims) {
  // A zero dim decides before anything saturates.
  if (std::find(dims.begin(), dims.end(), Dim(0)) != dims.end()) return 0;
  return std::accumulate(dims.begin(), dims.end(), Dim(1), std::multiplies<>());
}

std::string to_string(const Dims& dims) {
  if (dims.empty()) return "scalar";
  std::string text;
  for (const Dim& dim : dims) text += (text.empty() ? "" : "x") + dim.to_string();
  return text;
}

}  // namespace sardonyx
