// Families of the table that are not here yet.
#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {

void add_graphs(OrtApi& api) {
  MISSING(ReleaseValueInfo);
  MISSING(ReleaseNode);
  MISSING(ReleaseGraph);
  MISSING(ReleaseModel);
  MISSING(GetValueInfoName);
  MISSING(GetValueInfoTypeInfo);
  MISSING(ValueInfo_GetValueProducer);
  MISSING(ValueInfo_GetValueNumConsumers);
  MISSING(ValueInfo_GetValueConsumers);
  MISSING(ValueInfo_GetInitializerValue);
  MISSING(ValueInfo_GetExternalInitializerInfo);
  MISSING(ValueInfo_IsRequiredGraphInput);
  MISSING(ValueInfo_IsOptionalGraphInput);
  MISSING(ValueInfo_IsGraphOutput);
  MISSING(ValueInfo_IsConstantInitializer);
  MISSING(ValueInfo_IsFromOuterScope);
  MISSING(Graph_GetName);
  MISSING(Graph_GetModelPath);
  MISSING(Graph_GetOnnxIRVersion);
  MISSING(Graph_GetNumOperatorSets);
  MISSING(Graph_GetOperatorSets);
  MISSING(Graph_GetNumInputs);
  MISSING(Graph_GetInputs);
  MISSING(Graph_GetNumOutputs);
  MISSING(Graph_GetOutputs);
  MISSING(Graph_GetNumInitializers);
  MISSING(Graph_GetInitializers);
  MISSING(Graph_GetNumNodes);
  MISSING(Graph_GetNodes);
  MISSING(Graph_GetParentNode);
  MISSING(Graph_GetGraphView);
  MISSING(Node_GetId);
  MISSING(Node_GetName);
  MISSING(Node_GetOperatorType);
  MISSING(Node_GetDomain);
  MISSING(Node_GetSinceVersion);
  MISSING(Node_GetNumInputs);
  MISSING(Node_GetInputs);
  MISSING(Node_GetNumOutputs);
  MISSING(Node_GetOutputs);
  MISSING(Node_GetNumImplicitInputs);
  MISSING(Node_GetImplicitInputs);
  MISSING(Node_GetNumAttributes);
  MISSING(Node_GetAttributes);
  MISSING(Node_GetAttributeByName);
  MISSING(Node_GetNumSubgraphs);
  MISSING(Node_GetSubgraphs);
  MISSING(Node_GetGraph);
  MISSING(Node_GetEpName);
  MISSING(ReleaseExternalInitializerInfo);
  MISSING(ExternalInitializerInfo_GetFilePath);
  MISSING(ExternalInitializerInfo_GetFileOffset);
  MISSING(ExternalInitializerInfo_GetByteSize);
  MISSING(Graph_GetModelMetadata);
  MISSING(CreateExternalInitializerInfo);
}

const OrtModelEditorApi& model_editor_table() {
  static const OrtModelEditorApi table = [] {
    OrtModelEditorApi api{};
    MISSING(CreateTensorTypeInfo);
    MISSING(CreateSparseTensorTypeInfo);
    MISSING(CreateMapTypeInfo);
    MISSING(CreateSequenceTypeInfo);
    MISSING(CreateOptionalTypeInfo);
    MISSING(CreateValueInfo);
    MISSING(CreateNode);
    MISSING(CreateGraph);
    MISSING(SetGraphInputs);
    MISSING(SetGraphOutputs);
    MISSING(AddInitializerToGraph);
    MISSING(AddNodeToGraph);
    MISSING(CreateModel);
    MISSING(AddGraphToModel);
    MISSING(CreateSessionFromModel);
    MISSING(CreateModelEditorSession);
    MISSING(CreateModelEditorSessionFromArray);
    MISSING(SessionGetOpsetForDomain);
    MISSING(ApplyModelToModelEditorSession);
    MISSING(FinalizeModelEditorSession);
    return api;
  }();
  return table;
}

const OrtCompileApi& compile_table() {
  static const OrtCompileApi table = [] {
    OrtCompileApi api{};
    MISSING(ReleaseModelCompilationOptions);
    MISSING(CreateModelCompilationOptionsFromSessionOptions);
    MISSING(ModelCompilationOptions_SetInputModelPath);
    MISSING(ModelCompilationOptions_SetInputModelFromBuffer);
    MISSING(ModelCompilationOptions_SetOutputModelPath);
    MISSING(ModelCompilationOptions_SetOutputModelExternalInitializersFile);
    MISSING(ModelCompilationOptions_SetOutputModelBuffer);
    MISSING(ModelCompilationOptions_SetEpContextEmbedMode);
    MISSING(CompileModel);
    MISSING(ModelCompilationOptions_SetFlags);
    MISSING(ModelCompilationOptions_SetEpContextBinaryInformation);
    MISSING(ModelCompilationOptions_SetGraphOptimizationLevel);
    MISSING(ModelCompilationOptions_SetOutputModelWriteFunc);
    MISSING(ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc);
    MISSING(ModelCompilationOptions_SetInputModel);
    MISSING(ModelCompilationOptions_SetWeightlessEnabled);
    return api;
  }();
  return table;
}

}  // namespace sardonyx::capi
