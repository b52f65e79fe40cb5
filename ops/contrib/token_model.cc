// See ops/contrib/token_model.h. The decoder alone: the body `decoder` takes (input_ids,
// position_ids, attention_mask, past_0, ...) and gives (logits, present_0, ...); it is run once for
// each new token (`init_decoder`, where there is one, for the prompt).
#include "ops/contrib/token_model.h"

#include <cstring>

#include "ops/bodies.h"
#include "ops/infer.h"
#include "ops/number.h"

namespace sardonyx {

Result<void> check_vocabulary(int64_t size, const Dim& scores) {
  if (size < -1) {
    return fail(Code::kInvalidGraph, "vocab_size is {}, expected a number of tokens, or -1", size);
  }
  if (!scores.is_constant() || size <= scores.value()) return {};
  return fail(Code::kInvalidGraph, "vocab_size is {}, but the decoder gives {} scores", size,
              scores.value());
}

Result<void> check_scores(const Graph& decoder, int64_t vocabulary) {
  const ValueType& logits = decoder.value(decoder.outputs()[0].value).type;
  const bool known = logits.has_rank() && !logits.dims->empty();
  return check_vocabulary(vocabulary, known ? logits.dims->back() : Dim::unknown());
}

Result<std::vector<float>> last_scores(const Tensor& logits, int64_t rows, int64_t vocabulary) {
  const Shape& shape = logits.shape();
  if (shape.rank() != 3 || shape[0] != rows || shape[1] < 1 || shape[2] < 1) {
    return fail(Code::kInvalidArgument, "the decoder gave logits {}, expected {}xLxV",
                shape.to_string(), rows);
  }
  TRY(check_vocabulary(vocabulary, Dim(shape[2])));
  const int64_t words = vocabulary > 0 ? vocabulary : shape[2];
  std::vector<float> last;
  const bool is_float = visit_float(logits.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    for (int64_t row = 0; row < rows; ++row) {
      const T* from = logits.as<T>() + ((row + 1) * shape[1] - 1) * shape[2];
      for (int64_t i = 0; i < words; ++i) last.push_back(static_cast<float>(widen(from[i])));
    }
  });
  if (!is_float) return fail(Code::kInvalidArgument, "the decoder's logits are not floats");
  return last;
}

Result<Value> pick(const Tensor& from, int64_t axis, std::span<const int64_t> origins) {
  std::vector<int64_t> dims(from.shape().begin(), from.shape().end());
  const auto old = static_cast<size_t>(dims[static_cast<size_t>(axis)]);
  dims[static_cast<size_t>(axis)] = static_cast<int64_t>(origins.size());
  Tensor picked = TRY(Tensor::allocate(from.dtype(), Shape(dims)));
  const auto outer = static_cast<size_t>(from.shape().count(0, axis));
  const int64_t count = from.shape().count(axis + 1, from.shape().rank());
  const size_t bytes = dtype_bytes(from.dtype(), static_cast<size_t>(count));
  for (size_t i = 0; i < outer; ++i) {
    for (size_t row = 0; row < origins.size(); ++row) {
      std::memcpy(picked.as<char>() + (i * origins.size() + row) * bytes,
                  from.as<char>() + (i * old + static_cast<size_t>(origins[row])) * bytes, bytes);
    }
  }
  return Value(std::move(picked));
}

Value token_matrix(std::span<const TokenRow> rows) {
  std::vector<int32_t> tokens;
  for (const TokenRow& row : rows) tokens.insert(tokens.end(), row.begin(), row.end());
  const auto length = static_cast<int64_t>(rows.empty() ? 0 : rows[0].size());
  return Tensor::from<int32_t>({static_cast<int64_t>(rows.size()), length},
                               std::span<const int32_t>(tokens));
}

