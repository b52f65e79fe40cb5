// A walk over the steps from the last to the first, so that where a whole lies is known before its
// pieces are looked at; see plan/in_place.h.
#include "plan/in_place.h"

#include <algorithm>

namespace sardonyx {
namespace {

// The pieces of a larger whole are written where they go long before they are read, to memory that
// is in no cache; copies of them come from one, mostly.
constexpr int64_t kMostElements = int64_t{2} << 20;

size_t at(ValueId id) { return static_cast<size_t>(id); }

// A tensor as rows, each of which is a row of some pieces, one after the other.
struct Rows {
  int64_t count = 0, width = 0;
};

class Walk {
 public:
  Walk(const Graph& graph, Plan& plan, const std::vector<bool>& needs_slot,
       std::vector<int>& last_use)
      : graph_(graph), plan_(plan), needs_slot_(needs_slot), last_use_(last_use) {
    const size_t values = graph.value_count();
    uses_.resize(values);
    writers_.resize(values);
    aliased_.resize(values);
    places_.resize(values);
    result_.is_part.resize(values);
    result_.needless.resize(plan.steps.size());
    for (size_t s = 0; s < plan.steps.size(); ++s) {
      const Step& step = plan.steps[s];
      for (size_t i = 0; i < step.inputs.size(); ++i) {
        if (step.inputs[i] != kNoValue) uses_[at(root(step.inputs[i]))].push_back({s, i});
      }
      for (size_t o = 0; o < step.outputs.size(); ++o) {
        if (step.outputs[o] != kNoValue) writers_[at(step.outputs[o])] = {&step, o};
      }
    }
    for (size_t id = 0; id < values; ++id) {
      const ValueId of = plan.known.roots[id];
      if (at(of) != id) aliased_[at(of)] = true;
    }
  }

  PartsOfPlan run() {
    for (size_t s = plan_.steps.size(); s-- > 0;) {
      if (is(s, "Concat")) join(s);
    }
    for (size_t s = 0; s < plan_.steps.size(); ++s) {
      if (is(s, "Split") && !result_.needless[s]) cut(s);
    }
    return std::move(result_);
  }

 private:
  struct Use {
    size_t step = 0, input = 0;
  };
  struct Writer {
    const Step* step = nullptr;  // null: no step of this plan
    size_t output = 0;
  };
  // Where the elements of a root are.
  struct Where {
    ValueId host = kNoValue;  // kNoValue: nowhere else
    size_t offset = 0;
    int64_t row = 0, stride = 0;  // 0: as they are in a tensor of its own
  };

  ValueId root(ValueId id) const { return plan_.known.roots[at(id)]; }
  const ValueType& type(ValueId id) const { return plan_.known.types[at(id)]; }
  Shape shape(ValueId id) const { return to_shape(*type(id).dims); }
  size_t element_bytes(ValueId id) const { return dtype_bits(type(id).dtype) / 8; }

  bool is(size_t s, std::string_view name) const {
    const Step& step = plan_.steps[s];
    return step.op->name == name && step.op->domain.empty() && !step.runs_subgraphs;
  }

  bool is_plain(ValueId id) const {
    return id != kNoValue && type(id).is_tensor() && type(id).is_concrete() &&
           type(id).dtype != DType::kString && dtype_bits(type(id).dtype) >= 8;
  }

  Rows rows_along(ValueId id, int64_t axis) const {
    const Shape dims = shape(id);
    const auto first =
        static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(dims.rank()) : axis);
    return {dims.count(0, first), dims.count(first, dims.rank())};
  }

  // Whether these elements may be somewhere else, as rows of `row` elements if `strided`: nothing
  // but steps of this plan reads them, all of which can, but for `at_step`, where they come to be
  // in place.
  bool can_be_read(ValueId id, size_t at_step, int64_t row, bool strided) const {
    if (result_.is_part[at(id)] || root(id) != id) return false;
    if (last_use_[at(id)] >= static_cast<int>(plan_.steps.size())) return false;
    if (!strided) return true;
    if (aliased_[at(id)]) return false;
    return std::all_of(uses_[at(id)].begin(), uses_[at(id)].end(), [&](const Use& use) {
      return use.step == at_step ||
             plan_.steps[use.step].kernel.kernel->takes_stride(use.input, row);
    });
  }

