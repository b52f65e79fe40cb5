// The models that GreedySearch, BeamSearch and their like drive: bodies that score every word that
// may come next. A decoder alone, as GPT, takes the prompt itself; behind an encoder, as in T5 and
// Whisper, it begins with tokens of its own. Entry points: check_token_model, make_token_model.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ops/contrib/generation.h"
#include "ops/kernel.h"
#include "ops/op.h"

namespace sardonyx {

// The attribute model_type.
enum class ModelKind : int64_t { kDecoder = 0, kTextEncoder = 1, kSpeechEncoder = 2 };

// What a search begins with: a row of tokens for each beam of each item, all of one length.
struct Prompts {
  int64_t beams = 1;
  std::vector<TokenRow> rows;
  // What the model may look at, by item for an encoder's input and by row for a decoder's.
  std::vector<int32_t> mask;
};

// Of one run of a search.
struct ModelState {
  int64_t rows = 0, length = 0;  // of the decoder's own mask
  std::vector<int32_t> mask;     // [rows, length]
  std::vector<int32_t> next_position;
  std::vector<Value> past;   // grows with each step
  std::vector<Value> fixed;  // what the encoder said
  bool began = false;
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // The scores of what may follow each row, [rows, words].
  virtual Result<std::vector<float>> begin(const RunArgs& args, const Prompts& prompts, int32_t pad,
                                           ModelState& state) const = 0;
  // The same with one more token in each row, whose past is that of row origins[row].
  virtual Result<std::vector<float>> go_on(const RunArgs& args, std::span<const TokenRow> rows,
                                           std::span<const int64_t> origins,
                                           ModelState& state) const = 0;
};

// Infers the bodies of the node when a model is loaded, and checks that they fit together.
Result<void> check_token_model(const InferContext& context);
std::unique_ptr<TokenModel> make_token_model(const KernelRequest& request);

// ---- what the models share

// vocab_size says how many of a decoder's scores are of tokens; 0 and -1: all of them.
Result<void> check_vocabulary(int64_t size, const Dim& scores);
Result<void> check_scores(const Graph& decoder, int64_t vocabulary);
// Of the last column of logits [rows, columns, scores].
Result<std::vector<float>> last_scores(const Tensor& logits, int64_t rows, int64_t vocabulary);
// What there is at each of the origins along an axis.
Result<Value> pick(const Tensor& from, int64_t axis, std::span<const int64_t> origins);
Value token_matrix(std::span<const TokenRow> rows);

Result<void> check_encoder_model(const InferContext& context);
std::unique_ptr<TokenModel> make_encoder_model(const KernelRequest& request);

}  // namespace sardonyx
