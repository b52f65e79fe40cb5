// Families of the table that are not here yet.
#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {

void add_sparse(OrtApi& api) {
  MISSING(IsSparseTensor);
  MISSING(CreateSparseTensorAsOrtValue);
  MISSING(FillSparseTensorCoo);
  MISSING(FillSparseTensorCsr);
  MISSING(FillSparseTensorBlockSparse);
  MISSING(CreateSparseTensorWithValuesAsOrtValue);
  MISSING(UseCooIndices);
  MISSING(UseCsrIndices);
  MISSING(UseBlockSparseIndices);
  MISSING(GetSparseTensorFormat);
  MISSING(GetSparseTensorValuesTypeAndShape);
  MISSING(GetSparseTensorValues);
  MISSING(GetSparseTensorIndicesTypeShape);
  MISSING(GetSparseTensorIndices);
}

void add_custom_ops(OrtApi& api) {
  MISSING(CreateCustomOpDomain);
  MISSING(CustomOpDomain_Add);
  MISSING(AddCustomOpDomain);
  MISSING(RegisterCustomOpsLibrary);
  MISSING(ReleaseCustomOpDomain);
  MISSING(EnableOrtCustomOps);
  MISSING(RegisterCustomOpsLibrary_V2);
  MISSING(RegisterCustomOpsUsingFunction);
}

void add_kernel_info(OrtApi& api) {
  MISSING(KernelInfoGetAttribute_float);
  MISSING(KernelInfoGetAttribute_int64);
  MISSING(KernelInfoGetAttribute_string);
  MISSING(KernelInfoGetAttributeArray_float);
  MISSING(KernelInfoGetAttributeArray_int64);
  MISSING(CopyKernelInfo);
  MISSING(ReleaseKernelInfo);
  MISSING(KernelInfo_GetInputCount);
  MISSING(KernelInfo_GetOutputCount);
  MISSING(KernelInfo_GetInputName);
  MISSING(KernelInfo_GetOutputName);
  MISSING(KernelInfo_GetInputTypeInfo);
  MISSING(KernelInfo_GetOutputTypeInfo);
  MISSING(KernelInfoGetAttribute_tensor);
  MISSING(KernelInfo_GetNodeName);
  MISSING(KernelInfo_GetLogger);
  MISSING(KernelInfoGetConstantInput_tensor);
  MISSING(KernelInfoGetAllocator);
  MISSING(KernelInfo_GetConfigEntries);
  MISSING(KernelInfo_GetOperatorDomain);
  MISSING(KernelInfo_GetOperatorType);
  MISSING(KernelInfo_GetOperatorSinceVersion);
  MISSING(KernelInfoGetAttributeArray_string);
}

void add_kernel_context(OrtApi& api) {
  MISSING(KernelContext_GetInputCount);
  MISSING(KernelContext_GetOutputCount);
  MISSING(KernelContext_GetInput);
  MISSING(KernelContext_GetOutput);
  MISSING(KernelContext_GetGPUComputeStream);
  MISSING(KernelContext_GetLogger);
  MISSING(KernelContext_GetAllocator);
  MISSING(KernelContext_GetResource);
  MISSING(ShapeInferContext_GetInputCount);
  MISSING(ShapeInferContext_GetInputTypeShape);
  MISSING(ShapeInferContext_GetAttribute);
  MISSING(ShapeInferContext_SetOutputTypeShape);
  MISSING(KernelContext_ParallelFor);
  MISSING(KernelContext_GetScratchBuffer);
  MISSING(KernelContext_GetSyncStream);
  MISSING(KernelContext_GetPreallocatedOutput);
}

void add_op_attrs(OrtApi& api) {
  MISSING(CreateOpAttr);
  MISSING(ReleaseOpAttr);
  MISSING(CreateOp);
  MISSING(InvokeOp);
  MISSING(ReleaseOp);
  MISSING(ReadOpAttr);
  MISSING(OpAttr_GetTensorAttributeAsOrtValue);
  MISSING(OpAttr_GetType);
  MISSING(OpAttr_GetName);
}

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
