// Values through the table: tensors of every type, sequences, maps, sparse tensors, memory.
#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

using ::testing::ElementsAre;

TEST(CApiValues, TensorsOfEveryType) {
  for (int type = 1; type <= ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E8M0; ++type) {
    SCOPED_TRACE(type);
    const int64_t shape[] = {3, 2};
    const auto element = static_cast<ONNXTensorElementDataType>(type);
    const auto value =
        made<Value>(api().CreateTensorAsOrtValue, allocator(), shape, size_t{2}, element);
    const auto info = made<TensorTypeAndShapeInfo>(api().GetTensorTypeAndShape, value.get());
    ONNXTensorElementDataType found = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t count = 0;
    EXPECT_OK(api().GetTensorElementType(info.get(), &found));
    EXPECT_OK(api().GetTensorShapeElementCount(info.get(), &count));
    EXPECT_EQ(found, element);
    EXPECT_EQ(count, 6);
    void* data = nullptr;
    EXPECT_OK(api().GetTensorMutableData(value.get(), &data));
    EXPECT_NE(data, nullptr);
    int is_tensor = 0;
    EXPECT_OK(api().IsTensor(value.get(), &is_tensor));
    EXPECT_EQ(is_tensor, 1);
  }
}

TEST(CApiValues, RefuseWhatDoesNotFit) {
  float data[4] = {};
  const int64_t shape[] = {2, 2};
  const int64_t negative[] = {-1, 2};
  const int64_t huge[] = {int64_t{1} << 40, int64_t{1} << 40};
  const MemoryInfo memory = cpu_memory();
  OrtValue* value = nullptr;
  const auto create = [&](void* at, size_t bytes, const int64_t* dims, int type) {
    return api().CreateTensorWithDataAsOrtValue(
        memory.get(), at, bytes, dims, 2, static_cast<ONNXTensorElementDataType>(type), &value);
  };
  EXPECT_FAILS(create(data, 15, shape, 1), ORT_INVALID_ARGUMENT, "not enough space");
  EXPECT_FAILS(create(data, 16, negative, 1), ORT_INVALID_ARGUMENT, "dims of 0 or more");
  EXPECT_FAILS(create(data, 16, huge, 1), ORT_INVALID_ARGUMENT, "");
  EXPECT_FAILS(create(nullptr, 16, shape, 1), ORT_INVALID_ARGUMENT, "NULL");
  EXPECT_FAILS(create(data, 16, shape, 77), ORT_NOT_IMPLEMENTED, "tensor type 77");
  EXPECT_FAILS(create(data, 16, shape, 8), ORT_INVALID_ARGUMENT, "strings");
  EXPECT_FAILS(api().CreateTensorAsOrtValue(allocator(), huge, 2,
                                            ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, &value),
               ORT_INVALID_ARGUMENT, "");
  const int64_t large[] = {int64_t{1} << 20, int64_t{1} << 36};
  EXPECT_FAILS(api().CreateTensorAsOrtValue(allocator(), large, 2,
                                            ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, &value),
               ORT_RUNTIME_EXCEPTION, "cannot give");
  EXPECT_EQ(value, nullptr);
}

TEST(CApiValues, ElementsByPosition) {
  std::vector<float> data = {1, 2, 3, 4, 5, 6};
  const Value value = tensor(data, {2, 3});
  const int64_t place[] = {1, 2};
  const int64_t outside[] = {2, 0};
  void* element = nullptr;
  EXPECT_OK(api().TensorAt(value.get(), place, 2, &element));
  EXPECT_EQ(element, &data[5]);
  EXPECT_FAILS(api().TensorAt(value.get(), outside, 2, &element), ORT_INVALID_ARGUMENT,
               "invalid location range");
  const auto packed = made<Value>(api().CreateTensorAsOrtValue, allocator(), place, size_t{2},
                                  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4);
  EXPECT_FAILS(api().TensorAt(packed.get(), place, 2, &element), ORT_INVALID_ARGUMENT,
               "does not support sub-byte packed types");
}

