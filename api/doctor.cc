// What the library finds on a machine, and what is in it; see examine_machine in api/inspect.h.
#include <fmt/core.h>
#include <hwy/highway.h>
#include <protozero/version.hpp>
#include <tl/expected.hpp>

#include "api/inspect.h"
#include "base/cpu_features.h"
#include "base/thread_pool.h"
#include "cpu/tier.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

std::vector<std::string> feature_names(const CpuFeatures& cpu) {
  std::vector<std::string> names;
  const auto add = [&](bool present, const char* name) {
    if (present) names.emplace_back(name);
  };
  add(cpu.sse4, "SSE4.2");
  add(cpu.avx2, "AVX2");
  add(cpu.avx512, "AVX-512");
  add(cpu.avx_vnni, "AVX-VNNI");
  add(cpu.avx512_vnni, "AVX-512 VNNI");
  add(cpu.avx512_bf16, "AVX-512 BF16");
  add(cpu.amx_bf16, "AMX BF16");
  add(cpu.amx_int8, "AMX INT8");
  add(cpu.neon, "NEON");
  add(cpu.neon_dotprod, "NEON dot product");
  return names;
}

std::string compiler_name() {
#if defined(__clang__)
  return fmt::format("clang {}.{}", __clang_major__, __clang_minor__);
#elif defined(__GNUC__)
  return fmt::format("g++ {}.{}", __GNUC__, __GNUC_MINOR__);
#else
  return "unknown";
#endif
}

}  // namespace

DoctorReport examine_machine() {
  const CpuFeatures& cpu = cpu_features();
  const CoreLimits limits = core_limits();
  DoctorReport report;
  report.version = version();
  report.cpu_model = cpu.brand;
  report.features = feature_names(cpu);
  const std::vector<Tier> tiers = available_tiers();
  for (auto tier = tiers.rbegin(); tier != tiers.rend(); ++tier) {
    report.tiers.emplace_back(tier_name(*tier));
  }
  report.tier = tier_name(best_tier());
  report.logical_cores = limits.logical;
  report.physical_cores = limits.physical;
  report.affinity_cores = limits.affinity;
  report.cgroup_cores = limits.quota;
  report.threads = default_thread_count();
  report.libraries = {
      {"highway", fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH)},
      {"protozero", PROTOZERO_VERSION_STRING},
      {"fmt",
       fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"expected", fmt::format("{}.{}.{}", TL_EXPECTED_VERSION_MAJOR, TL_EXPECTED_VERSION_MINOR,
                               TL_EXPECTED_VERSION_PATCH)},
      {"compiler", compiler_name()},
      {"operators", std::to_string(all_ops().size())},
  };
  return report;
}

}  // namespace sardonyx
