// PNG and JPEG files to pixels, and pixels to the tensor that a model takes.
// Entry points: read_picture, picture_tensor.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sardonyx/sardonyx.h"

namespace sardonyx::cli {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;  // rows from the top, 3 bytes per pixel
};

bool is_picture(const std::filesystem::path& path);  // by its extension

// Grey and palette pictures become RGB, transparency is laid over black.
Result<Picture> read_picture(const std::filesystem::path& path);

struct PictureOptions {
  bool resize = false;                    // to the model's height and width, bilinear
  std::vector<float> mean;                // per channel, subtracted after scaling to 0..1
  std::vector<float> standard_deviation;  // per channel, divided by
};

// The layout is read off the declared dims: channels (1, 3) in axis 1 is NCHW, in the last axis
// NHWC; rank 3 without the batch. float inputs get 0..1, uint8 inputs 0..255. Fails when the
// picture does not fit and resize is off.
Result<Tensor> picture_tensor(const Picture& picture, const ArgInfo& input,
                              const PictureOptions& options);

}  // namespace sardonyx::cli
