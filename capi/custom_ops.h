// Custom operators that are written against the C API: what their functions are shown of a node,
// and how they become operators of the library.
#pragma once

#include <span>

#include "base/result.h"
#include "capi/handles.h"
#include "model/model.h"

struct OrtOpAttr {
  sardonyx::AttrDef attr;
};

struct OrtKernelInfo {
  sardonyx::CustomNode node;
  std::vector<sardonyx::ArgInfo> outputs;
  std::vector<std::shared_ptr<OrtValue>> constants;  // parallel to node.inputs, null: not known
  OrtLogger logger;
  std::map<std::string, std::string> config;
  std::shared_ptr<sardonyx::ThreadPool> pool;  // of the session
  int since_version = 1;
};

struct OrtKernelContext {
  const OrtKernelInfo* info = nullptr;
  std::vector<OrtValue> inputs;
  mutable std::vector<std::unique_ptr<OrtValue>> outputs;  // null: not computed yet
  mutable std::vector<std::shared_ptr<void>> scratch;      // until the end of the call
};

struct OrtShapeInferContext {
  const sardonyx::CustomNode* node = nullptr;
  std::vector<OrtTensorTypeAndShapeInfo> inputs;
  mutable std::vector<sardonyx::ArgInfo> outputs;
  std::map<std::string, OrtOpAttr> attrs;
};

namespace sardonyx::capi {

// The operators of the domains, for a session with this pool and this logger.
Result<std::vector<std::shared_ptr<const CustomOp>>> custom_ops_of(
    const OrtSessionOptions& options, const std::shared_ptr<ThreadPool>& pool,
    const OrtLogger& logger);

Result<AttrDef> attr_def(const std::string& name, const CustomAttr& attr);

}  // namespace sardonyx::capi
