// A model with one input and one output, both float tensors, through ONNX Runtime's C API.
#pragma once

#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  const OrtApi* api;
  OrtEnv* env;
  OrtSession* session;
  OrtAllocator* allocator;
  OrtMemoryInfo* memory;
  char* input_name;
  char* output_name;
  size_t output_count;  // elements of the output
} Model;

static const int64_t input_shape[] = {1, 3, 224, 224};
enum { kInputCount = 3 * 224 * 224 };

static inline void check(const OrtApi* api, OrtStatus* status) {
  if (status == NULL) return;
  fprintf(stderr, "error: %s\n", api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  exit(1);
}

static inline size_t count_output(const Model* model) {
  OrtTypeInfo* type = NULL;
  const OrtTensorTypeAndShapeInfo* shape = NULL;
  size_t count = 0;
  check(model->api, model->api->SessionGetOutputTypeInfo(model->session, 0, &type));
  check(model->api, model->api->CastTypeInfoToTensorInfo(type, &shape));
  check(model->api, model->api->GetTensorShapeElementCount(shape, &count));
  model->api->ReleaseTypeInfo(type);
  return count;
}

static inline Model load_model(const char* path) {
  Model model = {.api = OrtGetApiBase()->GetApi(ORT_API_VERSION)};
  const OrtApi* api = model.api;
  check(api, api->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "example", &model.env));
  OrtSessionOptions* options = NULL;
  check(api, api->CreateSessionOptions(&options));
  check(api, api->CreateSession(model.env, path, options, &model.session));
  api->ReleaseSessionOptions(options);
  check(api, api->GetAllocatorWithDefaultOptions(&model.allocator));
  check(api, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &model.memory));
  check(api, api->SessionGetInputName(model.session, 0, model.allocator, &model.input_name));
  check(api, api->SessionGetOutputName(model.session, 0, model.allocator, &model.output_name));
  model.output_count = count_output(&model);
  return model;
}

// A tensor over memory of the caller's.
static inline OrtValue* wrap_floats(const Model* model, float* data, size_t count,
                                    const int64_t* shape, size_t rank) {
  OrtValue* value = NULL;
  check(model->api, model->api->CreateTensorWithDataAsOrtValue(
                        model->memory, data, count * sizeof(float), shape, rank,
                        ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
  return value;
}

static inline void release_model(Model* model) {
  check(model->api, model->api->AllocatorFree(model->allocator, model->input_name));
  check(model->api, model->api->AllocatorFree(model->allocator, model->output_name));
  model->api->ReleaseMemoryInfo(model->memory);
  model->api->ReleaseSession(model->session);
  model->api->ReleaseEnv(model->env);
}
