/* A program in C, linked with -lonnxruntime: loads the model named by its argument, which computes
 * z = (x + y) * 2, looks at it and runs it. Exits with 0 when everything was as it should be. */
#include <onnxruntime_c_api.h>
#include <stdio.h>

static const OrtApi* api;

static void check(OrtStatus* status, const char* what) {
  if (status == NULL) return;
  fprintf(stderr, "%s: %s\n", what, api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  exit(1);
}
#define CHECK(call) check(api->call, #call)

static OrtValue* make_input(const OrtMemoryInfo* memory, float* data) {
  const int64_t shape[] = {2, 2};
  OrtValue* value = NULL;
  CHECK(CreateTensorWithDataAsOrtValue(memory, data, 4 * sizeof(float), shape, 2,
                                       ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
  return value;
}

static int wrong_results(OrtValue* output, const float* want) {
  float* got = NULL;
  CHECK(GetTensorMutableData(output, (void**)&got));
  for (int i = 0; i < 4; ++i) {
    if (got[i] != want[i]) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (api == NULL) return 3;

  OrtEnv* env = NULL;
  OrtSessionOptions* options = NULL;
  OrtSession* session = NULL;
  OrtMemoryInfo* memory = NULL;
  CHECK(CreateEnv(ORT_LOGGING_LEVEL_WARNING, "c_client", &env));
  CHECK(CreateSessionOptions(&options));
  CHECK(SetIntraOpNumThreads(options, 1));
  CHECK(CreateSession(env, argv[1], options, &session));
  CHECK(CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));

  size_t inputs = 0;
  OrtAllocator* allocator = NULL;
  char* name = NULL;
  CHECK(SessionGetInputCount(session, &inputs));
  CHECK(GetAllocatorWithDefaultOptions(&allocator));
  CHECK(SessionGetInputName(session, 1, allocator, &name));
  if (inputs != 2 || strcmp(name, "y") != 0) return 4;
  CHECK(AllocatorFree(allocator, name));

  float x[] = {1, 2, 3, 4};
  float y[] = {10, 20, 30, 40};
  const float want[] = {22, 44, 66, 88};
  const char* input_names[] = {"x", "y"};
  const char* output_names[] = {"z"};
  OrtValue* values[] = {make_input(memory, x), make_input(memory, y)};
  OrtValue* output = NULL;
  CHECK(Run(session, NULL, input_names, (const OrtValue* const*)values, 2, output_names, 1,
            &output));
  const int result = wrong_results(output, want) ? 5 : 0;

  api->ReleaseValue(output);
  api->ReleaseValue(values[0]);
  api->ReleaseValue(values[1]);
  api->ReleaseMemoryInfo(memory);
  api->ReleaseSession(session);
  api->ReleaseSessionOptions(options);
  api->ReleaseEnv(env);
  return result;
}