  bool can_be_written(ValueId id, int64_t row, bool strided) const {
    const Writer& writer = writers_[at(id)];
    if (writer.step == nullptr || needs_slot_[at(id)]) return false;
    if (plan_.known.places[at(id)].kind == Place::Kind::kOutput) return false;
    return !strided || writer.step->kernel.kernel->gives_stride(writer.output, row);
  }

  int times_read(ValueId id, size_t step) const {
    return static_cast<int>(std::count_if(uses_[at(id)].begin(), uses_[at(id)].end(),
                                          [&](const Use& use) { return use.step == step; }));
  }

  void place(ValueId id, size_t at_step, Where where) {
    result_.is_part[at(id)] = true;
    places_[at(id)] = where;
    plan_.parts.push_back({id, where.host, where.offset});
    last_use_[at(where.host)] = std::max(last_use_[at(where.host)], last_use_[at(id)]);
    plan_.known.places[at(id)] = {Place::Kind::kArena, plan_.depth, 0};  // the layout adds up
    if (where.stride == 0) return;
    for (const Use& use : uses_[at(id)]) {
      if (use.step == at_step) continue;
      plan_.steps[use.step].kernel.kernel->set_input_stride(use.input, where.stride);
    }
  }
  void place_written(ValueId id, size_t at_step, Where where) {
    place(id, at_step, where);
    const Writer& writer = writers_[at(id)];
    if (where.stride != 0) {
      writer.step->kernel.kernel->set_output_stride(writer.output, where.stride);
    }
  }

  // The place of a piece, `offset` elements into the rows of a whole that is placed.
  Where inside(ValueId whole, const Rows& rows, ValueId piece, int64_t row, int64_t offset) const {
    const Where& of_whole = places_[at(whole)];
    Where where;
    where.host = of_whole.host == kNoValue ? whole : of_whole.host;
    where.offset = of_whole.offset + static_cast<size_t>(offset) * element_bytes(piece);
    if (rows.count > 1) {
      where.row = row;
      where.stride = of_whole.stride != 0 ? of_whole.stride : rows.width;
    }
    return where;
  }
  // Rows of a whole that itself lies apart are the same rows.
  bool has_rows(ValueId whole, const Rows& rows) const {
    const Where& of_whole = places_[at(whole)];
    return rows.count > 0 && rows.width > 0 && (of_whole.stride == 0 || of_whole.row == rows.width);
  }

  void join(size_t s) {
    Step& step = plan_.steps[s];
    const ValueId whole = step.outputs[0];
    if (!is_plain(whole) || needs_slot_[at(whole)]) return;
    const int64_t axis = graph_.node(step.node).attrs.get_int("axis");
    const Rows rows = rows_along(whole, axis);
    if (!has_rows(whole, rows) || shape(whole).count() > kMostElements) return;
    int64_t offset = 0;
    for (size_t i = 0; i < step.inputs.size();) {
      const size_t pieces = join_pieces(s, i, whole, rows, axis, offset);
      const size_t end = i + std::max<size_t>(pieces, 1);
      for (; i < end; ++i) {
        offset += rows_along(step.inputs[i], axis).width;
        if (pieces != 0) step.inputs[i] = kNoValue;
      }
    }
    const bool all = std::all_of(step.inputs.begin(), step.inputs.end(),
                                 [](ValueId input) { return input == kNoValue; });
    result_.needless[s] = all;
  }

  // How many inputs from the i-th on are where they go now.
  size_t join_pieces(size_t s, size_t i, ValueId whole, const Rows& rows, int64_t axis,
                     int64_t offset) {
    const ValueId piece = plan_.steps[s].inputs[i];
    if (!is_plain(piece) || times_read(root(piece), s) != 1) return 0;
    const int64_t row = rows_along(piece, axis).width;
    const bool strided = rows.count > 1;
    if (row > 0 && can_be_read(piece, s, row, strided) && can_be_written(piece, row, strided) &&
        !is_split(piece)) {
      place_written(piece, s, inside(whole, rows, piece, row, offset));
      return 1;
    }
    return join_split(s, i, whole, rows, axis, offset);
  }

