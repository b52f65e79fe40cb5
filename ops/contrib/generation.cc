// See ops/contrib/generation.h.
#include "ops/contrib/generation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace sardonyx {

namespace {

constexpr float kForbidden = std::numeric_limits<float>::lowest();

void forbid(std::vector<float>& scores, int64_t token) {
  if (token >= 0 && token < static_cast<int64_t>(scores.size())) {
    scores[static_cast<size_t>(token)] = kForbidden;
  }
}

void forbid_masked(std::span<const int32_t> mask, std::vector<float>& scores) {
  for (size_t i = 0; i < mask.size() && i < scores.size(); ++i) {
    if (mask[i] == 0) scores[i] = kForbidden;
  }
}

// Tokens that would end an n-gram that the sequence has already.
void forbid_repeated(const TokenRow& sequence, int64_t size, std::vector<float>& scores) {
  const auto length = static_cast<int64_t>(sequence.size());
  if (size <= 0 || size > length) return;
  const auto last = sequence.end() - (size - 1);
  for (int64_t i = 0; i + size <= length; ++i) {
    if (std::equal(last, sequence.end(), sequence.begin() + i)) {
      forbid(scores, sequence[static_cast<size_t>(i + size - 1)]);
    }
  }
}

// Forbids tokens [from, to), as far as there are any.
void forbid_range(int64_t from, int64_t to, std::vector<float>& scores) {
  const auto count = static_cast<int64_t>(scores.size());
  for (int64_t token = std::max<int64_t>(0, from); token < std::min(to, count); ++token) {
    forbid(scores, token);
  }
}

// Whether timestamps together are more probable than any other token.
bool timestamps_prevail(int64_t first, const std::vector<float>& scores) {
  const float most = *std::max_element(scores.begin(), scores.end());
  const float best_text = *std::max_element(scores.begin(), scores.begin() + first);
  double sum = 0;
  for (auto score = scores.begin() + first; score != scores.end(); ++score) {
    sum += std::exp(static_cast<double>(*score) - static_cast<double>(most));
  }
  return std::log(sum) > static_cast<double>(best_text) - static_cast<double>(most);
}

void apply_timestamps(const TimestampRules& rules, int32_t eos, const TokenRow& sequence,
                      std::vector<float>& scores) {
  constexpr int64_t kLastFirst = 50;  // what the first timestamp may be at most: one second
  const auto words = static_cast<int64_t>(scores.size());
  const auto length = sequence.size();
  const auto is_timestamp = [&](int32_t token) { return token >= rules.first; };
  const auto found = std::find_if(sequence.begin(), sequence.end(), is_timestamp);
  // Up to the first timestamp, with it.
  const auto front = static_cast<size_t>(found - sequence.begin()) + (found != sequence.end());
  for (const int32_t token : rules.never) forbid(scores, token);
  if (length > front) {
    for (const int32_t token : rules.only_in_front) forbid(scores, token);
  }
  const bool after_one = length > 0 && is_timestamp(sequence[length - 1]);
  const bool after_two = length <= front || (length > 1 && is_timestamp(sequence[length - 2]));
  if (after_one && after_two) forbid_range(rules.first, words, scores);
  if (after_one && !after_two) forbid_range(0, eos, scores);
  const auto last = std::find_if(sequence.rbegin(), sequence.rend(), is_timestamp);
  if (last != sequence.rend()) {
    const int64_t least = int64_t{*last} + (after_one && !after_two ? 0 : 1);
    forbid_range(rules.first, least, scores);
  }
  if (length == front) forbid_range(rules.first + kLastFirst + 1, words, scores);
  if (timestamps_prevail(rules.first, scores)) forbid_range(0, rules.first, scores);
}

}  // namespace

void adjust_scores(const TokenRules& rules, const TokenRow& sequence, std::vector<float>& scores) {
  if (rules.repetition_penalty != 1) {
    for (const int32_t token : std::set<int32_t>(sequence.begin(), sequence.end())) {
      if (token < 0 || token >= static_cast<int32_t>(scores.size())) continue;
      float& score = scores[static_cast<size_t>(token)];
      score = score < 0 ? score * rules.repetition_penalty : score / rules.repetition_penalty;
    }
  }
  forbid_repeated(sequence, rules.no_repeat_ngram, scores);
  forbid_masked(rules.vocab_mask, scores);
  forbid_masked(rules.prefix_mask, scores);
  if (static_cast<int64_t>(sequence.size()) < rules.min_length) forbid(scores, rules.eos);
  if (rules.temperature != 1) {
    for (float& score : scores) score /= rules.temperature;
  }
  if (rules.timestamps.first >= 0) {
    apply_timestamps(rules.timestamps, rules.eos, sequence, scores);
  }
}

float BeamItem::normalised(float sum, size_t length) const {
  return sum / std::pow(static_cast<float>(length), length_penalty_);
}

void BeamItem::add(const TokenRow& tokens, float sum) {
  const Hypothesis fresh = {tokens, normalised(sum, tokens.size())};
  const auto place = std::find_if(hypotheses_.begin(), hypotheses_.end(),
                                  [&](const Hypothesis& each) { return each.score < fresh.score; });
  hypotheses_.insert(place, fresh);
  if (static_cast<int64_t>(hypotheses_.size()) > beams_) hypotheses_.pop_back();
}

std::vector<BeamChoice> BeamItem::choose(std::span<const BeamChoice> candidates,
                                         std::span<const TokenRow> sequences, int32_t eos,
                                         int32_t pad) {
  std::vector<BeamChoice> next;
  if (done_) {
    next.resize(static_cast<size_t>(beams_), BeamChoice{pad, 0, 0});
    return next;
  }
  for (size_t i = 0; i < candidates.size() && static_cast<int64_t>(next.size()) < beams_; ++i) {
    const BeamChoice& choice = candidates[i];
    if (choice.token != eos) {
      next.push_back(choice);
    } else if (static_cast<int64_t>(i) < beams_) {  // a worse one would not have been taken
      add(sequences[static_cast<size_t>(choice.beam)], choice.score);
    }
  }
  if (static_cast<int64_t>(hypotheses_.size()) == beams_) {
    const size_t length = sequences[0].size();
    const bool can_improve = hypotheses_.back().score < normalised(candidates[0].score, length);
    done_ = early_stopping_ || !can_improve;
  }
  return next;
}

}  // namespace sardonyx
