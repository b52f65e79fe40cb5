// Protobuf bytes, put together by hand, and what the reader makes of them.
#include "model/read_model.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>

#include "model/text.h"
#include "model/value_file.h"
#include "model/wire_writer.h"
#include "model/write_model.h"
#include "tests/support/whole_model.h"

namespace sardonyx {
namespace {

using Fill = std::function<void(WireWriter&)>;

// A model whose graph message `fill_graph` writes.
std::string model_with(const Fill& fill_graph) {
  std::string bytes;
  {
    WireWriter model(bytes);
    model.add_int64(1, 8);
    WireWriter graph(model, 7);
    fill_graph(graph);
  }
  return bytes;
}

std::string tensor_model(DType dtype, std::vector<int64_t> dims, const Fill& fill) {
  return model_with([&](WireWriter& graph) {
    WireWriter tensor(graph, 5);
    for (const int64_t dim : dims) tensor.add_int64(1, dim);
    tensor.add_int64(2, static_cast<int64_t>(dtype));
    tensor.add_bytes(8, "w");
    fill(tensor);
  });
}

template <class T>
std::string packed(std::vector<T> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

Bytes owned(std::string text) {
  auto owner = std::make_shared<std::string>(std::move(text));
  return {owner->data(), owner->size(), owner};
}

Result<Tensor> read_tensor_of(const std::string& bytes) {
  const Model model = TRY(read_model(owned(bytes)));
  return aligned_tensor(model.graph.initializers.at(0).data);
}

std::string error_of(const std::string& bytes, const ReadOptions& options = {}) {
  const auto model = read_model(Bytes::borrow(bytes), options);
  return model ? "no error" : model.error().text();
}

TEST(ReadModel, RawDataOfEveryDtype) {
  for (int number = 1; number < kDTypeCount; ++number) {
    const auto dtype = static_cast<DType>(number);
    if (dtype == DType::kString) continue;
    const size_t size = dtype_bytes(dtype, 5);
    std::string raw(size, '\1');
    const auto tensor =
        read_tensor_of(tensor_model(dtype, {5}, [&](WireWriter& out) { out.add_bytes(9, raw); }));
    ASSERT_TRUE(tensor) << tensor.error().text();
    EXPECT_EQ(tensor->dtype(), dtype);
    EXPECT_EQ(std::string(tensor->as<char>(), size), raw) << dtype_name(dtype);
    raw.pop_back();
    const std::string error =
        error_of(tensor_model(dtype, {5}, [&](WireWriter& out) { out.add_bytes(9, raw); }));
    EXPECT_NE(error.find(fmt::format("shape 5 {} needs {} bytes, raw_data has {}",
                                     dtype_name(dtype), size, size - 1)),
              std::string::npos)
        << error;
  }
}

// Numbers in int32_data, one by one and packed, and the bytes that they mean.
struct Int32Case {
  DType dtype;
  int64_t count;
  std::vector<int64_t> numbers;
  std::string expected;
};

TEST(ReadModel, NumbersInInt32Data) {
  const Int32Case cases[] = {
      {DType::kInt32, 2, {-1, 7}, packed<int32_t>({-1, 7})},
      {DType::kInt16, 2, {-32768, 7}, packed<int16_t>({-32768, 7})},
      {DType::kInt8, 2, {-128, 127}, packed<int8_t>({-128, 127})},
      {DType::kUint8, 2, {0, 255}, packed<uint8_t>({0, 255})},
      {DType::kUint16, 2, {0, 65535}, packed<uint16_t>({0, 65535})},
      {DType::kBool, 3, {0, 1, 2}, packed<uint8_t>({0, 1, 1})},
      {DType::kFloat16, 2, {0x3c00, 0xfc00}, packed<uint16_t>({0x3c00, 0xfc00})},
      {DType::kBfloat16, 2, {0x3f80, -32768}, packed<uint16_t>({0x3f80, 0x8000})},
      {DType::kFloat8E4M3FN, 2, {0x7f, 0x80}, packed<uint8_t>({0x7f, 0x80})},
      {DType::kFloat8E4M3FNUZ, 1, {0x80}, packed<uint8_t>({0x80})},
      {DType::kFloat8E5M2, 1, {0x7c}, packed<uint8_t>({0x7c})},
      {DType::kFloat8E5M2FNUZ, 1, {-128}, packed<uint8_t>({0x80})},
      {DType::kFloat8E8M0, 1, {127}, packed<uint8_t>({127})},
      {DType::kUint4, 3, {0x21, 0x03}, packed<uint8_t>({0x21, 0x03})},
      {DType::kInt4, 2, {0xf8}, packed<uint8_t>({0xf8})},
      {DType::kFloat4E2M1, 2, {0x97}, packed<uint8_t>({0x97})},
      {DType::kUint2, 5, {0xe4, 0x01}, packed<uint8_t>({0xe4, 0x01})},
      {DType::kInt2, 4, {0xe4}, packed<uint8_t>({0xe4})},
  };
  for (const Int32Case& each : cases) {
    for (const bool is_packed : {false, true}) {
      const auto fill = [&](WireWriter& out) {
        if (!is_packed) {
          for (const int64_t number : each.numbers) out.add_int64(5, number);
          return;
        }
        std::string run;
        for (int64_t number : each.numbers) {
          auto bits = static_cast<uint64_t>(number);
          for (; bits >= 0x80; bits >>= 7) run += static_cast<char>(bits | 0x80);
          run += static_cast<char>(bits);
        }
        out.add_bytes(5, run);
      };
      const auto tensor = read_tensor_of(tensor_model(each.dtype, {each.count}, fill));
      ASSERT_TRUE(tensor) << tensor.error().text();
      EXPECT_EQ(std::string(tensor->as<char>(), tensor->bytes()), each.expected)
          << dtype_name(each.dtype) << (is_packed ? " packed" : "");
    }
  }
}

TEST(ReadModel, NumbersThatDoNotFitAreErrors) {
  const std::pair<DType, int64_t> cases[] = {{DType::kInt8, 128},      {DType::kUint8, -1},
                                             {DType::kInt16, 32768},   {DType::kUint16, 65536},
                                             {DType::kFloat16, 65536}, {DType::kUint4, 256},
                                             {DType::kBool, 256}};
  for (const auto& [dtype, number] : cases) {
    const int64_t value = number;
    const std::string error =
        error_of(tensor_model(dtype, {1}, [&](WireWriter& out) { out.add_int64(5, value); }));
    EXPECT_NE(error.find("initializer 'w': element 0 is"), std::string::npos) << error;
  }
  const auto big = [](WireWriter& out) { out.add_int64(11, int64_t{1} << 32); };
  EXPECT_NE(error_of(tensor_model(DType::kUint32, {1}, big)).find("uint32 cannot hold"),
            std::string::npos);
}

TEST(ReadModel, OtherTypedFields) {
  const auto check = [](DType dtype, int64_t count, const Fill& fill, const std::string& expected) {
    const auto tensor = read_tensor_of(tensor_model(dtype, {count}, fill));
    ASSERT_TRUE(tensor) << tensor.error().text();
    EXPECT_EQ(std::string(tensor->as<char>(), tensor->bytes()), expected) << dtype_name(dtype);
  };
  const std::string floats = packed<float>({1.5f, -2.f});
  const std::string doubles = packed<double>({1.5, -2.});
  check(
      DType::kFloat32, 2, [&](WireWriter& out) { out.add_bytes(4, floats); }, floats);
  const auto one_by_one = [](WireWriter& out) {
    out.add_float(4, 1.5f);
    out.add_float(4, -2.f);
  };
  check(DType::kFloat32, 2, one_by_one, floats);
  const auto in_runs = [](WireWriter& out) {
    out.add_bytes(4, packed<float>({1.5f}));
    out.add_bytes(4, packed<float>({-2.f}));
  };
  check(DType::kFloat32, 2, in_runs, floats);
  check(
      DType::kComplex64, 1, [&](WireWriter& out) { out.add_bytes(4, floats); }, floats);
  check(
      DType::kFloat64, 2, [&](WireWriter& out) { out.add_bytes(10, doubles); }, doubles);
  check(
      DType::kComplex128, 1, [&](WireWriter& out) { out.add_bytes(10, doubles); }, doubles);
  const auto ints = [](WireWriter& out) {
    out.add_int64(7, -5);
    out.add_int64(7, INT64_MAX);
  };
  check(DType::kInt64, 2, ints, packed<int64_t>({-5, INT64_MAX}));
  const auto unsigned_ints = [](WireWriter& out) { out.add_int64(11, -1); };
  check(DType::kUint64, 1, unsigned_ints, packed<uint64_t>({UINT64_MAX}));
  const auto u32 = [](WireWriter& out) { out.add_int64(11, 0xffffffff); };
  check(DType::kUint32, 1, u32, packed<uint32_t>({UINT32_MAX}));
}

TEST(ReadModel, Strings) {
  const auto fill = [](WireWriter& out) {
    out.add_bytes(6, "one");
    out.add_bytes(6, std::string_view("\0\xff", 2));
  };
  const auto tensor = read_tensor_of(tensor_model(DType::kString, {2, 1}, fill));
  ASSERT_TRUE(tensor) << tensor.error().text();
  EXPECT_EQ(tensor->as<std::string>()[0], "one");
  EXPECT_EQ(tensor->as<std::string>()[1], std::string("\0\xff", 2));
  const std::string error = error_of(tensor_model(DType::kString, {3}, fill));
  EXPECT_NE(error.find("shape 3 needs 3 strings, string_data has 2"), std::string::npos) << error;
}

TEST(ReadModel, TensorsThatAreWrong) {
  const Fill nothing = [](WireWriter&) {};
  const auto raw = [](WireWriter& out) { out.add_bytes(9, "12345678"); };
  const std::tuple<std::string, const char*> cases[] = {
      {tensor_model(DType::kFloat32, {3, 4}, raw),
       "initializer 'w': shape 3x4 float32 needs 48 bytes, raw_data has 8"},
      {tensor_model(DType::kFloat32, {2}, nothing),
       "shape 2 float32 needs 2 numbers in float_data, got 0 and no raw_data"},
      {tensor_model(DType::kUndefined, {2}, raw), "initializer 'w': no element type"},
      {tensor_model(static_cast<DType>(27), {2}, raw), "unknown element type 27"},
      {tensor_model(DType::kFloat32, {-2}, raw), "shape -2 has a negative dim"},
      {tensor_model(DType::kFloat32, {INT64_MAX, INT64_MAX}, raw), "too many elements"},
      {tensor_model(DType::kFloat32, {int64_t{1} << 32, int64_t{1} << 32, 0}, nothing),
       "too many elements"},
      {tensor_model(DType::kFloat32, std::vector<int64_t>(100, 1), raw), "rank 100 is above"},
      {tensor_model(DType::kString, {2}, raw), "string tensors cannot have raw_data"},
      {tensor_model(DType::kFloat32, {2}, [](WireWriter& out) { out.add_int64(14, 1); }),
       "there is no location"},
      {tensor_model(DType::kFloat32, {2}, [](WireWriter& out) { out.add_bytes(3, ""); }),
       "segments"},
      {tensor_model(DType::kFloat32, {1}, [](WireWriter& out) { out.add_bytes(4, "12345"); }),
       "float_data ends inside a number"},
  };
  for (const auto& [bytes, message] : cases) {
    const std::string error = error_of(bytes);
    EXPECT_NE(error.find(message), std::string::npos) << message << " / " << error;
  }
}

TEST(ReadModel, WeightsStayWhereTheyAre) {
  const std::string raw = packed(std::vector<float>(4096, 2.f));
  // Every alignment: the reader never copies large raw data, aligned_tensor does where needed.
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string bytes = tensor_model(DType::kFloat32, {4096}, [&](WireWriter& out) {
      out.add_bytes(12, std::string(shift + 1, 'd'));
      out.add_bytes(9, raw);
    });
    const Model model = read_model(Bytes::borrow(bytes)).value();
    const Tensor& data = model.graph.initializers[0].data;
    EXPECT_GE(data.as<char>(), bytes.data());
    EXPECT_LE(data.as<char>() + data.bytes(), bytes.data() + bytes.size());
    const Tensor aligned = aligned_tensor(data).value();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned.data()) % alignof(float), 0u);
    EXPECT_EQ(aligned.as<float>()[4095], 2.f);
  }
}