  bool is_split(ValueId id) const {
    const Writer& writer = writers_[at(id)];
    return writer.step != nullptr && is(index_of(*writer.step), "Split");
  }
  size_t index_of(const Step& step) const {
    return static_cast<size_t>(&step - plan_.steps.data());
  }

  // All pieces of one tensor, joined in their order: it is computed where they go.
  size_t join_split(size_t s, size_t i, ValueId whole, const Rows& rows, int64_t axis,
                    int64_t offset) {
    const std::vector<ValueId>& inputs = plan_.steps[s].inputs;
    if (!is_split(inputs[i])) return 0;
    const size_t split = index_of(*writers_[at(inputs[i])].step);
    const std::vector<ValueId>& pieces = plan_.steps[split].outputs;
    if (i + pieces.size() > inputs.size()) return 0;
    if (!std::equal(pieces.begin(), pieces.end(), inputs.begin() + static_cast<ptrdiff_t>(i))) {
      return 0;
    }
    const ValueId source = plan_.steps[split].inputs[0];
    if (!is_plain(source)) return 0;
    const int64_t split_axis = graph_.node(plan_.steps[split].node).attrs.get_int("axis");
    const Rows source_rows = rows_along(source, split_axis);
    const bool strided = rows.count > 1;
    if (source_rows.count != rows.count ||
        !can_be_read(source, split, source_rows.width, strided) ||
        !can_be_written(source, source_rows.width, strided)) {
      return 0;
    }
    for (ValueId piece : pieces) {
      if (!is_plain(piece) || times_read(piece, s) != 1) return 0;
      if (!can_be_read(piece, s, rows_along(piece, axis).width, strided)) return 0;
    }
    place_written(source, split, inside(whole, rows, source, source_rows.width, offset));
    for (ValueId piece : pieces) {
      const int64_t row = rows_along(piece, axis).width;
      place(piece, s, inside(whole, rows, piece, row, offset));
      offset += row;
    }
    result_.needless[split] = true;
    return pieces.size();
  }

  void cut(size_t s) {
    Step& step = plan_.steps[s];
    const ValueId given = step.inputs[0];
    const ValueId whole = root(given);
    const int64_t axis = graph_.node(step.node).attrs.get_int("axis");
    if (!is_plain(given) || !is_plain(whole) || plan_.known.constants[at(given)].has_data()) return;
    if (plan_.known.places[at(whole)].kind == Place::Kind::kSlot) return;
    if (writers_[at(whole)].step != nullptr && needs_slot_[at(whole)]) return;
    const Rows rows = rows_along(given, axis);
    if (!has_rows(whole, rows) || (given != whole && places_[at(whole)].stride != 0)) return;
    int64_t offset = 0;
    bool all = true;
    for (ValueId& piece : step.outputs) {
      if (!is_plain(piece)) return;  // an output that is not asked for
      const int64_t row = rows_along(piece, axis).width;
      const bool can = row > 0 && !needs_slot_[at(piece)] &&
                       plan_.known.places[at(piece)].kind != Place::Kind::kOutput &&
                       can_be_read(piece, s, row, rows.count > 1);
      if (can) place(piece, s, inside(whole, rows, piece, row, offset));
      all &= can;
      offset += row;
      if (can) piece = kNoValue;
    }
    result_.needless[s] = all;
  }

  const Graph& graph_;
  Plan& plan_;
  const std::vector<bool>& needs_slot_;
  std::vector<int>& last_use_;
  std::vector<std::vector<Use>> uses_;  // by root
  std::vector<Writer> writers_;
  std::vector<bool> aliased_;  // other values share its bytes
  std::vector<Where> places_;  // by root
  PartsOfPlan result_;
};

}  // namespace

PartsOfPlan place_parts(const Graph& graph, Plan& plan, const std::vector<bool>& needs_slot,
                        std::vector<int>& last_use) {
  const bool any = std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
    return step.op->name == "Concat" || step.op->name == "Split";
  });
  if (any) return Walk(graph, plan, needs_slot, last_use).run();
  return {std::vector<bool>(graph.value_count()), std::vector<bool>(plan.steps.size())};
}

}  // namespace sardonyx