TEST(CApiValues, SequencesAndMaps) {
  std::vector<float> data = {1, 2};
  const Value first = tensor(data, {2});
  const Value second = tensor(data, {1, 2});
  const OrtValue* items[] = {first.get(), second.get()};
  const auto sequence = made<Value>(api().CreateValue, items, size_t{2}, ONNX_TYPE_SEQUENCE);
  size_t count = 0;
  EXPECT_OK(api().GetValueCount(sequence.get(), &count));
  EXPECT_EQ(count, 2);
  const auto item = made<Value>(api().GetValue, sequence.get(), 1, allocator());
  EXPECT_THAT(dims(item.get()), ElementsAre(1, 2));
  OrtValue* none = nullptr;
  EXPECT_FAILS(api().GetValue(sequence.get(), 2, allocator(), &none), ORT_FAIL, "no item 2");

  std::vector<int64_t> keys = {7, 8};
  const Value key_tensor = tensor(keys, {2});
  const OrtValue* parts[] = {key_tensor.get(), first.get()};
  const auto map = made<Value>(api().CreateValue, parts, size_t{2}, ONNX_TYPE_MAP);
  ONNXType type = ONNX_TYPE_UNKNOWN;
  EXPECT_OK(api().GetValueType(map.get(), &type));
  EXPECT_EQ(type, ONNX_TYPE_MAP);
  EXPECT_THAT(elements<int64_t>(made<Value>(api().GetValue, map.get(), 0, allocator()).get()),
              ElementsAre(7, 8));
  EXPECT_FAILS(api().CreateValue(parts, 1, ONNX_TYPE_MAP, &none), ORT_FAIL, "num_values MUST be 2");
  EXPECT_FAILS(api().CreateValue(parts, 2, ONNX_TYPE_TENSOR, &none), ORT_FAIL,
               "sequences and maps");
}