TEST(ReadModel, SmallTensorsAreAligned) {
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string bytes = tensor_model(DType::kInt64, {3}, [&](WireWriter& out) {
      out.add_bytes(12, std::string(shift + 1, 'd'));
      out.add_bytes(9, packed<int64_t>({1, 2, 3}));
    });
    const Model model = read_model(Bytes::borrow(bytes)).value();
    const Tensor& data = model.graph.initializers[0].data;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data.data()) % alignof(int64_t), 0u);
  }
}

TEST(ReadModel, TensorsKeepTheirBytesAlive) {
  Tensor data;
  {
    const std::string raw = packed(std::vector<float>(4096, 2.f));
    const Bytes bytes = owned(
        tensor_model(DType::kFloat32, {4096}, [&](WireWriter& out) { out.add_bytes(9, raw); }));
    data = read_model(bytes).value().graph.initializers[0].data;
    EXPECT_GT(bytes.owner.use_count(), 1);
  }
  EXPECT_EQ(aligned_tensor(data).value().as<float>()[0], 2.f);
}

TEST(ReadModel, OddBoolsBecomeTrue) {
  const std::string raw("\0\1\2\xff", 4);
  const auto tensor = read_tensor_of(
      tensor_model(DType::kBool, {4}, [&](WireWriter& out) { out.add_bytes(9, raw); }));
  EXPECT_EQ(std::string(tensor->as<char>(), 4), std::string("\0\1\1\1", 4));
}

