// SPDX-License-Identifier: Apache-2.0
// What a catalog and its database were asked, for tests and measurements: what a verb costs,
// whatever the machine. Apart from the catalog's door, whose users need not know.
#pragma once

#include "karat/catalog.hpp"

#include <cstdint>

namespace karat::catalog {

struct Counts {
    std::uint64_t statements = 0; ///< Run, but for those that begin and end a transaction.
    std::uint64_t rows = 0;       ///< Read from it.
    std::uint64_t records = 0;    ///< Answered from memory.
    std::uint64_t commits = 0;    ///< Each is durable, and so waits for the disk.
};

/// Since the catalog was opened. Thread-safe.
Result<Counts> counts_of(Catalog& catalog);

} // namespace karat::catalog
