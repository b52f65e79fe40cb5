// Reads a model whose initializers the caller replaces. Entry point: read_with_initializers.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "model/read_model.h"

namespace sardonyx {

using ReadModel = std::function<Result<Model>(const ReadOptions&)>;

// read(options) with the named initializers of the main graph replaced by tensors of the same dtype
// and shape. External data is read only when some that is not replaced needs it.
Result<Model> read_with_initializers(ReadOptions options,
                                     const std::map<std::string, Tensor>& initializers,
                                     const ReadModel& read);

}  // namespace sardonyx
