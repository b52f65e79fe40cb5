// IoBinding: inputs and outputs that stay bound over runs.
#include <algorithm>
#include <string_view>

#include "capi/door.h"
#include "capi/memory.h"
#include "capi/runs.h"
#include "capi/tables.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

Result<void> CreateIoBinding(OrtSession* session, OrtIoBinding** out) {
  REQUIRE(session, out);
  *out = new OrtIoBinding{session->loaded, {}, {}};
  return {};
}

bool takes_input(const Session& session, std::string_view name) {
  const auto is_named = [&](const ArgInfo& info) { return info.name == name; };
  return std::ranges::any_of(session.inputs(), is_named) ||
         std::ranges::any_of(session.overridable_initializers(), is_named);
}

Result<void> BindInput(OrtIoBinding* binding, const char* name, const OrtValue* value) {
  REQUIRE(binding, name, value);
  if (!takes_input(binding->loaded->session, name)) {
    return fail(Code::kFail, "Failed to find input name in the mapping: {}", name);
  }
  for (NamedValue& input : binding->inputs) {
    if (input.name != name) continue;
    input.value = value->value;
    return {};
  }
  binding->inputs.push_back({name, value->value});
  return {};
}

OrtIoBinding::Output& output_named(OrtIoBinding& binding, const char* name) {
  for (OrtIoBinding::Output& output : binding.outputs) {
    if (output.name == name) return output;
  }
  return binding.outputs.emplace_back(OrtIoBinding::Output{name, Value(), false});
}

Result<void> BindOutput(OrtIoBinding* binding, const char* name, const OrtValue* value) {
  REQUIRE(binding, name, value);
  OrtIoBinding::Output& output = output_named(*binding, name);
  output.value = value->value;
  output.is_bound = true;
  return {};
}

Result<void> BindOutputToDevice(OrtIoBinding* binding, const char* name,
                                const OrtMemoryInfo* info) {
  REQUIRE(binding, name, info);
  TRY(check_cpu(*info, __func__));
  OrtIoBinding::Output& output = output_named(*binding, name);
  output.value = Value();
  output.is_bound = false;
  return {};
}

Result<void> RunWithBinding(OrtSession* session, const OrtRunOptions* options,
                            const OrtIoBinding* binding) {
  REQUIRE(session, binding);
  TRY(check_ready(*session));
  if (binding->outputs.empty()) {
    return fail(Code::kInvalidArgument, "At least one output should be requested.");
  }
  // The table says const, and yet the outputs are where the results go.
  auto& outputs = const_cast<OrtIoBinding*>(binding)->outputs;
  std::vector<NamedRef> inputs;
  for (const NamedValue& input : binding->inputs) inputs.push_back({input.name, &input.value});
  std::vector<Value> values(outputs.size());
  std::vector<ResultRef> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].is_bound) values[i] = outputs[i].value;
    results.push_back({outputs[i].name, &values[i]});
  }
  TRY(run_loaded(*session->loaded, options, inputs, results));
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].value = std::move(values[i]);
  return {};
}

// All names one after the other, without ends, and the length of each.
Result<void> GetBoundOutputNames(const OrtIoBinding* binding, OrtAllocator* allocator, char** names,
                                 size_t** lengths, size_t* count) {
  REQUIRE(binding, allocator, names, lengths, count);
  *names = nullptr;
  *lengths = nullptr;
  *count = binding->outputs.size();
  if (*count == 0) return {};
  std::string all;
  for (const OrtIoBinding::Output& output : binding->outputs) all += output.name;
  void* text = allocator->Alloc(allocator, std::max<size_t>(all.size(), 1));
  void* sizes = text != nullptr ? allocator->Alloc(allocator, *count * sizeof(size_t)) : nullptr;
  if (sizes == nullptr) {
    if (text != nullptr) allocator->Free(allocator, text);
    return fail(Code::kFail, "the allocator cannot give {} bytes", all.size());
  }
  *names = static_cast<char*>(text);
  *lengths = static_cast<size_t*>(sizes);
  std::copy(all.begin(), all.end(), *names);
  for (size_t i = 0; i < *count; ++i) (*lengths)[i] = binding->outputs[i].name.size();
  return {};
}

Result<void> GetBoundOutputValues(const OrtIoBinding* binding, OrtAllocator* allocator,
                                  OrtValue*** values, size_t* count) {
  REQUIRE(binding, allocator, values, count);
  *values = nullptr;
  *count = binding->outputs.size();
  if (*count == 0) return {};
  void* memory = allocator->Alloc(allocator, *count * sizeof(OrtValue*));
  if (memory == nullptr) {
    return fail(Code::kFail, "the allocator cannot give {} pointers", *count);
  }
  *values = static_cast<OrtValue**>(memory);
  for (size_t i = 0; i < *count; ++i) (*values)[i] = make_value(binding->outputs[i].value);
  return {};
}

void ORT_API_CALL ClearBoundInputs(OrtIoBinding* binding) noexcept {
  if (binding != nullptr) binding->inputs.clear();
}

void ORT_API_CALL ClearBoundOutputs(OrtIoBinding* binding) noexcept {
  if (binding != nullptr) binding->outputs.clear();
}

// Memory of the CPU is always in step.
Result<void> SynchronizeBound(OrtIoBinding* binding) {
  REQUIRE(binding);
  return {};
}

}  // namespace

void add_bindings(OrtApi& api) {
  DOOR(CreateIoBinding);
  api.ReleaseIoBinding = &release<OrtIoBinding>;
  DOOR(BindInput);
  DOOR(BindOutput);
  DOOR(BindOutputToDevice);
  DOOR(RunWithBinding);
  DOOR(GetBoundOutputNames);
  DOOR(GetBoundOutputValues);
  PLAIN(ClearBoundInputs);
  PLAIN(ClearBoundOutputs);
  api.SynchronizeBoundInputs = door<&SynchronizeBound>;
  api.SynchronizeBoundOutputs = door<&SynchronizeBound>;
}

}  // namespace sardonyx::capi