TEST(ReadModel, AttributesOfTheFirstFilesHaveNoType) {
  const std::string bytes = model_with([](WireWriter& graph) {
    WireWriter node(graph, 1);
    const auto add = [&](const char* name, const Fill& fill) {
      WireWriter attr(node, 5);
      attr.add_bytes(1, name);
      fill(attr);
    };
    add("f", [](WireWriter& out) { out.add_float(2, 1.f); });
    add("i", [](WireWriter& out) { out.add_int64(3, 1); });
    add("s", [](WireWriter& out) { out.add_bytes(4, "s"); });
    add("is", [](WireWriter& out) { out.add_int64(8, 1); });
    add("none", [](WireWriter&) {});
  });
  const Model model = read_model(Bytes::borrow(bytes)).value();
  const NodeDef& node = model.graph.nodes.at(0);
  EXPECT_EQ(node.find_attr("f")->type, AttrType::kFloat);
  EXPECT_EQ(node.find_attr("i")->type, AttrType::kInt);
  EXPECT_EQ(node.find_attr("s")->type, AttrType::kString);
  EXPECT_EQ(node.find_attr("is")->type, AttrType::kInts);
  EXPECT_EQ(node.find_attr("none")->type, AttrType::kUndefined);
}

TEST(ReadModel, AttributesThatAreWrong) {
  const auto attr_model = [](int64_t type) {
    return model_with([&](WireWriter& graph) {
      WireWriter node(graph, 1);
      WireWriter attr(node, 5);
      attr.add_bytes(1, "value");
      attr.add_int64(20, type);
    });
  };
  EXPECT_NE(error_of(attr_model(15)).find("unknown attribute type 15"), std::string::npos);
  for (const AttrType type :
       {AttrType::kTensor, AttrType::kGraph, AttrType::kType, AttrType::kSparseTensor}) {
    const std::string error = error_of(attr_model(static_cast<int64_t>(type)));
    EXPECT_NE(error.find("attribute 'value' says that it is a"), std::string::npos) << error;
  }
}

