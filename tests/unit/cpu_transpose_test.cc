// Permutations of axes against index arithmetic, on every tier and element size.
#include "cpu/transpose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

namespace sardonyx {
namespace {

void check(Tier tier, const std::vector<int64_t>& dims, const std::vector<int64_t>& perm,
           size_t element) {
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  std::vector<unsigned char> src(static_cast<size_t>(count) * element);
  for (size_t i = 0; i < src.size(); ++i) src[i] = static_cast<unsigned char>(i * 37 + i / 251);
  std::vector<unsigned char> want(src.size());
  const size_t rank = dims.size();
  for (int64_t to = 0; to < count; ++to) {
    std::vector<int64_t> at(rank);
    int64_t rest = to;
    for (size_t i = rank; i-- > 0;) {
      const int64_t dim = dims[static_cast<size_t>(perm[i])];
      at[static_cast<size_t>(perm[i])] = rest % dim;
      rest /= dim;
    }
    int64_t from = 0;
    for (size_t i = 0; i < rank; ++i) from = from * dims[i] + at[i];
    std::memcpy(want.data() + static_cast<size_t>(to) * element,
                src.data() + static_cast<size_t>(from) * element, element);
  }
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    std::vector<unsigned char> dst(src.size());
    permute(tier, dims, perm, element, src.data(), dst.data(), pool);
    ASSERT_EQ(dst, want) << tier_name(tier) << " element of " << element << " bytes, rank " << rank;
  }
}

TEST(Transpose, AllPermutationsOfSmallTensors) {
  for (Tier tier : available_tiers()) {
    for (size_t element : {1, 2, 3, 4, 8, 16}) {
      for (const std::vector<int64_t>& dims : std::vector<std::vector<int64_t>>{
               {}, {5}, {7, 9}, {3, 4, 5}, {2, 1, 17, 6}, {2, 3, 1, 5, 4}}) {
        std::vector<int64_t> perm(dims.size());
        std::iota(perm.begin(), perm.end(), 0);
        do {
          check(tier, dims, perm, element);
        } while (std::next_permutation(perm.begin(), perm.end()));
      }
    }
  }
}

// The last axis stays where it is: of every length that is copied in one piece, and another.
TEST(Transpose, RunsOfManyTasks) {
  const Tier tier = available_tiers().front();
  for (const int64_t run : {4, 8, 16, 32, 20}) {
    check(tier, {30, 6, 41, run}, {2, 0, 1, 3}, 4);
    check(tier, {30, 6, 41, run}, {1, 2, 0, 3}, 4);
  }
}

TEST(Transpose, Pictures) {
  for (Tier tier : available_tiers()) {
    for (size_t element : {1, 2, 4, 8}) {
      for (int64_t channels : {1, 3, 4, 16, 33, 130}) {
        check(tier, {2, channels, 19, 23}, {0, 2, 3, 1}, element);
        check(tier, {2, 19, 23, channels}, {0, 3, 1, 2}, element);
      }
      check(tier, {300, 290}, {1, 0}, element);
    }
  }
}

TEST(Transpose, EmptyTensors) {
  ThreadPool pool(1);
  const std::vector<int64_t> dims = {3, 0, 2}, perm = {2, 1, 0};
  permute(best_tier(), dims, perm, 4, nullptr, nullptr, pool);
}

}  // namespace
}  // namespace sardonyx
