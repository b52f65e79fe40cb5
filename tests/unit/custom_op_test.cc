// Operators that the program brings, through the C++ API.
#include <gmock/gmock.h>

#include <atomic>

#include "tests/support/text_session.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kModel[] = R"(<ir_version: 8, opset_import: ["" : 17, "mine" : 2]>
  g (float[N,2] x) => (float[N,2] y) { s = mine.Scale<by = 3.0>(x)  y = Neg(s) })";

std::shared_ptr<CustomOp> scale(std::atomic<int>& made) {
  auto op = std::make_shared<CustomOp>();
  op->domain = "mine";
  op->name = "Scale";
  op->infer = [](const CustomNode& node) { return std::vector{node.inputs[0]}; };
  op->make = [&made](const CustomNode& node) -> Result<CustomOp::Compute> {
    ++made;
    const float by = std::get<float>(node.attrs.at("by"));
    return [by](std::span<const Value> inputs) -> Result<std::vector<Value>> {
      const Tensor& x = inputs[0].tensor();
      Tensor y = TRY(Tensor::allocate(x.dtype(), x.shape()));
      for (int64_t i = 0; i < x.count(); ++i) y.as<float>()[i] = x.as<float>()[i] * by;
      return std::vector<Value>{std::move(y)};
    };
  };
  return op;
}

TEST(CustomOps, AreMadeOncePerNodeAndRunForEveryShape) {
  std::atomic<int> made = 0;
  SessionOptions options;
  options.custom_ops = {scale(made)};
  const Session session = load_text(kModel, options).value();
  EXPECT_EQ(session.outputs()[0].dims[0].symbol, "N");
  EXPECT_THAT(elements_of(run_one(session, {{"x", floats({1, 2}, {1, -2})}})), ElementsAre(-3, 6));
  EXPECT_THAT(elements_of(run_one(session, {{"x", floats({2, 2}, {1, 2, 3, 4})}})),
              ElementsAre(-3, -6, -9, -12));
  EXPECT_EQ(made, 1);
}

TEST(CustomOps, AreOnlyForSessionsThatListThem) {
  const auto session = load_text(kModel);
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().message, HasSubstr("mine.Scale"));
}

TEST(CustomOps, ReportWhatTheirFunctionsSay) {
  std::atomic<int> made = 0;
  auto op = scale(made);
  op->make = [](const CustomNode&) -> Result<CustomOp::Compute> {
    return fail(Code::kInvalidArgument, "no scale today");
  };
  SessionOptions options;
  options.custom_ops = {op};
  const Session session = load_text(kModel, options).value();
  const auto result = session.run({{"x", floats({1, 2}, {1, 2})}});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no scale today"));
}

TEST(CustomOps, MayHandBackTheirInput) {
  auto op = std::make_shared<CustomOp>();
  op->domain = "mine";
  op->name = "Scale";
  op->output_types = {DType::kFloat32};
  op->make = [](const CustomNode&) -> Result<CustomOp::Compute> {
    return [](std::span<const Value> inputs) -> Result<std::vector<Value>> {
      return std::vector<Value>{inputs[0]};
    };
  };
  SessionOptions options;
  options.custom_ops = {op};
  const Session session = load_text(kModel, options).value();
  EXPECT_THAT(elements_of(run_one(session, {{"x", floats({1, 2}, {1, -2})}})), ElementsAre(-1, 2));
}

}  // namespace
}  // namespace sardonyx