TEST(ReadModel, UnknownFieldsAreSkippedAndNewerVersionsWarned) {
  std::string bytes;
  {
    WireWriter model(bytes);
    model.add_int64(1, 99);
    model.add_int64(900, 5);
    model.add_float(901, 5.f);
    model.add_bytes(902, "later");
    WireWriter graph(model, 7);
    graph.add_bytes(2, "g");
    graph.add_bytes(77, "later");
  }
  const Model model = read_model(Bytes::borrow(bytes)).value();
  EXPECT_EQ(model.graph.name, "g");
  ASSERT_EQ(model.warnings.size(), 1u);
  EXPECT_NE(model.warnings[0].find("IR version 99 is newer"), std::string::npos);
}

TEST(ReadModel, SplitMessagesAreMerged) {
  std::string bytes;
  {
    WireWriter model(bytes);
    { WireWriter(model, 7).add_bytes(2, "first"); }
    WireWriter graph(model, 7);
    WireWriter node(graph, 1);
    node.add_bytes(4, "Relu");
  }
  const Model model = read_model(Bytes::borrow(bytes)).value();
  EXPECT_EQ(model.graph.name, "first");
  EXPECT_EQ(model.graph.nodes.size(), 1u);
}

TEST(ReadModel, DomainOfOnnxHasOneName) {
  std::string bytes;
  {
    WireWriter model(bytes);
    {
      WireWriter import(model, 8);
      import.add_bytes(1, "ai.onnx");
      import.add_int64(2, 17);
    }
    WireWriter graph(model, 7);
    WireWriter node(graph, 1);
    node.add_bytes(7, "ai.onnx");
  }
  const Model model = read_model(Bytes::borrow(bytes)).value();
  EXPECT_EQ(model.opset_version(""), 17);
  EXPECT_EQ(model.graph.nodes[0].domain, "");
}

