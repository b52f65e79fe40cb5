// What the search for the next token of GreedySearch, BeamSearch and their like is made of:
// sequences so far, what may follow them, the hypotheses of a beam search. Entry points:
// adjust_scores, BeamItem.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sardonyx {

using TokenRow = std::vector<int32_t>;

// What may follow where sequences of Whisper have timestamps, which are the tokens from `first` on:
// they come in pairs but for the first one, and never decrease.
struct TimestampRules {
  int32_t first = -1;                  // < 0: no such rules
  std::vector<int32_t> never;          // tokens; those below 0 are none
  std::vector<int32_t> only_in_front;  // until the first timestamp is there
};

struct TokenRules {
  float repetition_penalty = 1;
  float temperature = 1;
  int64_t no_repeat_ngram = 0;  // 0: any may repeat
  int64_t min_length = 0;
  int32_t eos = 0;
  std::span<const int32_t> vocab_mask;   // [vocab]; empty: all are allowed
  std::span<const int32_t> prefix_mask;  // [vocab], for the first token alone
  TimestampRules timestamps;
};

// Applies the rules to the scores of what may follow the sequence; forbidden ones get the lowest
// score that there is.
void adjust_scores(const TokenRules& rules, const TokenRow& sequence, std::vector<float>& scores);

struct Hypothesis {
  TokenRow tokens;
  float score = 0;
};

struct BeamChoice {
  int32_t token = 0;
  int64_t beam = 0;
  float score = 0;
};

// The beam search of one item of the batch.
class BeamItem {
 public:
  BeamItem(int64_t beams, float length_penalty, bool early_stopping)
      : beams_(beams), length_penalty_(length_penalty), early_stopping_(early_stopping) {}

  bool done() const { return done_; }
  // The best hypothesis first.
  const std::vector<Hypothesis>& hypotheses() const { return hypotheses_; }

  // Takes candidates, best first, and gives what each beam goes on with; sequences are those of the
  // beams so far.
  std::vector<BeamChoice> choose(std::span<const BeamChoice> candidates,
                                 std::span<const TokenRow> sequences, int32_t eos, int32_t pad);
  void add(const TokenRow& tokens, float sum);

 private:
  float normalised(float sum, size_t length) const;

  int64_t beams_;
  float length_penalty_;
  bool early_stopping_;
  bool done_ = false;
  std::vector<Hypothesis> hypotheses_;
};

}  // namespace sardonyx
