// See ops/equation.h.
#include "ops/equation.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr int kEllipsis = -1;

// "ij...k" as labels: letters by their code, kEllipsis for "...".
Result<std::vector<int>> read_term(std::string_view text) {
  std::vector<int> term;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (std::isalpha(c) != 0) {
      term.push_back(c);
    } else if (text.substr(i, 3) == "..." &&
               std::find(term.begin(), term.end(), kEllipsis) == term.end()) {
      term.push_back(kEllipsis);
      i += 2;
    } else {
      return fail(Code::kInvalidArgument, "the equation has '{}' in a term", text.substr(i));
    }
  }
  return term;
}

struct Terms {
  std::vector<std::vector<int>> inputs;
  std::optional<std::vector<int>> output;
};

Result<Terms> read_terms(std::string equation) {
  std::erase_if(equation, [](unsigned char c) { return std::isspace(c) != 0; });
  Terms terms;
  std::string_view left = equation;
  if (const size_t arrow = left.find("->"); arrow != std::string_view::npos) {
    terms.output = TRY(read_term(left.substr(arrow + 2)));
    left = left.substr(0, arrow);
  }
  for (;;) {
    const size_t comma = left.find(',');
    terms.inputs.push_back(TRY(read_term(left.substr(0, comma))));
    if (comma == std::string_view::npos) return terms;
    left.remove_prefix(comma + 1);
  }
}

bool contains(const std::vector<int>& list, int label) {
  return std::find(list.begin(), list.end(), label) != list.end();
}

// Without "->": the ellipsis, then the letters that stand once, in alphabetical order.
std::vector<int> implicit_output(const Terms& terms) {
  std::array<int, 128> uses{};
  std::vector<int> output;
  for (const auto& term : terms.inputs) {
    for (int label : term) {
      if (label != kEllipsis) ++uses[static_cast<size_t>(label)];
      if (label == kEllipsis && output.empty()) output.push_back(kEllipsis);
    }
  }
  for (int label = 0; label < 128; ++label) {
    if (uses[static_cast<size_t>(label)] == 1) output.push_back(label);
  }
  return output;
}

}  // namespace

Result<Equation> read_equation(const std::string& text, const std::vector<size_t>& ranks) {
  const Terms terms = TRY(read_terms(text));
  if (terms.inputs.size() != ranks.size()) {
    return fail(Code::kInvalidArgument, "the equation '{}' has {} terms for {} inputs", text,
                terms.inputs.size(), ranks.size());
  }
  // Axes under each ellipsis, aligned at the right.
  size_t widest = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const bool open = contains(terms.inputs[i], kEllipsis);
    const size_t named = terms.inputs[i].size() - (open ? 1 : 0);
    if (ranks[i] < named || (!open && ranks[i] != named)) {
      return fail(Code::kInvalidArgument, "term {} of '{}' names {} axes, input {} has rank {}", i,
                  text, named, i, ranks[i]);
    }
    widest = std::max(widest, ranks[i] - named);
  }
  std::array<int, 128> numbers;
  numbers.fill(-1);
  Equation equation;
  equation.labels = static_cast<int>(widest);
  for (size_t i = 0; i < ranks.size(); ++i) {
    std::vector<int> labels;
    for (int label : terms.inputs[i]) {
      if (label == kEllipsis) {
        const size_t open = ranks[i] - (terms.inputs[i].size() - 1);
        for (size_t k = widest - open; k < widest; ++k) labels.push_back(static_cast<int>(k));
        continue;
      }
      int& number = numbers[static_cast<size_t>(label)];
      if (number < 0) number = equation.labels++;
      labels.push_back(number);
    }
    equation.inputs.push_back(std::move(labels));
  }
  for (int label : terms.output ? *terms.output : implicit_output(terms)) {
    if (label == kEllipsis) {
      for (size_t k = 0; k < widest; ++k) equation.output.push_back(static_cast<int>(k));
      continue;
    }
    const int number = numbers[static_cast<size_t>(label)];
    if (number < 0 || contains(equation.output, number)) {
      return fail(Code::kInvalidArgument, "the output label '{}' of '{}' is {}",
                  static_cast<char>(label), text, number < 0 ? "in no input" : "there twice");
    }
    equation.output.push_back(number);
  }
  return equation;
}

Result<Dims> label_dims(const Equation& equation, const std::vector<Dims>& inputs) {
  Dims dims(static_cast<size_t>(equation.labels), Dim(1));
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t d = 0; d < inputs[i].size(); ++d) {
      Dim& dim = dims[static_cast<size_t>(equation.inputs[i][d])];
      const Dim& other = inputs[i][d];
      if (other == Dim(1)) continue;
      dim = dim == Dim(1) ? other : TRY(same_dim(dim, other, "axes with one label"));
    }
  }
  return dims;
}

Result<void> infer_equation(InferContext& context) {
  std::vector<size_t> ranks;
  std::vector<Dims> inputs;
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_rank(i)) {
      set_like_input(context);
      return {};
    }
    ranks.push_back(context.dims(i).size());
    inputs.push_back(context.dims(i));
  }
  const Equation equation = TRY(read_equation(context.attrs().get_string("equation"), ranks));
  const Dims labels = TRY(label_dims(equation, inputs));
  Dims dims;
  for (int label : equation.output) {
    Dim dim = labels[static_cast<size_t>(label)];
    // A symbol beside another dim may be the one that stretches.
    for (size_t i = 0; !dim.is_constant() && i < inputs.size(); ++i) {
      for (size_t d = 0; d < inputs[i].size(); ++d) {
        const Dim& other = inputs[i][d];
        if (equation.inputs[i][d] == label && !(other == dim) && !(other == Dim(1))) {
          dim = Dim::unknown();
        }
      }
    }
    dims.push_back(dim);
  }
  set_like_input(context, std::move(dims));
  return {};
}

}  // namespace sardonyx
