// SPDX-License-Identifier: Apache-2.0
// What an operator asks of store and catalog, and learns. A part of the engine's door.
#pragma once

#include "karat/catalog.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace karat::engine {

struct ScrubOptions {
    std::uint64_t mib_per_second = 0; ///< 0: as fast as it goes.
    bool anew = false;                ///< Not where the last one was.
};

struct Rebuilt {
    catalog::Repaired catalog;
    std::vector<SnapshotId> snapshots;
    std::vector<AccountId> accounts;
    std::vector<std::string> failed; ///< A sentence each: which could not be, and why.
};

} // namespace karat::engine
