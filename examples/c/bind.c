// bind MODEL: runs ten times into one output of its own, and prints the output's first values.
#include "model.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: bind MODEL\n");
    return 2;
  }
  Model model = load_model(argv[1]);
  const OrtApi* api = model.api;

  static float image[kInputCount];
  for (int i = 0; i < kInputCount; ++i) image[i] = (float)(i % 256) / 255;
  float* scores = calloc(model.output_count, sizeof(float));
  const int64_t output_shape[] = {1, (int64_t)model.output_count};
  OrtValue* input = wrap_floats(&model, image, kInputCount, input_shape, 4);
  OrtValue* output = wrap_floats(&model, scores, model.output_count, output_shape, 2);

  OrtIoBinding* binding = NULL;
  check(api, api->CreateIoBinding(model.session, &binding));
  check(api, api->BindInput(binding, model.input_name, input));
  check(api, api->BindOutput(binding, model.output_name, output));
  for (int run = 0; run < 10; ++run) check(api, api->RunWithBinding(model.session, NULL, binding));

  for (int i = 0; i < 5; ++i) printf("%.9g%c", scores[i], i < 4 ? ' ' : '\n');
  api->ReleaseIoBinding(binding);
  api->ReleaseValue(output);
  api->ReleaseValue(input);
  release_model(&model);
  free(scores);
  return 0;
}