namespace {

constexpr size_t kFirstPast = 3;

Result<void> check_decoder(const InferContext& context, std::string_view attr) {
  const Subgraph* subgraph = context.attrs().get_subgraph(attr);
  if (subgraph == nullptr) return {};
  Graph& body = *subgraph->body;
  if (body.inputs().size() <= kFirstPast ||
      body.outputs().size() != body.inputs().size() - kFirstPast + 1) {
    return fail(Code::kInvalidGraph,
                "{} must take (input_ids, position_ids, attention_mask, past...) and give (logits, "
                "present...), got {} inputs and {} outputs",
                attr, body.inputs().size(), body.outputs().size());
  }
  for (size_t i = kFirstPast; i < body.inputs().size(); ++i) {
    const ValueType& type = body.value(body.inputs()[i]).type;
    const bool fits = type.has_rank() && type.dims->size() == 5 && (*type.dims)[2].is_constant() &&
                      (*type.dims)[4].is_constant();
    if (!fits) {
      return fail(Code::kInvalidGraph,
                  "input '{}' of {} is {}, expected [2, batch, heads, length, size] with heads and "
                  "size as numbers",
                  body.value(body.inputs()[i]).name, attr, type.to_string());
    }
  }
  if (context.at_load()) TRY(infer_body(body));
  return check_scores(body, context.attrs().get_int("vocab_size"));
}

class DecoderModel final : public TokenModel {
 public:
  explicit DecoderModel(const KernelRequest& request)
      : body_(body_of(request, "decoder")),
        first_(request.node.attrs.get_subgraph("init_decoder") != nullptr
                   ? body_of(request, "init_decoder")
                   : body_),
        vocabulary_(request.node.attrs.get_int("vocab_size")) {
    const Graph& body = *request.node.attrs.get_subgraph("decoder")->body;
    for (size_t i = kFirstPast; i < body.inputs().size(); ++i) {
      const ValueType& type = body.value(body.inputs()[i]).type;
      pasts_.push_back({type.dtype, (*type.dims)[2].value(), (*type.dims)[4].value()});
    }
  }

  // Positions count what is no padding, whatever the mask shows.
  Result<std::vector<float>> begin(const RunArgs& args, const Prompts& prompts, int32_t pad,
                                   ModelState& state) const override {
    state.rows = static_cast<int64_t>(prompts.rows.size());
    state.length = static_cast<int64_t>(prompts.rows[0].size());
    state.mask = prompts.mask;
    std::vector<int32_t> positions;
    for (const TokenRow& tokens : prompts.rows) {
      int32_t next = 0;
      for (const int32_t token : tokens) positions.push_back(token != pad ? next++ : 0);
      state.next_position.push_back(next);
    }
    for (const Past& past : pasts_) {
      const Shape shape = {2, state.rows, past.heads, 0, past.size};
      state.past.emplace_back(TRY(Tensor::allocate(past.dtype, shape)));
    }
    return step(args, token_matrix(prompts.rows), positions, state);
  }

  Result<std::vector<float>> go_on(const RunArgs& args, std::span<const TokenRow> rows,
                                   std::span<const int64_t> origins,
                                   ModelState& state) const override {
    for (Value& past : state.past) past = TRY(pick(past.tensor(), 1, origins));
    std::vector<int32_t> mask;
    for (int64_t row = 0; row < state.rows; ++row) {
      const auto begin = state.mask.begin() + row * state.length;
      mask.insert(mask.end(), begin, begin + state.length);
      mask.push_back(1);
    }
    state.mask = std::move(mask);
    ++state.length;
    std::vector<int32_t> positions;
    for (int32_t& next : state.next_position) positions.push_back(next++);
    std::vector<TokenRow> last;
    for (const TokenRow& row : rows) last.push_back({row.back()});
    return step(args, token_matrix(last), positions, state);
  }

 private:
  struct Past {
    DType dtype;
    int64_t heads, size;
  };

  Result<std::vector<float>> step(const RunArgs& args, Value ids,
                                  std::span<const int32_t> positions, ModelState& state) const {
    std::vector<Value> inputs = {
        ids, Tensor::from<int32_t>(ids.tensor().shape(), positions),
        Tensor::from<int32_t>({state.rows, state.length}, std::span<const int32_t>(state.mask))};
    inputs.insert(inputs.end(), state.past.begin(), state.past.end());
    const Body& body = state.began ? body_ : first_;
    state.began = true;
    std::vector<Value> results = TRY(body.run(args, inputs));
    for (size_t i = 0; i < state.past.size(); ++i) {
      state.past[i] = TRY(own_value(results[i + 1]));
      const Shape& shape = state.past[i].tensor().shape();
      if (shape.rank() != 5 || shape[0] != 2 || shape[1] != state.rows) {
        return fail(Code::kInvalidArgument, "the decoder gave {} as present_{}", shape.to_string(),
                    i);
      }
    }
    return last_scores(results[0].tensor(), state.rows, vocabulary_);
  }

  Body body_, first_;
  int64_t vocabulary_;
  std::vector<Past> pasts_;
};

}  // namespace

Result<void> check_token_model(const InferContext& context) {
  const int64_t kind = context.attrs().get_int("model_type");
  if (kind != static_cast<int64_t>(ModelKind::kDecoder)) return check_encoder_model(context);
  TRY(check_decoder(context, "decoder"));
  return check_decoder(context, "init_decoder");
}

std::unique_ptr<TokenModel> make_token_model(const KernelRequest& request) {
  const int64_t kind = request.node.attrs.get_int("model_type");
  if (kind != static_cast<int64_t>(ModelKind::kDecoder)) return make_encoder_model(request);
  return std::make_unique<DecoderModel>(request);
}

}  // namespace sardonyx
