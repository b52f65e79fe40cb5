#include "cpu/tier.h"

#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/cpu_features.h"
#include "hwy/detect_targets.h"

namespace sardonyx {
namespace {

constexpr std::array<std::pair<Tier, std::string_view>, 6> kTierNames = {{
    {Tier::kSse4, "sse4"},
    {Tier::kAvx2, "avx2"},
    {Tier::kAvx512, "avx512"},
    {Tier::kAmx, "amx"},
    {Tier::kAmxF32, "amx_f32"},
    {Tier::kNeon, "neon"},
}};

std::string list_tiers(const std::vector<Tier>& tiers) {
  std::string text;
  for (Tier tier : tiers) {
    if (!text.empty()) text += ", ";
    text += tier_name(tier);
  }
  return text;
}

}  // namespace

std::string_view tier_name(Tier tier) {
  for (const auto& [value, name] : kTierNames) {
    if (value == tier) return name;
  }
  return "unknown";
}

std::optional<Tier> tier_from_name(std::string_view name) {
  for (const auto& [value, text] : kTierNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

std::vector<Tier> available_tiers() {
  const CpuFeatures& cpu = cpu_features();
  std::vector<Tier> tiers;
  if ((HWY_TARGETS & HWY_SSE4) != 0 && cpu.sse4) tiers.push_back(Tier::kSse4);
  if ((HWY_TARGETS & HWY_AVX2) != 0 && cpu.avx2) tiers.push_back(Tier::kAvx2);
  if ((HWY_TARGETS & HWY_AVX3) != 0 && cpu.avx512) tiers.push_back(Tier::kAvx512);
  const bool tiles = cpu.amx_bf16 && cpu.amx_int8 && cpu.avx512_bf16 && cpu.avx512_vnni;
  if ((HWY_TARGETS & HWY_AVX3) != 0 && tiles && may_use_tiles()) {
    tiers.push_back(Tier::kAmx);
    tiers.push_back(Tier::kAmxF32);
  }
  if ((HWY_TARGETS & HWY_NEON) != 0 && cpu.neon) tiers.push_back(Tier::kNeon);
  // The lowest tier is what the whole build is compiled for, so it runs or nothing does.
  if (tiers.empty()) tiers.push_back(Tier::kSse4);
  return tiers;
}

Result<Tier> choose_tier() {
  const std::vector<Tier> tiers = available_tiers();
  const char* wanted = std::getenv("SARDONYX_TIER");
  if (wanted == nullptr || *wanted == '\0') return tiers.back();
  const std::optional<Tier> tier = tier_from_name(wanted);
  for (Tier available : tiers) {
    if (tier == available) return available;
  }
  return fail(Code::kInvalidArgument,
              "SARDONYX_TIER asks for '{}', which {}; use one of: {}, or unset it", wanted,
              tier ? "this machine or build lacks" : "is not the name of a tier",
              list_tiers(tiers));
}

Tier best_tier() {
  static const Tier tier = choose_tier().value_or(available_tiers().back());
  return tier;
}

}  // namespace sardonyx
