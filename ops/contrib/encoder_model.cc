// See ops/contrib/token_model.h. An encoder and a decoder: the body `encoder` is run once, for each
// item, on its input (and a mask of what counts of it, where that is text); it gives the keys and
// values that the decoder's layers look up. It may run the decoder's first step too, and says so by
// taking the decoder's first tokens: then it gives (logits, encoder_hidden_states, keys and values
// of those tokens, keys and values to look up). The body `decoder` takes (input_ids, mask of the
// encoder's text, perhaps encoder_hidden_states, past keys and values of its own, those to look up)
// and gives (logits, present keys and values of its own).
#include "ops/bodies.h"
#include "ops/contrib/token_model.h"
#include "ops/infer.h"

namespace sardonyx {
namespace {

// How many inputs of each sort the bodies have.
struct EncoderLayout {
  size_t masks = 0;           // 1: both take the mask of a text
  bool first_step = false;    // the encoder runs it
  bool hidden = false;        // the decoder takes encoder_hidden_states
  size_t own = 0, cross = 0;  // keys and values, one by one
};

Result<EncoderLayout> read_layout(const AttrMap& attrs) {
  const int64_t kind = attrs.get_int("model_type");
  if (kind != static_cast<int64_t>(ModelKind::kTextEncoder) &&
      kind != static_cast<int64_t>(ModelKind::kSpeechEncoder)) {
    return fail(Code::kNotImplemented,
                "model_type {} is not known, only 0 (GPT), 1 (T5) and 2 (Whisper)", kind);
  }
  const Subgraph* encoder = attrs.get_subgraph("encoder");
  if (encoder == nullptr) {
    return fail(Code::kInvalidGraph, "model_type {} needs the attribute encoder", kind);
  }
  const Graph& first = *encoder->body;
  const Graph& decoder = *attrs.get_subgraph("decoder")->body;
  EncoderLayout layout;
  layout.masks = kind == static_cast<int64_t>(ModelKind::kTextEncoder) ? 1 : 0;
  layout.first_step = first.inputs().size() == layout.masks + 2;
  layout.own = decoder.outputs().empty() ? 0 : decoder.outputs().size() - 1;
  layout.cross = layout.own;
  const size_t rest = decoder.inputs().size() -
                      std::min(decoder.inputs().size(), 1 + layout.masks + 2 * layout.own);
  layout.hidden = rest == 1;
  const bool takes = layout.first_step || first.inputs().size() == layout.masks + 1;
  const size_t given = layout.first_step ? 2 + layout.own + layout.cross : layout.cross;
  const bool has_pasts = decoder.inputs().size() >= 1 + layout.masks + 2 * layout.own;
  if (takes && layout.own >= 2 && layout.own % 2 == 0 && has_pasts && rest <= 1 &&
      first.outputs().size() == given && (layout.first_step || !layout.hidden)) {
    return layout;
  }
  return fail(Code::kInvalidGraph,
              "encoder has {} inputs and {} outputs, decoder {} and {}: these are not the keys and "
              "values that one gives and the other takes, two of its own and two to look up for "
              "each layer",
              first.inputs().size(), first.outputs().size(), decoder.inputs().size(),
              decoder.outputs().size());
}

// Where an encoder does not run the first step, the decoder begins with empty keys and values.
Result<void> check_first_past(const EncoderLayout& layout, const Graph& decoder) {
  for (size_t i = 0; i < layout.own && !layout.first_step; ++i) {
    const ValueId input = decoder.inputs()[1 + layout.masks + i];
    const ValueType& type = decoder.value(input).type;
    if (type.has_rank() && type.dims->size() == 4 && (*type.dims)[1].is_constant() &&
        (*type.dims)[3].is_constant()) {
      continue;
    }
    return fail(Code::kInvalidGraph,
                "input '{}' of decoder is {}, expected [batch, heads, length, size] with heads and "
                "size as numbers",
                decoder.value(input).name, type.to_string());
  }
  return {};
}

class EncoderModel final : public TokenModel {
 public:
  EncoderModel(const KernelRequest& request, const EncoderLayout& layout)
      : layout_(layout),
        encoder_(body_of(request, "encoder")),
        decoder_(body_of(request, "decoder")),
        vocabulary_(request.node.attrs.get_int("vocab_size")) {
    const Graph& decoder = *request.node.attrs.get_subgraph("decoder")->body;
    const ValueType& ids = decoder.value(decoder.inputs()[0]).type;
    takes_rows_ = !ids.has_rank() || ids.dims->size() != 2 || (*ids.dims)[1] != Dim(1);
    for (size_t i = 0; i < layout.own && !layout.first_step; ++i) {
      const ValueType& type = decoder.value(decoder.inputs()[1 + layout.masks + i]).type;
      pasts_.push_back({type.dtype, (*type.dims)[1].value(), (*type.dims)[3].value()});
    }
  }

