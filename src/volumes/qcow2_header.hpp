// SPDX-License-Identifier: Apache-2.0
// The checked header of a qcow2 file. What is not refused here is safe to compute with.
#pragma once

#include "complaints.hpp"
#include "qcow2_format.hpp"

namespace karat::volumes::qcow2 {

struct Header {
    std::uint32_t version = 0;
    std::uint32_t cluster_bits = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t l1_offset = 0;
    std::uint64_t l1_entries = 0; ///< As many as the disk needs; the file may hold more.
    std::uint64_t refcount_offset = 0;
    std::uint64_t refcount_bytes = 0;
    bool extended_l2 = false;
    std::uint8_t compression = kZlib;

    std::uint64_t cluster_bytes() const { return std::uint64_t{1} << cluster_bits; }
    std::uint64_t entry_bytes() const { return extended_l2 ? 16 : 8; }
    std::uint32_t subclusters() const { return extended_l2 ? kSubclusters : 1; }
    std::uint64_t subcluster_bytes() const { return cluster_bytes() / subclusters(); }
    /// How much of the disk one L2 table maps.
    std::uint64_t bytes_per_table() const
    {
        return cluster_bytes() / entry_bytes() * cluster_bytes();
    }
};

/// Reads and checks the header, its extensions and the places of the tables.
Result<Header> read_header(File& file, Complaints const& complaints);

} // namespace karat::volumes::qcow2
