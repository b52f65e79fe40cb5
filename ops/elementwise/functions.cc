// Mathematical functions: Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Log Round
// Sin Sinh Sqrt Tan Tanh.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/functions.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "ops/elementwise/functions-inl.h"
#include "ops/elementwise/tiles.h"

// No function here: the loops have the target of the headers that they are made in.
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

constexpr TileRow kFunctionRows[] = {
    float_row<Acos>(), float_row<Acosh>(), float_row<Asin>(), float_row<Asinh>(),
    float_row<Atan>(), float_row<Atanh>(), float_row<Ceil>(), float_row<Cos>(),
    float_row<Cosh>(), float_row<Erf>(),   float_row<Exp>(),  float_row<Floor>(),
    float_row<Log>(),  float_row<Round>(), float_row<Sin>(),  float_row<Sinh>(),
    float_row<Sqrt>(), float_row<Tan>(),   float_row<Tanh>(),
};

}  // namespace
extern const TileRows kFunctionTiles;
const TileRows kFunctionTiles = kFunctionRows;
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx

#if HWY_ONCE
SARDONYX_TIER_TABLE(function_tiles, TileRows, kFunctionTiles)

namespace sardonyx {

OpDef op_Acos() { return unary_op({7, 22}, kFloatTypes); }
OpDef op_Acosh() { return unary_op({9, 22}, kFloatTypes); }
OpDef op_Asin() { return unary_op({7, 22}, kFloatTypes); }
OpDef op_Asinh() { return unary_op({9, 22}, kFloatTypes); }
OpDef op_Atan() { return unary_op({7, 22}, kFloatTypes); }
OpDef op_Atanh() { return unary_op({9, 22}, kFloatTypes); }
OpDef op_Ceil() { return with_denormals(unary_op({1, 6, 13}, kFloatTypes)); }
OpDef op_Cos() { return unary_op({7, 22}, kFloatTypes); }
OpDef op_Cosh() { return unary_op({9, 22}, kFloatTypes); }
OpDef op_Erf() { return unary_op({9, 13}, kFloatTypes); }
OpDef op_Exp() { return unary_op({1, 6, 13}, kFloatTypes); }
OpDef op_Floor() { return with_denormals(unary_op({1, 6, 13}, kFloatTypes)); }
OpDef op_Log() { return with_denormals(unary_op({1, 6, 13}, kFloatTypes)); }
OpDef op_Round() { return unary_op({11, 22}, kFloatTypes); }
OpDef op_Sin() { return unary_op({7, 22}, kFloatTypes); }
OpDef op_Sinh() { return unary_op({9, 22}, kFloatTypes); }
OpDef op_Sqrt() { return unary_op({1, 6, 13}, kFloatTypes); }
OpDef op_Tan() { return unary_op({7, 22}, kFloatTypes); }
OpDef op_Tanh() { return unary_op({1, 6, 13}, kFloatTypes); }

}  // namespace sardonyx
#endif  // HWY_ONCE
