// Names and merging of value types.
#include "graph/type.h"

#include <gtest/gtest.h>

namespace sardonyx {
namespace {

const Dim n = Dim::symbol("N");

TEST(ValueType, Names) {
  const ValueType tensor = ValueType::tensor(DType::kFloat32, {n, 3});
  EXPECT_EQ(tensor.onnx_name(), "tensor(float)");
  EXPECT_EQ(tensor.to_string(), "float32 Nx3");
  EXPECT_EQ(ValueType::tensor(DType::kInt64).to_string(), "int64 ?");
  const ValueType map = ValueType::map(DType::kString, tensor);
  EXPECT_EQ(ValueType::sequence(map).onnx_name(), "seq(map(string,tensor(float)))");
  EXPECT_EQ(ValueType::optional(tensor).onnx_name(), "optional(tensor(float))");
}

TEST(ValueType, ConcreteNeedsDtypeAndNumbers) {
  EXPECT_TRUE(ValueType::tensor(DType::kFloat32, {2, 3}).is_concrete());
  EXPECT_TRUE(ValueType::tensor(DType::kFloat32, Dims{}).is_concrete());
  EXPECT_FALSE(ValueType::tensor(DType::kFloat32, {n, 3}).is_concrete());
  EXPECT_FALSE(ValueType::tensor(DType::kFloat32).is_concrete());
  EXPECT_FALSE(ValueType::tensor(DType::kUndefined, {2}).is_concrete());
  EXPECT_FALSE(ValueType::tensor(DType::kFloat32, {-1}).is_concrete());
  EXPECT_FALSE(ValueType::sequence(ValueType::tensor(DType::kFloat32, {2})).is_concrete());
}

TEST(ValueType, MergeTakesTheMoreSpecific) {
  const ValueType none;
  const ValueType ranked = ValueType::tensor(DType::kFloat32, {Dim::unknown(), n, 4, 5});
  EXPECT_EQ(merge_types(none, ranked).to_string(), "float32 ?xNx4x5");
  EXPECT_EQ(merge_types(ValueType::tensor(DType::kFloat32), ranked).to_string(), "float32 ?xNx4x5");
  const ValueType other = ValueType::tensor(DType::kFloat32, {n, 7, n, 6});
  EXPECT_EQ(merge_types(ranked, other).to_string(), "float32 Nx7x4x5");
  EXPECT_EQ(merge_types(ValueType::tensor(DType::kUndefined), other).to_string(),
            "float32 Nx7xNx6");
  const ValueType sequence = ValueType::sequence(ValueType::tensor(DType::kUndefined));
  EXPECT_EQ(merge_types(sequence, ValueType::sequence(other)).to_string(),
            "sequence of float32 Nx7xNx6");
}

}  // namespace
}  // namespace sardonyx
