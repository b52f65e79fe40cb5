// Einsum (spec: Einsum-12), said with Transpose, Reshape, ReduceSum, Mul and MatMul: two inputs at
// a time, from the left.
#include <algorithm>

#include "ops/contrib/lowering.h"
#include "ops/equation.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// What MatMul and ReduceSum take.
constexpr DTypeSet kProductTypes =
    kFloatTypes | dtype_set(DType::kInt32, DType::kInt64, DType::kUint32, DType::kUint64);

using Labels = std::vector<int>;

bool contains(const Labels& list, int label) {
  return std::find(list.begin(), list.end(), label) != list.end();
}

// A tensor with a label on each axis.
struct Term {
  ValueId value = kNoValue;
  Labels labels;
  Dims dims;

  size_t axis_of(int label) const {
    return static_cast<size_t>(std::find(labels.begin(), labels.end(), label) - labels.begin());
  }
  const Dim& dim_of(int label) const { return dims[axis_of(label)]; }
};

// A Reshape to axes whose sizes are numbers, those of other values' axes, or products of them.
class Reshaping {
 public:
  explicit Reshaping(Lowering& to) : to_(to) {}

  // The size that the labels have together in the term.
  void add(const Term& term, const Labels& labels) {
    Size size;
    size.number = 1;
    for (const int label : labels) {
      size.number = size.number * term.dim_of(label);
      size.axes.push_back(static_cast<int64_t>(term.axis_of(label)));
    }
    size.of = term.value;
    sizes_.push_back(std::move(size));
  }

  ValueId apply(ValueId x) const {
    const auto is_number = [](const Size& size) { return size.number.is_constant(); };
    // A 0 copies the size of the same axis, where none of the others may be 0 itself.
    bool copies = true;
    for (size_t i = 0; i < sizes_.size(); ++i) {
      copies &= is_number(sizes_[i]) ? !(sizes_[i].number == Dim(0)) : is_axis(sizes_[i], x, i);
    }
    std::vector<int64_t> numbers;
    for (const Size& size : sizes_) numbers.push_back(is_number(size) ? size.number.value() : 0);
    if (copies) return to_.reshape(x, numbers);
    const Rewriter::NamedAttr zeros_count{"allowzero", int64_t{1}};
    if (std::all_of(sizes_.begin(), sizes_.end(), is_number)) {
      return to_.op("Reshape", {x, to_.ints(numbers)}, {zeros_count});
    }
    std::vector<ValueId> parts;
    for (const Size& size : sizes_) {
      parts.push_back(is_number(size) ? to_.ints({size.number.value()}) : computed(size));
    }
    return to_.op("Reshape", {x, to_.concat(std::move(parts))}, {zeros_count});
  }

 private:
  struct Size {
    Dim number;
    ValueId of = kNoValue;
    std::vector<int64_t> axes;  // of that value, whose sizes are multiplied
  };

  static bool is_axis(const Size& size, ValueId x, size_t axis) {
    return size.of == x && size.axes == std::vector<int64_t>{static_cast<int64_t>(axis)};
  }
  ValueId computed(const Size& size) const {
    ValueId product = kNoValue;
    for (const int64_t axis : size.axes) {
      const ValueId one = to_.dim(size.of, axis);
      product = product == kNoValue ? one : to_.op("Mul", {product, one});
    }
    return product;
  }

  Lowering& to_;
  std::vector<Size> sizes_;
};

class Product {
 public:
  Product(Lowering& to, const Labels& output) : to_(to), output_(output) {}

  // a times b, summed over the labels that are in neither `later` nor the output.
  Result<Term> multiply(Term a, Term b, const Labels& later) {
    const auto is_kept = [&](int label) {
      return contains(output_, label) || contains(later, label);
    };
    TRY(drop_stretched(a, b, is_kept));
    a = sum_over(std::move(a), [&](int l) { return !is_kept(l) && !contains(b.labels, l); });
    b = sum_over(std::move(b), [&](int l) { return !is_kept(l) && !contains(a.labels, l); });
    const bool sums =
        std::any_of(a.labels.begin(), a.labels.end(), [&](int l) { return !is_kept(l); });
    if (!sums) return multiply_elements(a, b);
    // The result's last axis is one of the second operand's, which then is where it belongs.
    Labels own;
    for (const int label : in_order(a.labels, b.labels)) {
      if (contains(a.labels, label) != contains(b.labels, label)) own.push_back(label);
    }
    const bool a_has_own =
        std::any_of(own.begin(), own.end(), [&](int l) { return contains(a.labels, l); });
    const bool b_has_own =
        std::any_of(own.begin(), own.end(), [&](int l) { return contains(b.labels, l); });
    if (a_has_own && b_has_own && contains(a.labels, own.back())) std::swap(a, b);
    return multiply_matrices(a, b, is_kept);
  }

