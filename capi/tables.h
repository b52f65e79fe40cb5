// The families of entries, each of which fills its part of the table. One file per family.
#pragma once

#include "sardonyx/onnxruntime_c_api.h"

namespace sardonyx::capi {

void add_status(OrtApi& api);
void add_environment(OrtApi& api);
void add_threads(OrtApi& api);
void add_session_options(OrtApi& api);
void add_option_files(OrtApi& api);
void add_providers(OrtApi& api);
void add_sessions(OrtApi& api);
void add_runs(OrtApi& api);
void add_bindings(OrtApi& api);
void add_types(OrtApi& api);
void add_tensors(OrtApi& api);
void add_strings(OrtApi& api);
void add_containers(OrtApi& api);
void add_sparse(OrtApi& api);
void add_memory(OrtApi& api);
void add_allocators(OrtApi& api);
void add_metadata(OrtApi& api);
void add_devices(OrtApi& api);
void add_compatibility(OrtApi& api);
void add_key_values(OrtApi& api);
void add_custom_ops(OrtApi& api);
void add_kernel_info(OrtApi& api);
void add_kernel_context(OrtApi& api);
void add_op_attrs(OrtApi& api);
void add_op_calls(OrtApi& api);
void add_graphs(OrtApi& api);

const OrtApi& table();
// What OrtGetApiBase gives.
const OrtApiBase& api_base();
OrtStatus* append_cpu(OrtSessionOptions* options, int use_arena) noexcept;
const OrtModelEditorApi& model_editor_table();
const OrtCompileApi& compile_table();
const OrtInteropApi& interop_table();
const OrtEpApi& ep_table();

}  // namespace sardonyx::capi
