// The devices of this machine: its processor.
#pragma once

#include "base/result.h"
#include "capi/handles.h"

struct OrtHardwareDevice {
  OrtHardwareDeviceType type = OrtHardwareDeviceType_CPU;
  uint32_t vendor_id = 0;
  std::string vendor;
  uint32_t device_id = 0;
  OrtKeyValuePairs metadata;
};

struct OrtEpDevice {
  std::string provider = "CPUExecutionProvider";
  std::string vendor = "Sardonyx";
  OrtKeyValuePairs metadata;
  OrtKeyValuePairs options;
  const OrtHardwareDevice* device = nullptr;
  OrtMemoryInfo memory;
};

namespace sardonyx::capi {

const OrtHardwareDevice& cpu_hardware();
const OrtEpDevice& cpu_device();

// Shows the devices to the function that the client has for it, and checks what it selects.
Result<void> let_select(const OrtSessionOptions& options);

}  // namespace sardonyx::capi
