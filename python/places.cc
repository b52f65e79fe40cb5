// Where tensors can be, as ONNX Runtime's programs say it: OrtDevice, OrtMemoryInfo, and the enums
// of allocators and memory. A device of another kind can be named; memory on it cannot be had.
#include <algorithm>
#include <array>
#include <cctype>

#include "python/errors.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;

enum class AllocatorType { kInvalid = -1, kDevice = 0, kArena = 1 };
enum class MemType { kCpuInput = -2, kCpuOutput = -1, kDefault = 0 };
enum class MemoryDeviceType { kCpu = 0, kGpu = 1, kFpga = 2, kNpu = 3 };
enum class DeviceMemoryType { kDefault = 0, kHostAccessible = 5 };

struct MemoryInfo {
  std::string name;
  AllocatorType allocator;
  int id;
  MemType type;
  DeviceMemoryType memory = DeviceMemoryType::kDefault;
  int vendor = 0;
};

struct DeviceName {
  const char* name;
  int type;
  int vendor;  // PCI; what the name says of it
};

constexpr DeviceName kCpu{"cpu", 0, 0};
constexpr std::array<DeviceName, 8> kDeviceNames = {{kCpu,
                                                     {"gpu", 1, 0},
                                                     {"fpga", 2, 0},
                                                     {"npu", 3, 0},
                                                     {"cuda", 1, 0x10DE},
                                                     {"dml", 4, 0x1414},
                                                     {"cann", 3, 0x19E5},
                                                     {"webgpu", 1, 0}}};

std::string lower(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::tolower(letter));
  return text;
}

OrtDevice device_named(const std::string& name, int id, int vendor) {
  const std::string wanted = lower(name);
  const auto* found = std::find_if(kDeviceNames.begin(), kDeviceNames.end(),
                                   [&](const DeviceName& each) { return wanted == each.name; });
  if (found == kDeviceNames.end()) {
    raise_error(Code::kInvalidArgument, "Unsupported device type: " + name +
                                            "; the names are cpu, gpu, fpga, npu, cuda, dml, cann "
                                            "and webgpu");
  }
  return {found->type, 0, vendor < 0 ? found->vendor : vendor, id, found->name};
}

const char* name_of_type(int type) {
  for (const DeviceName& each : kDeviceNames) {
    if (each.type == type) return each.name;
  }
  return "unknown";
}

OrtDevice device_from(nb::handle device, int id) {
  if (nb::isinstance<OrtDevice>(device)) return nb::cast<OrtDevice>(device);
  const auto name = nb::cast<std::string>(device);
  return {lower(name) == kCpu.name ? 0 : -1, 0, 0, id, name};
}

void add_enums(nb::module_& module) {
  nb::enum_<AllocatorType>(module, "OrtAllocatorType", nb::is_arithmetic())
      .value("INVALID", AllocatorType::kInvalid)
      .value("ORT_DEVICE_ALLOCATOR", AllocatorType::kDevice)
      .value("ORT_ARENA_ALLOCATOR", AllocatorType::kArena);
  nb::enum_<MemType>(module, "OrtMemType", nb::is_arithmetic())
      .value("CPU_INPUT", MemType::kCpuInput)
      .value("CPU_OUTPUT", MemType::kCpuOutput)
      .value("DEFAULT", MemType::kDefault);
  module.attr("OrtMemType").attr("CPU") = module.attr("OrtMemType").attr("CPU_OUTPUT");
  nb::enum_<MemoryDeviceType>(module, "OrtMemoryInfoDeviceType", nb::is_arithmetic())
      .value("CPU", MemoryDeviceType::kCpu)
      .value("GPU", MemoryDeviceType::kGpu)
      .value("FPGA", MemoryDeviceType::kFpga)
      .value("NPU", MemoryDeviceType::kNpu);
  nb::enum_<DeviceMemoryType>(module, "OrtDeviceMemoryType", nb::is_arithmetic())
      .value("DEFAULT", DeviceMemoryType::kDefault)
      .value("HOST_ACCESSIBLE", DeviceMemoryType::kHostAccessible);
}

