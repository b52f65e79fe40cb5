/* A library of custom operators, as its authors write it in C: domain "tests", operator Scale, which
 * multiplies floats by the attribute `by`. */
#include <onnxruntime_c_api.h>

static const OrtApi* api;

struct Kernel {
  float by;
};

static OrtStatus* create_kernel(const OrtCustomOp* op, const OrtApi* given, const OrtKernelInfo* info,
                                void** out) {
  (void)op;
  struct Kernel* kernel = malloc(sizeof(*kernel));
  OrtStatus* status = given->KernelInfoGetAttribute_float(info, "by", &kernel->by);
  if (status != NULL) {
    free(kernel);
    return status;
  }
  *out = kernel;
  return NULL;
}

static OrtStatus* scale(const struct Kernel* kernel, OrtKernelContext* context,
                        OrtTensorTypeAndShapeInfo* info, const OrtValue* input) {
  size_t rank = 0;
  size_t count = 0;
  int64_t dims[8];
  OrtStatus* status = api->GetDimensionsCount(info, &rank);
  if (status == NULL && rank > 8) return api->CreateStatus(ORT_FAIL, "Scale: too many dims");
  if (status == NULL) status = api->GetDimensions(info, dims, rank);
  if (status == NULL) status = api->GetTensorShapeElementCount(info, &count);
  OrtValue* output = NULL;
  if (status == NULL) status = api->KernelContext_GetOutput(context, 0, dims, rank, &output);
  const void* x = NULL;
  void* y = NULL;
  if (status == NULL) status = api->GetTensorData(input, &x);
  if (status == NULL) status = api->GetTensorMutableData(output, &y);
  if (status != NULL) return status;
  for (size_t i = 0; i < count; ++i) ((float*)y)[i] = ((const float*)x)[i] * kernel->by;
  return NULL;
}

static OrtStatus* compute(void* kernel, OrtKernelContext* context) {
  const OrtValue* input = NULL;
  OrtTensorTypeAndShapeInfo* info = NULL;
  OrtStatus* status = api->KernelContext_GetInput(context, 0, &input);
  if (status == NULL) status = api->GetTensorTypeAndShape(input, &info);
  if (status == NULL) status = scale(kernel, context, info, input);
  api->ReleaseTensorTypeAndShapeInfo(info);
  return status;
}

static OrtStatus* infer_shape(const OrtCustomOp* op, OrtShapeInferContext* context) {
  (void)op;
  OrtTensorTypeAndShapeInfo* info = NULL;
  OrtStatus* status = api->ShapeInferContext_GetInputTypeShape(context, 0, &info);
  if (status == NULL) status = api->ShapeInferContext_SetOutputTypeShape(context, 0, info);
  return status;
}

static const char* name(const OrtCustomOp* op) { return (void)op, "Scale"; }
static const char* provider(const OrtCustomOp* op) { return (void)op, NULL; }
static size_t one(const OrtCustomOp* op) { return (void)op, 1; }
static ONNXTensorElementDataType type(const OrtCustomOp* op, size_t index) {
  (void)op, (void)index;
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}
static void destroy(void* kernel) { free(kernel); }

static OrtCustomOp scale_op = {.version = ORT_API_VERSION,
                               .GetName = name,
                               .GetExecutionProviderType = provider,
                               .GetInputType = type,
                               .GetInputTypeCount = one,
                               .GetOutputType = type,
                               .GetOutputTypeCount = one,
                               .KernelDestroy = destroy,
                               .CreateKernelV2 = create_kernel,
                               .KernelComputeV2 = compute,
                               .InferOutputShapeFn = infer_shape};

ORT_EXPORT OrtStatus* ORT_API_CALL RegisterCustomOps(OrtSessionOptions* options,
                                                     const OrtApiBase* base);
OrtStatus* ORT_API_CALL RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  api = base->GetApi(ORT_API_VERSION);
  static OrtCustomOpDomain* domain;
  if (domain == NULL) {
    OrtStatus* status = api->CreateCustomOpDomain("tests", &domain);
    if (status == NULL) status = api->CustomOpDomain_Add(domain, &scale_op);
    if (status != NULL) return status;
  }
  return api->AddCustomOpDomain(options, domain);
}
