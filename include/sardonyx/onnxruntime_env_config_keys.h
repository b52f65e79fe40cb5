// The names of the entries that CreateEnvWithOptions takes.
#pragma once

// Devices.
static const char* const kOrtEnvAllowVirtualDevices = "allow_virtual_devices";
