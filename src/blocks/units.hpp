// SPDX-License-Identifier: Apache-2.0
// What units of 512 KiB are told apart by (karat/staged.hpp has the door).
#pragma once

#include "view.hpp"

namespace karat::blocks {

/// Names the contents of a unit by its slices, whose start counts from the unit's.
Hash unit_key(std::span<Slice const> slices);

/// Spares the next reader of the unit a pass over its bytes.
void remember_sum(Source& source, std::span<Slice const> slices, Hash const& sum);

} // namespace karat::blocks
