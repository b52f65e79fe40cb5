// The algebra of symbolic dims.
#include "graph/dim.h"

#include <gtest/gtest.h>

#include <limits>

namespace sardonyx {
namespace {

const Dim n = Dim::symbol("N");
const Dim m = Dim::symbol("M");
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(Dim, EqualSumsCompareEqual) {
  EXPECT_EQ(n + m + 2, 1 + m + n + 1);
  EXPECT_EQ(n + n, 2 * n);
  EXPECT_EQ(n - n, Dim(0));
  EXPECT_EQ((n + 1) * (n - 1), n * n - 1);
  EXPECT_EQ(n * m * 2, m * 2 * n);
  EXPECT_FALSE(n == m);
  EXPECT_FALSE(n == n + 1);
}

TEST(Dim, ConstantsAreConstant) {
  EXPECT_TRUE((n - n + 3).is_constant());
  EXPECT_EQ((n - n + 3).value(), 3);
  EXPECT_FALSE(n.is_constant());
}

TEST(Dim, PrintsCanonicalText) {
  EXPECT_EQ(Dim(3).to_string(), "3");
  EXPECT_EQ((5 + 2 * n).to_string(), "2*N+5");
  EXPECT_EQ((n - m - 1).to_string(), "-M+N-1");
  EXPECT_EQ((n * m).to_string(), "M*N");
  EXPECT_EQ(floor_div(n + 1, 2).to_string(), "floor((N+1)/2)");
  EXPECT_EQ(Dim::symbol("batch size").to_string(), "batch size");
  EXPECT_EQ((Dim::symbol("batch size") + 1).to_string(), "'batch size'+1");
  EXPECT_EQ((Dim::unknown() + 1).to_string(), "?+1");
  EXPECT_EQ(to_string(Dims{n, 3, 224}), "Nx3x224");
  EXPECT_EQ(to_string(Dims{}), "scalar");
}

TEST(Dim, UnknownsEqualOnlyThemselves) {
  const Dim u = Dim::unknown();
  EXPECT_TRUE(u.is_unknown());
  EXPECT_EQ(u, u);
  EXPECT_EQ(u + 1 - 1, u);
  EXPECT_FALSE(u == Dim::unknown());
  EXPECT_FALSE((u + 1).is_unknown());
  EXPECT_TRUE(Dim::symbol("").is_unknown());
  EXPECT_FALSE(n.is_unknown());
}

TEST(Dim, SymbolsThatLookLikeExpressionsStaySymbols) {
  const Dim odd = Dim::symbol("N+1");
  EXPECT_FALSE(odd == n + 1);
  EXPECT_EQ(odd.symbol_name(), "N+1");
  EXPECT_EQ((odd + 0).symbol_name(), "N+1");
  EXPECT_EQ((odd + 1).symbol_name(), "");
  EXPECT_FALSE(Dim::symbol("?0") == Dim::symbol("?1"));
  EXPECT_FALSE(Dim::symbol("?0").is_unknown());
}

TEST(Dim, FloorDivisionTakesOutWholeMultiples) {
  EXPECT_EQ(floor_div(2 * n, 2), n);
  EXPECT_EQ(floor_div(n + 4, 2), floor_div(n, 2) + 2);
  EXPECT_EQ(floor_div(3 * n + 5, 2), n + 2 + floor_div(n + 1, 2));
  EXPECT_EQ(floor_div(4 * n + 2, 6), floor_div(2 * n + 1, 3));
  EXPECT_EQ(floor_div(4 * n + 3, 6), floor_div(2 * n + 1, 3));
  EXPECT_EQ(floor_div(floor_div(n, 2), 3), floor_div(n, 6));
  EXPECT_EQ(floor_div(floor_div(n - 1, 2) + 1, 2), floor_div(n + 1, 4));
  EXPECT_EQ(floor_div(n, 1), n);
  EXPECT_EQ(floor_div(n, -1), Dim(0) - n);
  EXPECT_EQ(floor_div(-7, 2), Dim(-4));
  EXPECT_EQ(floor_div(7, -2), Dim(-4));
}

TEST(Dim, CeilDivision) {
  EXPECT_EQ(ceil_div(7, 2), Dim(4));
  EXPECT_EQ(ceil_div(-7, 2), Dim(-3));
  EXPECT_EQ(ceil_div(6, 2), Dim(3));
  EXPECT_EQ(ceil_div(2 * n, 2), n);
  EXPECT_EQ(ceil_div(n, 2), floor_div(n + 1, 2));
}

TEST(Dim, SymbolicDivisors) {
  EXPECT_EQ(floor_div(n * m, n), m);
  EXPECT_EQ(floor_div(6 * n * m, 2 * n), 3 * m);
  EXPECT_EQ(floor_div(n * m + 4 * n, n), m + 4);
  EXPECT_EQ(floor_div(n + 1, n + 1), Dim(1));
  EXPECT_EQ(floor_div(4 * n + 4, n + 1), Dim(4));
  EXPECT_EQ(floor_div(n * n, n), n);
  EXPECT_EQ(floor_div(m, n), floor_div(m, n));
  EXPECT_FALSE(floor_div(m, n) == ceil_div(m, n));
  EXPECT_EQ(floor_div(m, n).to_string(), "floor(M/N)");
}

TEST(Dim, Modulo) {
  EXPECT_EQ(dim_mod(7, 3), Dim(1));
  EXPECT_EQ(dim_mod(-7, 3), Dim(2));
  EXPECT_EQ(dim_mod(6 * n + 1, 3), Dim(1));
  EXPECT_EQ(dim_mod(n, n), Dim(0));
}

TEST(Dim, MinAndMaxUseWhatIsKnown) {
  EXPECT_EQ(dim_min(3, 5), Dim(3));
  EXPECT_EQ(dim_max(n, 0), n);
  EXPECT_EQ(dim_min(n, 0), Dim(0));
  EXPECT_EQ(dim_max(n + 1, n), n + 1);
  EXPECT_EQ(dim_min(n, n + m), n);
  EXPECT_EQ(dim_max(n, m), dim_max(m, n));
  EXPECT_EQ(dim_max(dim_max(n - 1, 0), 0), dim_max(n - 1, 0));
  EXPECT_EQ(dim_min(dim_min(n, 4), 6), dim_min(n, 4));
  EXPECT_EQ(dim_max(n - dim_min(n, 4) + 4, 0), n - dim_min(n, 4) + 4);
  EXPECT_EQ(dim_max(n - 1, 0).to_string(), "max(0, N-1)");
  const Dim u = Dim::unknown();
  EXPECT_FALSE(dim_max(u, 0) == u);
}

TEST(Dim, HostileNumbersSaturate) {
  EXPECT_EQ(Dim(kMax) + 1, Dim(kMax));
  EXPECT_EQ(Dim(kMax) * -2, Dim(-kMax - 1));
  EXPECT_EQ(floor_div(-kMax - 1, -1), Dim(kMax));
  EXPECT_FALSE((n * kMax) * 2 == n * 2);
  EXPECT_EQ(product(Dims{kMax, kMax, 0}), Dim(0));
}

TEST(Dim, GrowthIsBounded) {
  Dim d = n;
  for (int i = 0; i < 200; ++i) d = floor_div(d * (d + m + 1), n + i + 2);
  EXPECT_LT(d.to_string().size(), 70000u);
}

TEST(Dim, SubstituteComputes) {
  const Dim dim = floor_div(n * m + 3, 4) + dim_max(n - 5, 1) - dim_min(m, 2) + ceil_div(m, n);
  const auto numbers = [](std::string_view name) -> std::optional<int64_t> {
    if (name == "N") return 3;
    if (name == "M") return 7;
    return std::nullopt;
  };
  EXPECT_EQ(substitute(dim, numbers), Dim(6 + 1 - 2 + 3));
  const Dim u = Dim::unknown();
  EXPECT_EQ(substitute(u + n, numbers), u + 3);
  EXPECT_EQ(substitute(Dim::symbol("K") * n, numbers), 3 * Dim::symbol("K"));
}

TEST(Dim, Shapes) {
  EXPECT_TRUE(all_constant(Dims{1, 2}));
  EXPECT_FALSE(all_constant(Dims{1, n}));
  EXPECT_EQ(to_shape(to_dims(Shape{2, 3})), (Shape{2, 3}));
  EXPECT_EQ(product(Dims{}), Dim(1));
  EXPECT_EQ(product(Dims{n, 3}), 3 * n);
}

}  // namespace
}  // namespace sardonyx
