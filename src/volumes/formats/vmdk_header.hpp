// SPDX-License-Identifier: Apache-2.0
// The checked header of a VMDK file. What is not refused here is safe to compute with.
#pragma once

#include "complaints.hpp"
#include "formats/vmdk_format.hpp"

namespace karat::volumes::vmdk {

struct Header {
    std::uint64_t size_bytes = 0;
    std::uint64_t grain_bytes = 0;
    Range directory = {};  ///< In the file.
    Range spare = {};      ///< A second directory, of tables of its own; empty: there is none.
    Range descriptor = {}; ///< In the file.
    bool packed = false;
    bool zero_grains = false;

    /// How much of the disk one grain table maps.
    std::uint64_t bytes_per_table() const { return grain_bytes * kTableEntries; }
};

/// Reads and checks header, footer (of a stream) and descriptor.
Result<Header> read_header(File& file, Complaints const& complaints);

} // namespace karat::volumes::vmdk
