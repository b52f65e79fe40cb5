// The operator table: expands ops/op_list.h once into declarations and once into rows.
#include <algorithm>

#include "ops/custom_op.h"
#include "ops/op.h"
#include "ops/op_list.h"

namespace sardonyx {

#define SARDONYX_DECLARE_OP(domain, name, maker) OpDef maker();
SARDONYX_OP_LIST(SARDONYX_DECLARE_OP)
#undef SARDONYX_DECLARE_OP

namespace {

struct Row {
  std::string_view domain;
  std::string_view name;
  OpDef (*make)();
};

#define SARDONYX_OP_ROW(domain, name, maker) Row{domain, #name, maker},
constexpr Row kRows[] = {SARDONYX_OP_LIST(SARDONYX_OP_ROW)};
#undef SARDONYX_OP_ROW

constexpr bool precedes(std::string_view domain_a, std::string_view name_a,
                        std::string_view domain_b, std::string_view name_b) {
  return domain_a != domain_b ? domain_a < domain_b : name_a < name_b;
}

constexpr bool rows_are_sorted() {
  for (size_t i = 1; i < std::size(kRows); ++i) {
    if (!precedes(kRows[i - 1].domain, kRows[i - 1].name, kRows[i].domain, kRows[i].name)) {
      return false;
    }
  }
  return true;
}
static_assert(rows_are_sorted(), "ops/op_list.h must be sorted by domain, then name");

}  // namespace

std::span<const OpDef> all_ops() {
  static const std::vector<OpDef> ops = [] {
    std::vector<OpDef> made;
    made.reserve(std::size(kRows));
    for (const Row& row : kRows) {
      made.push_back(row.make());
      made.back().domain = row.domain;
      made.back().name = row.name;
    }
    return made;
  }();
  return ops;
}

const OpDef* find_op(const Node& node) {
  return node.custom != nullptr ? &node.custom->def() : find_op(node.domain, node.op_type);
}

const OpDef* find_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  const auto ops = all_ops();
  const auto found = std::lower_bound(ops.begin(), ops.end(), name,
                                      [domain](const OpDef& op, std::string_view wanted) {
                                        return precedes(op.domain, op.name, domain, wanted);
                                      });
  return found != ops.end() && found->domain == domain && found->name == name ? &*found : nullptr;
}

}  // namespace sardonyx