  Result<std::vector<float>> begin(const RunArgs& args, const Prompts& prompts, int32_t /*pad*/,
                                   ModelState& state) const override {
    state.rows = static_cast<int64_t>(prompts.rows.size());
    std::vector<TokenRow> of_items;
    std::vector<int64_t> item_of_row;
    for (int64_t row = 0; row < state.rows; ++row) {
      if (row % prompts.beams == 0) of_items.push_back(prompts.rows[static_cast<size_t>(row)]);
      item_of_row.push_back(row / prompts.beams);
    }
    const auto items = static_cast<int64_t>(of_items.size());
    std::vector<Value> inputs = {args.input_value(0)};
    Value mask;
    if (layout_.masks > 0) {
      mask = Tensor::from<int32_t>({items, static_cast<int64_t>(prompts.mask.size()) / items},
                                   std::span<const int32_t>(prompts.mask));
      inputs.push_back(mask);
    }
    if (layout_.first_step) inputs.push_back(token_matrix(of_items));
    const std::vector<Value> results = TRY(encoder_.run(args, inputs));
    const auto of_rows = [&](const Value& value) -> Result<Value> {
      const Shape& shape = value.tensor().shape();
      if (shape.rank() > 0 && shape[0] == items) return pick(value.tensor(), 0, item_of_row);
      return fail(Code::kInvalidArgument, "the encoder gave {}, expected {} items",
                  shape.to_string(), items);
    };
    if (layout_.masks > 0) state.fixed.push_back(TRY(of_rows(mask)));
    if (layout_.hidden) state.fixed.push_back(TRY(of_rows(results[1])));
    const size_t own = layout_.first_step ? 2 : 0;
    for (size_t i = 0; i < layout_.own; ++i) {
      if (layout_.first_step) {
        state.past.push_back(TRY(of_rows(results[own + i])));
      } else {
        const Shape shape = {state.rows, pasts_[i].heads, 0, pasts_[i].size};
        state.past.emplace_back(TRY(Tensor::allocate(pasts_[i].dtype, shape)));
      }
    }
    for (size_t i = layout_.first_step ? own + layout_.own : 0; i < results.size(); ++i) {
      state.fixed.push_back(TRY(of_rows(results[i])));
    }
    if (!layout_.first_step) return step(args, token_matrix(prompts.rows), state);
    const Value logits = TRY(of_rows(results[0]));
    return last_scores(logits.tensor(), state.rows, vocabulary_);
  }

  Result<std::vector<float>> go_on(const RunArgs& args, std::span<const TokenRow> rows,
                                   std::span<const int64_t> origins,
                                   ModelState& state) const override {
    for (Value& past : state.past) past = TRY(pick(past.tensor(), 0, origins));
    if (takes_rows_) return step(args, token_matrix(rows), state);
    std::vector<TokenRow> last;
    for (const TokenRow& row : rows) last.push_back({row.back()});
    return step(args, token_matrix(last), state);
  }

 private:
  struct Past {
    DType dtype;
    int64_t heads, size;
  };

  Result<std::vector<float>> step(const RunArgs& args, Value ids, ModelState& state) const {
    const auto front = static_cast<int64_t>(layout_.masks + (layout_.hidden ? 1 : 0));
    std::vector<Value> inputs = {std::move(ids)};
    inputs.insert(inputs.end(), state.fixed.begin(), state.fixed.begin() + front);
    inputs.insert(inputs.end(), state.past.begin(), state.past.end());
    inputs.insert(inputs.end(), state.fixed.begin() + front, state.fixed.end());
    std::vector<Value> results = TRY(decoder_.run(args, inputs));
    for (size_t i = 0; i < state.past.size(); ++i) {
      state.past[i] = TRY(own_value(results[i + 1]));
      const Shape& shape = state.past[i].tensor().shape();
      if (shape.rank() != 4 || shape[0] != state.rows) {
        return fail(Code::kInvalidArgument, "the decoder gave {} as its output {}",
                    shape.to_string(), i + 1);
      }
    }
    return last_scores(results[0].tensor(), state.rows, vocabulary_);
  }

  EncoderLayout layout_;
  Body encoder_, decoder_;
  int64_t vocabulary_;
  bool takes_rows_;  // all tokens so far, in place of the newest
  std::vector<Past> pasts_;
};

}  // namespace

Result<void> check_encoder_model(const InferContext& context) {
  const EncoderLayout layout = TRY(read_layout(context.attrs()));
  Graph& encoder = *context.attrs().get_subgraph("encoder")->body;
  Graph& decoder = *context.attrs().get_subgraph("decoder")->body;
  TRY(check_first_past(layout, decoder));
  if (context.at_load()) {
    TRY(infer_body(encoder));
    TRY(infer_body(decoder));
  }
  return check_scores(decoder, context.attrs().get_int("vocab_size"));
}

std::unique_ptr<TokenModel> make_encoder_model(const KernelRequest& request) {
  const auto layout = read_layout(request.node.attrs);
  return layout ? std::make_unique<EncoderModel>(request, *layout) : nullptr;
}

}  // namespace sardonyx