  // One term as the output.
  void finish(Term term) {
    term = sum_over(std::move(term), [&](int label) { return !contains(output_, label); });
    to_.op_into(to_.output(0), "Identity", {transposed(std::move(term), output_).value});
  }

 private:
  // The labels of both, those of the output first, in its order.
  Labels in_order(const Labels& a, const Labels& b) const {
    Labels order;
    for (const Labels* list : {&output_, &a, &b}) {
      for (const int label : *list) {
        const bool there = contains(a, label) || contains(b, label);
        if (there && !contains(order, label)) order.push_back(label);
      }
    }
    return order;
  }

  // A label that is summed, of size 1 here and another there, goes here.
  template <class IsKept>
  Result<void> drop_stretched(Term& a, Term& b, const IsKept& is_kept) {
    const Labels shared = a.labels;
    for (const int label : shared) {
      if (is_kept(label) || !contains(b.labels, label)) continue;
      const Dim in_a = a.dim_of(label), in_b = b.dim_of(label);
      if (in_a == in_b) continue;
      if (!in_a.is_constant() || !in_b.is_constant()) {
        return fail(Code::kNotFound, "whether the dims {} and {} are equal is not known",
                    in_a.to_string(), in_b.to_string());
      }
      Term& term = in_a == Dim(1) ? a : b;
      const size_t axis = term.axis_of(label);
      term.value = to_.op("Squeeze", {term.value, to_.ints({static_cast<int64_t>(axis)})});
      term.labels.erase(term.labels.begin() + static_cast<std::ptrdiff_t>(axis));
      term.dims.erase(term.dims.begin() + static_cast<std::ptrdiff_t>(axis));
    }
    return {};
  }

  template <class IsSummed>
  Term sum_over(Term term, const IsSummed& is_summed) {
    std::vector<int64_t> axes;
    Term rest;
    for (size_t i = 0; i < term.labels.size(); ++i) {
      if (is_summed(term.labels[i])) {
        axes.push_back(static_cast<int64_t>(i));
      } else {
        rest.labels.push_back(term.labels[i]);
        rest.dims.push_back(term.dims[i]);
      }
    }
    if (axes.empty()) return term;
    rest.value = to_.op("ReduceSum", {term.value, to_.ints(axes)}, {{"keepdims", int64_t{0}}});
    return rest;
  }

  // Its axes by the order of the labels, which may name others as well.
  Term transposed(Term term, const Labels& order) {
    Term turned;
    std::vector<int64_t> perm;
    for (const int label : order) {
      if (!contains(term.labels, label)) continue;
      perm.push_back(static_cast<int64_t>(term.axis_of(label)));
      turned.labels.push_back(label);
      turned.dims.push_back(term.dim_of(label));
    }
    if (std::is_sorted(perm.begin(), perm.end())) return term;
    turned.value = to_.transpose(term.value, std::move(perm));
    return turned;
  }

  static Dim joint_dim(const Term& a, const Term& b, int label) {
    if (!contains(a.labels, label)) return b.dim_of(label);
    if (!contains(b.labels, label)) return a.dim_of(label);
    const Dim &in_a = a.dim_of(label), &in_b = b.dim_of(label);
    if (in_a == in_b || in_b == Dim(1)) return in_a;
    return in_a == Dim(1) ? in_b : Dim::unknown();
  }

  Term multiply_elements(const Term& a, const Term& b) {
    Term result;
    result.labels = in_order(a.labels, b.labels);
    for (const int label : result.labels) result.dims.push_back(joint_dim(a, b, label));
    const auto spread = [&](const Term& term) {
      std::vector<int64_t> absent;
      for (size_t i = 0; i < result.labels.size(); ++i) {
        if (!contains(term.labels, result.labels[i])) absent.push_back(static_cast<int64_t>(i));
      }
      const ValueId value = transposed(term, result.labels).value;
      return absent.empty() ? value : to_.op("Unsqueeze", {value, to_.ints(absent)});
    };
    result.value = to_.op("Mul", {spread(a), spread(b)});
    return result;
  }

