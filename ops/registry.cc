// The operator table: expands ops/op_list.h once into declarations and once into rows.
#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>

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

namespace {

// Definitions side by side, each made when it is first asked for: a session looks at some ten of
// them, and to make all would take longer than to load a small model. Never destroyed, because
// sessions may end after everything static.
class Table {
 public:
  const OpDef& operator[](size_t row) {
    std::call_once(made_[row], [this, row] {
      OpDef* op = new (storage_ + row * sizeof(OpDef)) OpDef(kRows[row].make());
      op->domain = kRows[row].domain;
      op->name = kRows[row].name;
    });
    return *std::launder(reinterpret_cast<const OpDef*>(storage_ + row * sizeof(OpDef)));
  }

  std::span<const OpDef> all() {
    for (size_t row = 0; row < std::size(kRows); ++row) (*this)[row];
    return {&(*this)[0], std::size(kRows)};
  }

 private:
  std::once_flag made_[std::size(kRows)] = {};
  alignas(OpDef) std::byte storage_[std::size(kRows) * sizeof(OpDef)] = {};
};

constinit Table table{};

}  // namespace

std::span<const OpDef> all_ops() { return table.all(); }

const OpDef* find_op(const Node& node) {
  return node.custom != nullptr ? &node.custom->def() : find_op(node.domain, node.op_type);
}

const OpDef* find_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  const auto* found = std::lower_bound(std::begin(kRows), std::end(kRows), name,
                                       [domain](const Row& row, std::string_view wanted) {
                                         return precedes(row.domain, row.name, domain, wanted);
                                       });
  const bool exists = found != std::end(kRows) && found->domain == domain && found->name == name;
  return exists ? &table[static_cast<size_t>(found - kRows)] : nullptr;
}

}  // namespace sardonyx
