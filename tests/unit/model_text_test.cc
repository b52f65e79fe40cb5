// The text form: what it parses to, that it prints back, and where its errors point.
#include "model/text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "model/write_model.h"
#include "tests/support/whole_model.h"

namespace sardonyx {
namespace {

Model parsed(std::string_view text) {
  auto model = parse_text(text);
  EXPECT_TRUE(model) << model.error().text();
  return model ? *model : Model();
}

const TensorDef& initializer(const Model& model, std::string_view name) {
  for (const TensorDef& tensor : model.graph.initializers) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << "no initializer " << name;
  return model.graph.initializers.front();
}

template <class T>
std::vector<T> elements(const Model& model, std::string_view name) {
  const auto span = initializer(model, name).data.elements<T>();
  return {span.begin(), span.end()};
}

std::vector<uint8_t> bytes(const Model& model, std::string_view name) {
  const Tensor& data = initializer(model, name).data;
  return {data.as<uint8_t>(), data.as<uint8_t>() + data.bytes()};
}

TEST(ModelText, ReadsTheHead) {
  const Model model = parsed(kWholeModel);
  EXPECT_EQ(model.ir_version, 13);
  EXPECT_EQ(model.producer_name, "the \"producer\"");
  EXPECT_EQ(model.producer_version, "1.2\n3");
  EXPECT_EQ(model.domain, "a.b");
  EXPECT_EQ(model.model_version, 7);
  EXPECT_EQ(model.doc_string, "of the model");
  EXPECT_EQ(model.opset_version(""), 27);
  EXPECT_EQ(model.opset_version("ai.onnx.ml"), 5);
  EXPECT_EQ(model.opset_version("nobody"), 0);
  EXPECT_EQ(model.metadata, (Metadata{{"key", "value"}, {"empty", ""}}));
  ASSERT_EQ(model.training_info.size(), 2u);
  EXPECT_EQ(model.training_info[0].algorithm->nodes[0].op_type, "Neg");
  EXPECT_EQ(model.training_info[0].update_binding, (Metadata{{"w", "z"}}));
  EXPECT_FALSE(model.training_info[1].initialization.has_value());
  EXPECT_EQ(model.device_configurations, (std::vector<std::string>{"\x0a\x03gpu\x10\x02"}));
}

TEST(ModelText, ReadsTypes) {
  const Model model = parsed(kWholeModel);
  const auto& inputs = model.graph.inputs;
  ASSERT_EQ(inputs.size(), 12u);
  const TypeDef& x = inputs[0].type;
  EXPECT_EQ(x.kind, TypeDef::Kind::kTensor);
  EXPECT_EQ(x.dtype, DType::kFloat32);
  ASSERT_EQ(x.dims.size(), 3u);
  EXPECT_EQ(x.dims[0].param, "N");
  EXPECT_EQ(x.dims[1].value, 3);
  EXPECT_EQ(x.dims[2].kind, DimDef::Kind::kUnknown);
  EXPECT_EQ(x.denotation, "IMAGE");
  EXPECT_EQ(inputs[0].doc_string, "in");
  EXPECT_EQ(inputs[0].metadata, (Metadata{{"a", "b"}}));
  EXPECT_EQ(inputs[1].type.kind, TypeDef::Kind::kSequence);
  EXPECT_FALSE(inputs[1].type.element.at(0).has_shape);
  EXPECT_EQ(inputs[2].type.kind, TypeDef::Kind::kMap);
  EXPECT_EQ(inputs[2].type.dtype, DType::kString);
  EXPECT_EQ(inputs[3].type.element.at(0).element.at(0).dtype, DType::kFloat16);
  EXPECT_EQ(inputs[4].type.kind, TypeDef::Kind::kSparseTensor);
  EXPECT_EQ(inputs[5].type.opaque_domain, "com.acme");
  EXPECT_EQ(inputs[5].type.opaque_name, "Thing");
  EXPECT_EQ(inputs[6].type.opaque_domain, "");
  EXPECT_EQ(inputs[6].type.opaque_name, "Lone");
  EXPECT_EQ(inputs[7].type.kind, TypeDef::Kind::kOpaque);
  EXPECT_EQ(inputs[8].type.dims[0].denotation, "DATA_BATCH");
  EXPECT_EQ(inputs[8].type.dims[1].param, "N+1");
  EXPECT_EQ(inputs[9].type.kind, TypeDef::Kind::kTensor);
  EXPECT_EQ(inputs[9].type.dtype, DType::kUndefined);
  EXPECT_EQ(inputs[10].type.kind, TypeDef::Kind::kNone);
  EXPECT_EQ(model.graph.outputs[1].name, "odd name/0");
  EXPECT_TRUE(model.graph.outputs[0].type.has_shape);  // float is a scalar, float[] any rank
  EXPECT_EQ(model.graph.outputs[0].type.dims.size(), 0u);
}

TEST(ModelText, ReadsElementsOfEveryDtype) {
  const Model model = parsed(kWholeModel);
  EXPECT_EQ(elements<float>(model, "w"), (std::vector<float>{1.5f, -0.f}));
  EXPECT_TRUE(std::signbit(elements<float>(model, "w")[1]));
  EXPECT_EQ(elements<double>(model, "f64")[0], 1e-300);
  EXPECT_TRUE(std::isnan(elements<double>(model, "f64")[1]));
  EXPECT_EQ(elements<uint16_t>(model, "f16"),
            (std::vector<uint16_t>{0x3e00, 0x7bff, 0xfc00, 0x7e01}));
  EXPECT_EQ(elements<uint16_t>(model, "bf16"), (std::vector<uint16_t>{0x4060, 0x8000}));
  EXPECT_EQ(elements<int8_t>(model, "i8"), (std::vector<int8_t>{-128, 127}));
  EXPECT_EQ(elements<int16_t>(model, "i16"), (std::vector<int16_t>{-32768, 32767}));
  EXPECT_EQ(elements<int32_t>(model, "i32"), (std::vector<int32_t>{INT32_MIN, INT32_MAX}));
  EXPECT_EQ(elements<int64_t>(model, "i64"), (std::vector<int64_t>{INT64_MIN, INT64_MAX}));
  EXPECT_EQ(elements<uint8_t>(model, "u8"), (std::vector<uint8_t>{0, 255}));
  EXPECT_EQ(elements<uint16_t>(model, "u16"), (std::vector<uint16_t>{0, 65535}));
  EXPECT_EQ(elements<uint32_t>(model, "u32"), (std::vector<uint32_t>{0, UINT32_MAX}));
  EXPECT_EQ(elements<uint64_t>(model, "u64"), (std::vector<uint64_t>{0, UINT64_MAX}));
  EXPECT_EQ(bytes(model, "b"), (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(elements<std::string>(model, "str"),
            (std::vector<std::string>{"a", "", std::string("\xff\0", 2), "é\"\\"}));
  const auto* c64 = initializer(model, "c64").data.as<float>();
  EXPECT_EQ(std::vector<float>(c64, c64 + 4), (std::vector<float>{1, 2, 3, -4}));
  EXPECT_EQ(initializer(model, "c128").data.as<double>()[0], 0.5);
  // The bit patterns are those of the tables of the specification.
  EXPECT_EQ(bytes(model, "f8a"), (std::vector<uint8_t>{0x7e, 0xb0, 0x7f}));
  EXPECT_EQ(bytes(model, "f8b"), (std::vector<uint8_t>{0x7f, 0x40}));
  EXPECT_EQ(bytes(model, "f8c"), (std::vector<uint8_t>{0x7b, 0x7c, 0x7e}));
  EXPECT_EQ(bytes(model, "f8d"), (std::vector<uint8_t>{0x7f, 0x80}));
  EXPECT_EQ(bytes(model, "f8e"), (std::vector<uint8_t>{127, 137}));
  EXPECT_EQ(bytes(model, "u4"), (std::vector<uint8_t>{0xf0, 0x07}));
  EXPECT_EQ(bytes(model, "i4"), (std::vector<uint8_t>{0x78, 0x0f}));
  EXPECT_EQ(bytes(model, "f4"), (std::vector<uint8_t>{0x97, 0x03}));
  EXPECT_EQ(bytes(model, "u2"), (std::vector<uint8_t>{0b10'01'11'00, 0b11}));
  EXPECT_EQ(bytes(model, "i2"), (std::vector<uint8_t>{0b11'00'01'10, 0b01}));
  EXPECT_EQ(initializer(model, "none").data.shape(), (Shape{0, 3}));
  EXPECT_EQ(initializer(model, "scalar").data.shape(), Shape());
  EXPECT_EQ(initializer(model, "w").doc_string, "weights");
  ASSERT_EQ(model.graph.sparse_initializers.size(), 2u);
  EXPECT_EQ(model.graph.sparse_initializers[0].shape, Shape{8});
  EXPECT_EQ(model.graph.sparse_initializers[1].indices.data.shape(), (Shape{1, 2}));
}

TEST(ModelText, ReadsNodesAndAttributes) {
  const Model model = parsed(kWholeModel);
  const NodeDef& node = model.graph.nodes.at(0);
  EXPECT_EQ(node.name, "first");
  EXPECT_EQ(node.op_type, "Op");
  EXPECT_EQ(node.domain, "my.own");
  EXPECT_EQ(node.overload, "fast");
  EXPECT_EQ(node.inputs, (std::vector<std::string>{"x", "", "w"}));
  EXPECT_EQ(node.outputs, (std::vector<std::string>{"h", "", "spare"}));
  EXPECT_EQ(node.doc_string, "of the node");
  EXPECT_EQ(node.find_attr("af")->f, 0.1f);
  EXPECT_EQ(node.find_attr("ai")->i, -3);
  EXPECT_EQ(node.find_attr("as")->s, std::string("text\0", 5));
  EXPECT_EQ(node.find_attr("at")->tensor().name, "name");
  EXPECT_EQ(node.find_attr("at")->tensor().data.as<float>()[1], 2.f);
  EXPECT_EQ(node.find_attr("ag")->graph().outputs[0].name, "h2");
  EXPECT_EQ(node.find_attr("afs")->floats.size(), 3u);
  EXPECT_EQ(node.find_attr("afs")->floats[1], 1e30f);
  EXPECT_EQ(node.find_attr("ais")->ints, (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(node.find_attr("ass")->strings, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(node.find_attr("ats")->tensors[1].data.as<std::string>()[0], "s");
  EXPECT_EQ(node.find_attr("ags")->graphs[1].name, "two");
  EXPECT_EQ(node.find_attr("asp")->sparse_tensors[0].shape, Shape{4});
  EXPECT_EQ(node.find_attr("asps")->type, AttrType::kSparseTensors);
  EXPECT_EQ(node.find_attr("aty")->types[0].kind, TypeDef::Kind::kSequence);
  EXPECT_EQ(node.find_attr("atys")->types.size(), 3u);
  EXPECT_EQ(node.find_attr("empty")->type, AttrType::kInts);
  EXPECT_EQ(node.find_attr("odd")->type, AttrType::kUndefined);
  EXPECT_EQ(node.find_attr("odd-name")->doc_string, "why");
  EXPECT_EQ(node.find_attr("missing"), nullptr);
  EXPECT_EQ(model.graph.nodes.at(1).domain, "odd domain");
  EXPECT_EQ(model.graph.nodes.at(1).op_type, "odd-op");
  EXPECT_TRUE(model.graph.nodes.at(3).outputs.empty());
  const FunctionDef& function = model.functions.at(0);
  EXPECT_EQ(function.attr_names, (std::vector<std::string>{"gamma"}));
  EXPECT_EQ(function.attr_defaults.at(0).f, 1.f);
  EXPECT_EQ(function.nodes[0].attrs[0].ref_attr_name, "alpha");
  EXPECT_EQ(function.value_info[0].name, "b");
  EXPECT_EQ(model.graph.quantization_annotations.size(), 2u);
}

TEST(ModelText, PrintsBackTheSameModel) {
  const Model model = parsed(kWholeModel);
  const std::string bytes = write_model(model).value();
  const std::string text = to_text(model);
  const Model again = parsed(text);
  EXPECT_EQ(write_model(again).value(), bytes);
  EXPECT_EQ(to_text(again), text);
  const Model read = read_model(Bytes::borrow(bytes)).value();
  EXPECT_EQ(to_text(read), text);
}

TEST(ModelText, LeavesOutElementsOfLargeTensors) {
  const Model model = parsed("g () => () <float[3] w = {1,2,3}, float[2] v = {1,2}> {}");
  const std::string text = to_text(model, {2});
  EXPECT_NE(text.find("float[3] w = ..."), std::string::npos) << text;
  EXPECT_NE(text.find("float[2] v = {1, 2}"), std::string::npos) << text;
  EXPECT_FALSE(parse_text(text));
}

TEST(ModelText, FindsTheTypeOfAnAttribute) {
  const NodeDef node = parsed(R"(g () => () { y = Op <
      i = 3, f = 3., e = 1e3, n = nan, s = "q", is = [1, 2], fs = [1, 2.5], ss = ["a"],
      t = float[1] {1}, ts = [float {1}], g = sub () => () {}, gs = [sub () => () {}],
      r = @ref, ty = seq(float), sp = sparse_tensor[4] {float[1] {1}, int64[1] {0}}
    > () })")
                           .graph.nodes.at(0);
  const std::pair<const char*, AttrType> expected[] = {
      {"i", AttrType::kInt},       {"f", AttrType::kFloat},    {"e", AttrType::kFloat},
      {"n", AttrType::kFloat},     {"s", AttrType::kString},   {"is", AttrType::kInts},
      {"fs", AttrType::kFloats},   {"ss", AttrType::kStrings}, {"t", AttrType::kTensor},
      {"ts", AttrType::kTensors},  {"g", AttrType::kGraph},    {"gs", AttrType::kGraphs},
      {"r", AttrType::kUndefined}, {"ty", AttrType::kType},    {"sp", AttrType::kSparseTensor},
  };
  for (const auto& [name, type] : expected) EXPECT_EQ(node.find_attr(name)->type, type) << name;
}

TEST(ModelText, AcceptsInputsWithDefaultsCommentsAndAttributesBehind) {
  const Model model = parsed(R"(
    # a comment
    g (float[2] x = {1, 2}, float y) => (float z) {
      z = Op (x, y) <a = 1>  // another one
    })");
  EXPECT_EQ(model.graph.inputs.size(), 2u);
  EXPECT_EQ(model.graph.initializers.at(0).name, "x");
  EXPECT_EQ(model.graph.nodes.at(0).attrs.at(0).i, 1);
}

TEST(ModelText, PrintsTypes) {
  for (const char* text :
       {"float", "float[]", "int64[N,3,?]", "seq(map(int64, string[]))",
        "optional(sparse_tensor(double[2]))", "opaque(a.b, C)", "opaque(\"a b\", C)", "none"}) {
    const auto type = parse_type(text);
    ASSERT_TRUE(type) << type.error().text();
    EXPECT_EQ(to_text(*type), text);
  }
  EXPECT_FALSE(parse_type("float x"));
}

struct BadText {
  const char* text;
  const char* place;
  const char* message;
};

TEST(ModelText, ErrorsNameThePlace) {
  const BadText cases[] = {
      {"", "line 1, column 1", "expected a name, got the end"},
      {"g (float x => () {}", "line 1, column 12", "expected ',', got '=>'"},
      {"g () => ()\n{\n  y = Op x\n}", "line 3, column 10", "expected '(', got 'x'"},
      {"g () => () <float[2] w = {1}> {}", "line 1, column 28", "needs 2 numbers, got only 1"},
      {"g () => () <float[1] w = {1, 2}> {}", "line 1, column 28", "behind the 1 numbers"},
      {"g () => () <int8[1] w = {128}> {}", "line 1, column 26", "from -128 to 127"},
      {"g () => () <uint64[1] w = {-1}> {}", "line 1, column 28", "that uint64 can hold"},
      {"g () => () <float[1] w = {1e99}> {}", "line 1, column 27", "outside the range"},
      {"g () => () <float[-1] w = {}> {}", "line 1, column 23", "negative"},
      {"g () => () <float[9999999999,9999999999,9999999999] w = {}> {}", "line 1, column 53",
       "too many elements"},
      {"g () => () {y = Op <a = []> ()}", "line 1, column 25", "an empty list needs a type"},
      {"g () => () {y = Op <a: strange = 1> ()}", "line 1, column 24", "an attribute type"},
      {"g (\"x) => () {}", "line 1, column 3", "a quoted string has no end"},
      {"<ir_version: 8, colour: 3> g () => () {}", "line 1, column 25", "unknown key 'colour'"},
      {"<ir_version: 99999999999999999999> g () => () {}", "line 1, column 14", "64 bits"},
      {"g () => () {} }", "line 1, column 15", "expected a name"},
  };
  for (const BadText& bad : cases) {
    const auto model = parse_text(bad.text);
    ASSERT_FALSE(model) << bad.text;
    EXPECT_EQ(model.error().place, bad.place) << bad.text << model.error().text();
    EXPECT_NE(model.error().message.find(bad.message), std::string::npos)
        << bad.text << ": " << model.error().text();
  }
}

TEST(ModelText, NestingIsBounded) {
  std::string graphs, types = "g (";
  for (int i = 0; i < 100000; ++i) {
    graphs += "g () => () {y = Op <a = ";
    types += "seq(";
  }
  EXPECT_NE(parse_text(graphs).error().message.find("levels deep"), std::string::npos);
  EXPECT_NE(parse_text(types).error().message.find("levels deep"), std::string::npos);
}

}  // namespace
}  // namespace sardonyx