class CApiSparse : public ::testing::Test {
 protected:
  Value empty() const {
    return made<Value>(api().CreateSparseTensorAsOrtValue, allocator(), dense_, size_t{2},
                       ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
  }
  // The matrix [[0 5 0] [0 0 6]] as the library holds it for models.
  static void expect_coo(const OrtValue* value, const std::vector<int64_t>& want) {
    size_t count = 0;
    const void* data = nullptr;
    EXPECT_OK(api().GetSparseTensorIndices(value, ORT_SPARSE_COO_INDICES, &count, &data));
    const auto* indices = static_cast<const int64_t*>(data);
    EXPECT_EQ(std::vector<int64_t>(indices, indices + count), want);
  }

  MemoryInfo memory_ = cpu_memory();
  int64_t dense_[2] = {2, 3};
  int64_t count_[1] = {2};
  float values_[2] = {5, 6};
};

TEST_F(CApiSparse, Coo) {
  const Value value = empty();
  const int64_t indices[] = {0, 1, 1, 2};
  EXPECT_OK(api().FillSparseTensorCoo(value.get(), memory_.get(), count_, 1, values_, indices, 4));
  expect_coo(value.get(), {0, 1, 1, 2});
  EXPECT_FAILS(
      api().FillSparseTensorCoo(value.get(), memory_.get(), count_, 1, values_, indices, 4),
      ORT_INVALID_ARGUMENT, "already");
  const int64_t outside[] = {0, 3, 1, 2};
  EXPECT_FAILS(
      api().FillSparseTensorCoo(empty().get(), memory_.get(), count_, 1, values_, outside, 4),
      ORT_INVALID_ARGUMENT, "index 3 is outside");
}

TEST_F(CApiSparse, Csr) {
  const Value value = empty();
  const int64_t inner[] = {1, 2};
  const int64_t outer[] = {0, 1, 2};
  EXPECT_OK(api().FillSparseTensorCsr(value.get(), memory_.get(), count_, 1, values_, inner, 2,
                                      outer, 3));
  OrtSparseFormat format = ORT_SPARSE_UNDEFINED;
  EXPECT_OK(api().GetSparseTensorFormat(value.get(), &format));
  EXPECT_EQ(format, ORT_SPARSE_CSRC);
  size_t count = 0;
  const void* data = nullptr;
  EXPECT_OK(api().GetSparseTensorIndices(value.get(), ORT_SPARSE_CSR_OUTER_INDICES, &count, &data));
  EXPECT_EQ(count, 3);
  EXPECT_FAILS(api().GetSparseTensorIndices(value.get(), ORT_SPARSE_COO_INDICES, &count, &data),
               ORT_INVALID_ARGUMENT, "no indices of format");
}

TEST_F(CApiSparse, CallersMemory) {
  const auto value = made<Value>(api().CreateSparseTensorWithValuesAsOrtValue, memory_.get(),
                                 static_cast<void*>(values_), dense_, size_t{2}, count_, size_t{1},
                                 ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
  int64_t linear[] = {1, 5};
  EXPECT_OK(api().UseCooIndices(value.get(), linear, 2));
  const void* data = nullptr;
  EXPECT_OK(api().GetSparseTensorValues(value.get(), &data));
  EXPECT_EQ(data, values_);
  expect_coo(value.get(), {1, 5});
  int is_sparse = 0;
  EXPECT_OK(api().IsSparseTensor(value.get(), &is_sparse));
  EXPECT_EQ(is_sparse, 1);
}

TEST(CApiMemory, NamesWhatIsThere) {
  const auto info = made<MemoryInfo>(api().CreateMemoryInfo, "WebGPU_Buf", OrtDeviceAllocator, 0,
                                     OrtMemTypeDefault);
  OrtMemoryInfoDeviceType device = OrtMemoryInfoDeviceType_CPU;
  api().MemoryInfoGetDeviceType(info.get(), &device);
  EXPECT_EQ(device, OrtMemoryInfoDeviceType_GPU);
  OrtMemoryInfo* none = nullptr;
  EXPECT_FAILS(api().CreateMemoryInfo("Abacus", OrtDeviceAllocator, 0, OrtMemTypeDefault, &none),
               ORT_INVALID_ARGUMENT, "Specified device is not supported. Try CreateMemoryInfo_V2.");
  float data[1] = {};
  const int64_t shape[] = {1};
  OrtValue* value = nullptr;
  EXPECT_FAILS(api().CreateTensorWithDataAsOrtValue(info.get(), data, 4, shape, 1,
                                                    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value),
               ORT_INVALID_ARGUMENT, "WebGPU_Buf");
}

// A program's own allocator, counting.
struct Counting : OrtAllocator {
  MemoryInfo info =
      made<MemoryInfo>(api().CreateCpuMemoryInfo, OrtDeviceAllocator, OrtMemTypeDefault);
  int held = 0;
  Counting() : OrtAllocator() {
    version = ORT_API_VERSION;
    Alloc = [](OrtAllocator* self, size_t size) {
      ++static_cast<Counting*>(self)->held;
      return std::malloc(size);
    };
    Free = [](OrtAllocator* self, void* memory) {
      --static_cast<Counting*>(self)->held;
      std::free(memory);
    };
    Info = [](const OrtAllocator* self) -> const OrtMemoryInfo* {
      return static_cast<const Counting*>(self)->info.get();
    };
  }
};

TEST(CApiMemory, UsesTheProgramsAllocator) {
  Counting counting;
  const int64_t shape[] = {4};
  {
    const auto value = made<Value>(api().CreateTensorAsOrtValue, &counting, shape, size_t{1},
                                   ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    EXPECT_EQ(counting.held, 1);
    EXPECT_OK(api().FillStringTensorElement(value.get(), "a text that is long enough for heap", 2));
  }
  EXPECT_EQ(counting.held, 0);
  const Env env = make_env();
  EXPECT_OK(api().RegisterAllocator(env.get(), &counting));
  counting.info = cpu_memory();
  EXPECT_FAILS(api().RegisterAllocator(env.get(), &counting), ORT_INVALID_ARGUMENT,
               "Please register the allocator as OrtDeviceAllocator");
  EXPECT_OK(api().UnregisterAllocator(env.get(), counting.info.get()));
}

}  // namespace
}  // namespace sardonyx::capi_tests
