// SPDX-License-Identifier: Apache-2.0
// The allocation tables of a qcow2 file: L1 as a whole, L2 one table at a time.
#pragma once

#include "qcow2_header.hpp"
#include "stored_map.hpp"

#include <vector>

namespace karat::volumes::qcow2 {

/// What an L2 entry says of its cluster. Standard entries have one subcluster, extended ones 32.
struct Cluster {
    bool compressed = false;
    std::uint64_t host_offset = 0;     ///< In the file; meaningless without a bit in `allocated`.
    std::uint64_t host_bytes = 0;      ///< Of a compressed cluster: where its input ends at most.
    std::uint32_t allocated = 0;       ///< A bit a subcluster: data at host_offset + its place.
    std::uint32_t zero = 0;            ///< A bit a subcluster: reads as zeroes.
    std::uint64_t unallocated_run = 0; ///< Clusters from here that say nothing at all.
};

/// Finds the entries of clusters. Every entry that it hands out was checked. One thread.
class Tables {
public:
    /// Reads the L1 table. Refuses tables outside the file, over one another, or used twice: so
    /// that all L2 tables together are never larger than the file.
    static Result<Tables> open(File& file, Header const& header, Complaints complaints,
                               Trust trust);

    /// The cluster that holds `offset_bytes` of the disk.
    Result<Cluster> find(std::uint64_t offset_bytes, StoredMap& stored);

private:
    struct Place {
        std::uint64_t index;       ///< In the L1 table.
        std::uint64_t host_offset; ///< Of the L2 table.
    };

    Tables(File& file, Header const& header, Complaints complaints, Trust trust)
        : file_(file)
        , header_(header)
        , complaints_(std::move(complaints))
        , trust_(trust)
    {
    }
    Result<void> read_l1();
    Result<void> add_entry(std::uint64_t index, std::uint64_t entry);
    Result<void> check_overlaps();
    Result<void> load(Place const& place, StoredMap& stored);
    Cluster nothing(std::uint64_t offset_bytes, std::uint64_t until_bytes) const;
    Result<Cluster> decode(std::uint64_t offset_bytes) const;
    Result<Cluster> decode_compressed(std::uint64_t entry) const;
    Result<Cluster> decode_standard(std::uint64_t entry) const;
    Result<Cluster> decode_extended(std::uint64_t entry, std::uint64_t bitmap) const;
    Result<void> check_data(std::uint64_t offset_bytes, Cluster const& cluster) const;
    std::uint64_t empty_entries(std::uint64_t index) const;

    File& file_;
    Header header_;
    Complaints complaints_;
    Trust trust_;
    std::uint64_t file_bytes_ = 0;
    std::vector<Place> places_;              ///< Of the L2 tables, by index.
    std::vector<std::uint64_t> table_hosts_; ///< The same, by host offset.
    std::uint64_t loaded_ = kMaxHostOffset;  ///< The L1 index whose table is in table_.
    Bytes table_;                            ///< Empty: the table is a hole, nothing is allocated.
};

} // namespace karat::volumes::qcow2