void add_device(nb::module_& module) {
  nb::class_<OrtDevice> device(
      module, "OrtDevice", "A place that tensors can be in. Only the CPU's memory is one here.");
  device.def(nb::init<const OrtDevice&>(), "c_ort_device"_a)
      .def(
          "__init__",
          [](OrtDevice* self, int type, int memory, int id) {
            new (self) OrtDevice{type, memory, 0, id, name_of_type(type)};
          },
          "device_type"_a, "memory_type"_a, "device_id"_a)
      .def(
          "__init__",
          [](OrtDevice* self, int type, int memory, int vendor, int id) {
            new (self) OrtDevice{type, memory, vendor, id, name_of_type(type)};
          },
          "device_type"_a, "memory_type"_a, "vendor_id"_a, "device_id"_a)
      .def_static("make", &device_named, "ort_device_name"_a, "device_id"_a, "vendor_id"_a = -1)
      .def_static("default_memory", [] { return 0; });
  for (const DeviceName& each : kDeviceNames) {
    device.def_static(each.name, [type = each.type] { return type; });
  }
  device.def("device_id", [](const OrtDevice& self) { return self.id; })
      .def("device_type", [](const OrtDevice& self) { return self.type; })
      .def("device_vendor_id", [](const OrtDevice& self) { return self.vendor; })
      .def("vendor_id", [](const OrtDevice& self) { return self.vendor; })
      .def("device_mem_type", [](const OrtDevice& self) { return self.memory; })
      .def("mem_type", [](const OrtDevice& self) { return self.memory; })
      .def("_get_c_device", [](nb::object self) { return self; })
      .def("__repr__", [](const OrtDevice& self) {
        return "OrtDevice(name='" + self.name + "', device_id=" + std::to_string(self.id) + ")";
      });
}

MemoryInfo describe_memory(std::string name, MemoryDeviceType type, int vendor, int id,
                           DeviceMemoryType memory, size_t /*alignment*/, AllocatorType allocator) {
  if (type != MemoryDeviceType::kCpu || id != 0) {
    raise_error(Code::kInvalidArgument, "OrtMemoryInfo.create_v2 '" + name +
                                            "': this build has memory of the CPU (device id 0)");
  }
  return {std::move(name), allocator, id, MemType::kDefault, memory, vendor};
}

void add_memory_info(nb::module_& module) {
  nb::class_<MemoryInfo>(module, "OrtMemoryInfo", "A kind of memory, and how it is allocated.")
      .def(
          "__init__",
          [](MemoryInfo* self, const nb::str& name, AllocatorType allocator, int id, MemType type) {
            require_cpu(name, id, "OrtMemoryInfo");
            new (self) MemoryInfo{"Cpu", allocator, id, type};
          },
          "name"_a, "allocator_type"_a, "id"_a, "mem_type"_a)
      .def_static("create_v2", &describe_memory, "name"_a, "device_type"_a, "vendor_id"_a,
                  "device_id"_a, "device_mem_type"_a, "alignment"_a, "allocator_type"_a)
      .def_prop_ro("name", [](const MemoryInfo& self) { return self.name; })
      .def_prop_ro("device_id", [](const MemoryInfo& self) { return self.id; })
      .def_prop_ro("mem_type", [](const MemoryInfo& self) { return self.type; })
      .def_prop_ro("allocator_type", [](const MemoryInfo& self) { return self.allocator; })
      .def_prop_ro("device_mem_type", [](const MemoryInfo& self) { return self.memory; })
      .def_prop_ro("device_vendor_id", [](const MemoryInfo& self) { return self.vendor; });
}

}  // namespace

void require_cpu(nb::handle device, int id, const std::string& what) {
  const OrtDevice wanted = device_from(device, id);
  if (wanted.type == 0 && wanted.id == 0) return;
  raise_error(Code::kInvalidArgument, what + ": there is no device '" + wanted.name + "' with id " +
                                          std::to_string(wanted.id) +
                                          " in this build; the devices are: cpu (id 0)");
}

void add_places(nb::module_& module) {
  add_enums(module);
  add_device(module);
  add_memory_info(module);
}

}  // namespace sardonyx::python
