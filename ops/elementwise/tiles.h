// The families of elementwise loops, one table per tier each. find_tiles looks through all.
#pragma once

#include <span>

#include "ops/elementwise.h"

namespace sardonyx {

using TileRows = std::span<const TileRow>;

const TileRows& arithmetic_tiles(Tier tier);
const TileRows& activation_tiles(Tier tier);
const TileRows& function_tiles(Tier tier);
const TileRows& logic_tiles(Tier tier);
const TileRows& comparison_tiles(Tier tier);
const TileRows& quantize_tiles(Tier tier);
const TileRows& cast_tiles(Tier tier);  // the same for every tier

}  // namespace sardonyx
