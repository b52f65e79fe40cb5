// One small model that has every kind of thing the ONNX protobuf can hold, as text.
#pragma once

#include <string_view>

namespace sardonyx {

inline constexpr std::string_view kWholeModel = R"(
<
  ir_version: 13,
  opset_import: ["" : 27, "ai.onnx.ml" : 5, "my.own" : 1],
  producer_name: "the \"producer\"",
  producer_version: "1.2\n3",
  domain: "a.b",
  model_version: 7,
  doc_string: "of the model",
  metadata_props: ["key": "value", "empty": ""],
  training_info: [!{
    initialization: init () => (float w0) {w0 = Constant <value: tensor = float {1}> ()},
    algorithm: step (float x) => (float z) {z = Neg (x)},
    initialization_binding: ["w": "w0"],
    update_binding: ["w": "z"]
  }, !{}],
  configuration: ["\x0a\x03gpu\x10\x02"]
>
"main graph" (
  float[N,3,?] !{denotation: "IMAGE"} x !{doc_string: "in", metadata_props: ["a": "b"]},
  seq(int64[]) s,
  map(string, float[2]) m,
  optional(seq(float16[N])) o,
  sparse_tensor(double[4,4]) sp,
  opaque(com.acme, Thing) q,
  opaque(Lone) q1,
  opaque() q2,
  bool[batch !{denotation: "DATA_BATCH"},"N+1"] flag,
  undefined u,
  bare,
  float[2] w
) => (float y, int64[2,0] "odd name/0")
<
  float[2] w = {1.5, -0} !{doc_string: "weights", metadata_props: ["k": "v"]},
  double[2] f64 = {1e-300, nan},
  float16[4] f16 = {1.5, 65504, -inf, 0x7e01},
  bfloat16[2] bf16 = {3.5, -0},
  int8[2] i8 = {-128, 127},
  int16[2] i16 = {-32768, 32767},
  int32[2] i32 = {-2147483648, 2147483647},
  int64[2] i64 = {-9223372036854775808, 9223372036854775807},
  uint8[2] u8 = {0, 255},
  uint16[2] u16 = {0, 65535},
  uint32[2] u32 = {0, 4294967295},
  uint64[2] u64 = {0, 18446744073709551615},
  bool[3] b = {1, false, true},
  string[2,2] str = {"a", "", "\xff\x00", "é\"\\"},
  complex64[2] c64 = {1, 2, 3, -4},
  complex128 c128 = {0.5, inf},
  float8e4m3fn[3] f8a = {448, -0.5, nan},
  float8e4m3fnuz[2] f8b = {240, 1},
  float8e5m2[3] f8c = {57344, inf, 0x7e},
  float8e5m2fnuz[2] f8d = {57344, nan},
  float8e8m0[2] f8e = {1, 1024},
  uint4[3] u4 = {0, 15, 7},
  int4[3] i4 = {-8, 7, -1},
  float4e2m1[3] f4 = {6, -0.5, 1.5},
  uint2[5] u2 = {0, 3, 1, 2, 3},
  int2[5] i2 = {-2, 1, 0, -1, 1},
  float[0,3] none = {},
  float scalar = {-inf},
  sparse_tensor[8] {float[2] sw {1, 2}, int64[2] {3, 5}},
  sparse_tensor[2,3] {int64[1] sm {9}, int64[1,2] idx {1, 2}},
  float[N,4] h
>
!{
  doc_string: "of the graph",
  metadata_props: ["g": "h"],
  quantization_annotation: ["x": ["SCALE_TENSOR": "w"], "y": []]
}
{
  [first] h, "", spare = my.own.Op:fast <
    af: float = 0.1,
    ai: int = -3,
    as: string = "text\x00",
    at: tensor = float[2] name {1, 2} !{doc_string: "t"},
    ag: graph = sub () => (h2) {h2 = Identity (x)},
    afs: floats = [1, 1e+30, nan],
    ais: ints = [1, -2],
    ass: strings = ["a", "b"],
    ats: tensors = [int64 {7}, string[1] {"s"}],
    ags: graphs = [one () => (float o1) {o1 = Neg (w)}, two () => (o2) {o2 = Neg (w)}],
    asp: sparse_tensor = sparse_tensor[4] {float[1] {1}, int64[1] {2}},
    asps: sparse_tensors = [sparse_tensor[4] {float[1] {1}, int64[1] {2}}],
    aty: type_proto = seq(float[N]),
    atys: type_protos = [float, int64[], optional(string[1])],
    empty: ints = [],
    odd: undefined = [],
    "odd-name": int = 1 !{attr_doc_string: "why"}
  > (x, "", w) !{
    doc_string: "of the node",
    metadata_props: ["n": "o"],
    device_configurations: ["\x0a\x03gpu"]
  }
  y = "odd domain"."odd-op" (h)
  "odd name/0" = my.own.F <alpha: float = 2> (y)
  = ai.onnx.ml.NoOutputs ()
}
<
  domain: "my.own",
  opset_import: ["" : 17],
  overload: "",
  doc_string: "of the function",
  metadata_props: ["p": "q"]
>
F <gamma, alpha: float = 1> (a) => (c) <float[N] b> {
  b = LeakyRelu <alpha: float = @alpha> (a)
  c = Identity (b)
}
)";

}  // namespace sardonyx