  // [batch, rows, sums] times [batch, sums, columns]: labels of both that are kept, of a alone, of
  // both that are summed, and of b alone.
  template <class IsKept>
  Term multiply_matrices(const Term& a, const Term& b, const IsKept& is_kept) {
    Labels batch, rows, sums, columns;
    for (const int label : in_order(a.labels, b.labels)) {
      const bool in_a = contains(a.labels, label), in_b = contains(b.labels, label);
      Labels& list = !is_kept(label) ? sums : in_a && in_b ? batch : in_a ? rows : columns;
      list.push_back(label);
    }
    // Where the second is one matrix, all rows' axes may stay.
    const bool keeps_rows = batch.empty() && !rows.empty();
    std::vector<Labels> left;
    for (const int label : batch) left.push_back({label});
    std::vector<Labels> right = left;
    if (keeps_rows) {
      for (const int label : rows) left.push_back({label});
    } else {
      left.push_back(rows);
    }
    left.push_back(sums);
    right.push_back(sums);
    right.push_back(columns);
    const ValueId product = to_.op("MatMul", {grouped(a, left), grouped(b, right)});

    Term result;
    for (const Labels* list : {&batch, &rows, &columns}) {
      for (const int label : *list) {
        result.labels.push_back(label);
        result.dims.push_back(joint_dim(a, b, label));
      }
    }
    if ((keeps_rows || rows.size() == 1) && columns.size() == 1) {
      result.value = product;
      return result;
    }
    // As the product is, for axes that it copies.
    Term whole = result;
    whole.value = product;
    Reshaping shape(to_);
    for (const int label : batch) shape.add(whole, {label});
    for (const int label : rows) shape.add(keeps_rows ? whole : a, {label});
    for (const int label : columns) shape.add(b, {label});
    result.value = shape.apply(product);
    return result;
  }

  // The term with one axis for each group of its labels.
  ValueId grouped(const Term& term, const std::vector<Labels>& groups) {
    Labels order;
    for (const Labels& group : groups) order.insert(order.end(), group.begin(), group.end());
    const Term turned = transposed(term, order);
    if (std::all_of(groups.begin(), groups.end(), [](const auto& g) { return g.size() == 1; })) {
      return turned.value;
    }
    Reshaping shape(to_);
    for (const Labels& group : groups) shape.add(turned, group);
    return shape.apply(turned.value);
  }

  Lowering& to_;
  const Labels& output_;
};

// Whether products of matrices say it: no diagonals, and a type that they have.
bool has_products(const Equation& equation, DType dtype) {
  if ((dtype_bit(dtype) & kProductTypes) == 0) return false;
  return std::all_of(equation.inputs.begin(), equation.inputs.end(), [](Labels labels) {
    std::sort(labels.begin(), labels.end());
    return std::adjacent_find(labels.begin(), labels.end()) == labels.end();
  });
}

Result<void> lower_einsum(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  Lowering to(graph, id);
  std::vector<size_t> ranks;
  std::vector<Dims> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    ranks.push_back(static_cast<size_t>(TRY(to.known_rank(i))));
    inputs.push_back(*to.type(i).dims);
  }
  const Equation equation = TRY(read_equation(to.attrs().get_string("equation"), ranks));
  TRY(label_dims(equation, inputs));  // which checks them
  if (!has_products(equation, to.dtype(0))) {
    to.op_into(node.outputs, "SumOfProducts", node.inputs, to.attrs(), "sardonyx");
    return {};
  }
  std::vector<Term> terms;
  for (size_t i = 0; i < inputs.size(); ++i) {
    terms.push_back({to.input(i), equation.inputs[i], inputs[i]});
  }
  Product product(to, equation.output);
  Term result = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) {
    Labels later;
    for (size_t k = i + 1; k < terms.size(); ++k) {
      later.insert(later.end(), terms[k].labels.begin(), terms[k].labels.end());
    }
    result = TRY(product.multiply(std::move(result), terms[i], later));
  }
  product.finish(std::move(result));
  return {};
}

}  // namespace

OpDef op_Einsum() {
  OpDef op;
  op.versions = {12};
  op.inputs = {{"Inputs", "T", kNumericTypes, Form::kVariadic}};
  op.outputs = {{"Output", "T", kNumericTypes}};
  op.attrs = {required_attr("equation", FormalAttr::Kind::kString)};
  op.infer = infer_equation;
  op.lower = lower_einsum;
  return op;
}

}  // namespace sardonyx
