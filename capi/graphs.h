// Models that the client builds: values, nodes and graphs, each owned by what it was added to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capi/custom_ops.h"
#include "capi/sessions.h"

struct OrtValueInfo {
  std::string name;
  OrtTypeInfo type;
};

struct OrtNode {
  sardonyx::NodeDef node;
  std::vector<std::unique_ptr<OrtOpAttr>> attrs;
  size_t id = 0;
};

struct OrtGraph {
  std::string name = "graph";
  std::vector<std::unique_ptr<OrtValueInfo>> inputs;
  std::vector<std::unique_ptr<OrtValueInfo>> outputs;
  std::vector<std::pair<std::string, std::unique_ptr<OrtValue>>> initializers;
  std::vector<std::unique_ptr<OrtNode>> nodes;
};

struct OrtExternalInitializerInfo {
  std::string path;
  int64_t offset = 0;
  size_t bytes = 0;
};

struct OrtModel {
  std::vector<sardonyx::OpsetImport> opsets;
  std::unique_ptr<OrtGraph> graph;
};

namespace sardonyx::capi {

// Of the models that the client builds.
inline constexpr int64_t kEditorIrVersion = 10;

// The file of a model.
Result<std::string> model_file(const OrtModel& model);

}  // namespace sardonyx::capi
