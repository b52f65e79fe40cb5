// What GreedySearch, Sampling, BeamSearch and WhisperBeamSearch share: their operands, read when
// they run, and the loop's beginning. Entry points: infer_search, read_search, read_prompts.
#pragma once

#include <vector>

#include "ops/contrib/token_model.h"

namespace sardonyx {

// Where the operators have their inputs; 0 is what the model begins with, 1 and 2 are the longest
// and least length. 0: not of this operator.
struct SearchInputs {
  size_t beams, returned, length_penalty;
  size_t repetition_penalty, vocab_mask, prefix_mask, attention_mask;
  size_t decoder_ids, processor, temperature;
};

// What stays the same for every step.
struct Search {
  int64_t batch = 0, prompt = 0, most = 0, beams = 1, returned = 1;
  float length_penalty = 1;
  TokenRules rules;
  int32_t pad = 0;
};

Result<void> infer_search(InferContext& context);
Result<Search> read_search(const RunArgs& args, const AttrMap& attrs, const SearchInputs& at);
Result<Prompts> read_prompts(const RunArgs& args, const AttrMap& attrs, const Search& search,
                             const SearchInputs& at);
// The rules for an item; the prefix mask holds for the first new token.
TokenRules rules_of(const RunArgs& args, const Search& search, const SearchInputs& at, int64_t item,
                    bool first, size_t words);
std::vector<float> row_of(const std::vector<float>& scores, size_t row, size_t words);

// Of an input that may be left out; `fallback` then.
std::span<const int32_t> ints_of(const RunArgs& args, size_t index);
int64_t int_of(const RunArgs& args, size_t index, int64_t fallback);
float float_of(const RunArgs& args, size_t index, float fallback);

// ---- declarations

std::vector<FormalAttr> search_attrs();
FormalParam search_ints(const char* name, Form form = Form::kOptional);
FormalParam search_floats(const char* name);

}  // namespace sardonyx
