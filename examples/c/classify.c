// classify MODEL PICTURE.ppm: prints the five best classes, `index score`.
#include "model.h"

static void read_picture(const char* path, float* image) {
  static const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
  static unsigned char pixels[kInputCount];
  FILE* file = fopen(path, "rb");
  int width = 0, height = 0;
  if (file == NULL || fscanf(file, "P6 %d %d 255", &width, &height) != 2 || fgetc(file) == EOF ||
      width != 224 || height != 224 || fread(pixels, 1, kInputCount, file) != kInputCount) {
    fprintf(stderr, "error: %s is no P6 picture of 224 by 224\n", path);
    exit(1);
  }
  fclose(file);
  for (int i = 0; i < kInputCount; ++i) {
    const int channel = i % 3, pixel = i / 3;
    const float value = (float)pixels[i] / 255;
    image[channel * 224 * 224 + pixel] = (value - mean[channel]) / deviation[channel];
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: classify MODEL PICTURE.ppm\n");
    return 2;
  }
  static float image[kInputCount];
  read_picture(argv[2], image);
  Model model = load_model(argv[1]);
  const OrtApi* api = model.api;

  OrtValue* input = wrap_floats(&model, image, kInputCount, input_shape, 4);
  OrtValue* output = NULL;  // the library allocates it
  check(api, api->Run(model.session, NULL, (const char* const*)&model.input_name,
                      (const OrtValue* const*)&input, 1, (const char* const*)&model.output_name, 1,
                      &output));

  float* scores = NULL;
  check(api, api->GetTensorMutableData(output, (void**)&scores));
  for (int line = 0; line < 5; ++line) {
    size_t best = 0;
    for (size_t i = 1; i < model.output_count; ++i) {
      if (scores[i] > scores[best]) best = i;
    }
    printf("%zu %.6f\n", best, scores[best]);
    scores[best] = -1;
  }
  api->ReleaseValue(output);
  api->ReleaseValue(input);
  release_model(&model);
  return 0;
}
