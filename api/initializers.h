// Reads a model whose initializers the caller replaces. Entry point: read_with_initializers.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "model/read_model.h"

namespace sardonyx {

using ReadModel = std::function<Result<Model>(const ReadOptions&)>;

// read(options) with the named initializers of the main graph replaced by tensors of the same dtype
// and shape; it is an error when the model has no initializer of a name that is not optional.
// External data is read only when some that is not replaced needs it.
Result<Model> read_with_initializers(ReadOptions options,
                                     const std::map<std::string, Tensor>& initializers,
                                     const std::set<std::string>& optional, const ReadModel& read);

}  // namespace sardonyx