TEST(ReadModel, WrongWireTypesNameFieldAndByte) {
  const std::string bytes = model_with([](WireWriter& graph) {
    WireWriter node(graph, 1);
    node.add_bytes(4, "Relu");
    node.add_int64(1, 5);  // input is a string
  });
  const std::string error = error_of(bytes);
  EXPECT_NE(error.find("byte 12: "), std::string::npos) << error;
  EXPECT_NE(error.find("in NodeProto.input: expected a length and bytes, got a varint"),
            std::string::npos)
      << error;
}

TEST(ReadModel, SparseTensorsAreChecked) {
  const char* cases[] = {
      "sparse_tensor[4] {float[2] w {1, 2}, int64[2] {1, 4}}",
      "sparse_tensor[4] {float[2] w {1, 2}, int64[2] {1, -1}}",
      "sparse_tensor[4] {float[2] w {1, 2}, int64[2] {2, 2}}",
      "sparse_tensor[4] {float[2] w {1, 2}, int64[2] {2, 1}}",
      "sparse_tensor[4] {float[2] w {1, 2}, int64[3] {0, 1, 2}}",
      "sparse_tensor[4] {float[2] w {1, 2}, int32[2] {0, 1}}",
      "sparse_tensor[4] {float[2,1] w {1, 2}, int64[2] {0, 1}}",
      "sparse_tensor[2,2] {float[1] w {1}, int64[1,2] {0, 2}}",
  };
  for (const char* text : cases) {
    const auto model = parse_text(fmt::format("g () => () <{}> {{}}", text));
    EXPECT_FALSE(model) << text;
  }
}

TEST(ReadModel, LimitsHold) {
  const std::string bytes = write_model(parse_text(kWholeModel).value()).value();
  ReadOptions options;
  options.max_nodes = 5;
  EXPECT_NE(error_of(bytes, options).find("more than 5 nodes"), std::string::npos);
  options = {};
  options.max_decoded_bytes = 4000;
  EXPECT_NE(error_of(bytes, options).find("limit of 4000 bytes"), std::string::npos);
  options = {};
  options.max_depth = 1;
  EXPECT_NE(error_of(bytes, options).find("nested more than 1 levels"), std::string::npos);
}

TEST(ReadValue, EveryKind) {
  const float floats[] = {1, 2};
  const Tensor tensor = Tensor::from<float>(Shape{2}, floats);
  const int64_t key = 7;
  const Value map = Value::map(Tensor::from<int64_t>(Shape{1}, {&key, 1}),
                               Tensor::from<float>(Shape{1}, {floats, 1}));
  const Value values[] = {Value(tensor),
                          Value::sequence({Value(tensor), Value(tensor)}),
                          Value::optional(Value(tensor)),
                          Value::optional(),
                          map,
                          Value::sequence({map})};
  const TypeDef::Kind kinds[] = {TypeDef::Kind::kTensor,   TypeDef::Kind::kSequence,
                                 TypeDef::Kind::kOptional, TypeDef::Kind::kOptional,
                                 TypeDef::Kind::kMap,      TypeDef::Kind::kSequence};
  for (size_t i = 0; i < std::size(values); ++i) {
    const std::string bytes = write_value(values[i], "name").value();
    const NamedValue read = read_value(Bytes::borrow(bytes), kinds[i]).value();
    EXPECT_EQ(read.name, "name");
    EXPECT_EQ(read.value.kind(), values[i].kind());
    EXPECT_EQ(write_value(read.value, "name").value(), bytes) << i;
  }
  const std::string bytes = write_value(map).value();
  const NamedValue again = read_value(Bytes::borrow(bytes), TypeDef::Kind::kMap).value();
  EXPECT_EQ(again.value.map().keys.as<int64_t>()[0], 7);
  EXPECT_EQ(again.value.map().values.as<float>()[0], 1.f);
  EXPECT_FALSE(write_value(Value()));
}

}  // namespace
}  // namespace sardonyx
