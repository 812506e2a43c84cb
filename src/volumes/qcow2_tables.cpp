// SPDX-License-Identifier: Apache-2.0
#include "qcow2_tables.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace karat::volumes::qcow2 {
namespace {

constexpr std::uint64_t kL1PieceBytes = 64 << 10;
constexpr std::uint64_t kL1Reserved = ~(kOffsetBits | kCopied);
constexpr std::uint64_t kL2Reserved = ~(kOffsetBits | kCopied | kCompressed | kZeroFlag);

} // namespace

Result<Tables> Tables::open(File& file, Header const& header, Complaints complaints, Trust trust)
{
    Tables tables(file, header, std::move(complaints), trust);
    tables.file_bytes_ = TRY(file.size_bytes());
    TRY(tables.read_l1());
    TRY(tables.check_overlaps());
    return tables;
}

Result<void> Tables::read_l1()
{
    auto const total = header_.l1_entries * sizeof(std::uint64_t);
    Bytes piece(std::min(total, kL1PieceBytes));
    for (std::uint64_t done = 0; done < total; done += piece.size()) {
        piece.resize(std::min<std::uint64_t>(piece.size(), total - done));
        TRY(read_exactly(file_, header_.l1_offset + done, piece));
        for (std::size_t at = 0; at < piece.size(); at += sizeof(std::uint64_t)) {
            auto const entry = load_be<std::uint64_t>(piece, at);
            if (entry != 0)
                TRY(add_entry((done + at) / sizeof(std::uint64_t), entry));
        }
    }
    return {};
}

Result<void> Tables::add_entry(std::uint64_t index, std::uint64_t entry)
{
    auto const host = entry & kOffsetBits;
    if ((entry & kL1Reserved) != 0)
        return complaints_.damaged(fmt::format("L1 entry {} has reserved bits set", index));
    if (host == 0)
        return complaints_.damaged(fmt::format("L1 entry {} names the header", index));
    if (host % header_.cluster_bytes() != 0)
        return complaints_.damaged(fmt::format("L1 entry {} names no cluster's start", index));
    if (host > file_bytes_ || file_bytes_ - host < header_.cluster_bytes())
        return complaints_.cut_off(fmt::format("the table of L1 entry {} lies", index));
    places_.push_back({index, host});
    return {};
}

Result<void> Tables::check_overlaps()
{
    table_hosts_.reserve(places_.size());
    for (auto const& place : places_)
        table_hosts_.push_back(place.host_offset);
    std::sort(table_hosts_.begin(), table_hosts_.end());
    if (std::adjacent_find(table_hosts_.begin(), table_hosts_.end()) != table_hosts_.end())
        return complaints_.damaged("two L1 entries share one table");
    auto const holds_table = [&](std::uint64_t from, std::uint64_t length) {
        auto const found = std::lower_bound(table_hosts_.begin(), table_hosts_.end(), from);
        return found != table_hosts_.end() && *found < from + length;
    };
    if (holds_table(header_.l1_offset, header_.l1_entries * sizeof(std::uint64_t)))
        return complaints_.damaged("an L2 table overlaps the L1 table");
    if (holds_table(header_.refcount_offset, header_.refcount_bytes))
        return complaints_.damaged("an L2 table overlaps the refcount table");
    return {};
}

Result<void> Tables::load(Place const& place, StoredMap& stored)
{
    auto const first = TRY(stored.at({place.host_offset, header_.cluster_bytes()}));
    loaded_ = kMaxHostOffset; // nothing, should the read fail
    table_.clear();
    // A table in a hole of a sparse file costs the one who sends it nothing, so reading it must
    // not cost us anything either.
    if (first.kind == Kind::data || first.range.length_bytes < header_.cluster_bytes()) {
        table_.resize(header_.cluster_bytes());
        TRY(read_exactly(file_, place.host_offset, table_));
    }
    loaded_ = place.index;
    return {};
}

/// Counts a last cluster that the disk's size cuts.
Cluster Tables::nothing(std::uint64_t offset_bytes, std::uint64_t until_bytes) const
{
    auto const first = offset_bytes / header_.cluster_bytes();
    auto const end = (until_bytes + header_.cluster_bytes() - 1) / header_.cluster_bytes();
    return {.unallocated_run = end - first};
}

Result<Cluster> Tables::find(std::uint64_t offset_bytes, StoredMap& stored)
{
    auto const index = offset_bytes / header_.bytes_per_table();
    if (index != loaded_) {
        auto const place =
            std::lower_bound(places_.begin(), places_.end(), index,
                             [](Place const& p, std::uint64_t i) { return p.index < i; });
        if (place == places_.end())
            return nothing(offset_bytes, header_.size_bytes);
        if (place->index != index)
            return nothing(offset_bytes, place->index * header_.bytes_per_table());
        TRY(load(*place, stored));
    }
    auto const end = std::min(header_.size_bytes, (index + 1) * header_.bytes_per_table());
    if (table_.empty())
        return nothing(offset_bytes, end);
    return decode(offset_bytes);
}

std::uint64_t Tables::empty_entries(std::uint64_t index) const
{
    auto const words = header_.entry_bytes() / sizeof(std::uint64_t);
    auto const first = index;
    auto const end = table_.size() / header_.entry_bytes();
    auto const word = [this](std::size_t i) {
        return load_be<std::uint64_t>(table_, i * sizeof(std::uint64_t));
    };
    while (index < end && word(index * words) == 0 && word(index * words + words - 1) == 0)
        ++index;
    return index - first;
}

Result<Cluster> Tables::decode(std::uint64_t offset_bytes) const
{
    auto const index = offset_bytes % header_.bytes_per_table() / header_.cluster_bytes();
    auto const at = index * header_.entry_bytes();
    auto const entry = load_be<std::uint64_t>(table_, at);
    if ((entry & kCompressed) != 0)
        return decode_compressed(entry);
    auto const bitmap =
        header_.extended_l2 ? load_be<std::uint64_t>(table_, at + sizeof(entry)) : 0;
    auto cluster =
        TRY(header_.extended_l2 ? decode_extended(entry, bitmap) : decode_standard(entry));
    if (cluster.allocated != 0)
        TRY(check_data(offset_bytes, cluster));
    if (entry == 0 && bitmap == 0)
        cluster.unallocated_run = empty_entries(index);
    return cluster;
}

Result<Cluster> Tables::decode_compressed(std::uint64_t entry) const
{
    auto const offset_bits = 62 - (header_.cluster_bits - 8);
    auto const offset = entry & ((std::uint64_t{1} << offset_bits) - 1);
    auto const sectors = (entry & ~(kCopied | kCompressed)) >> offset_bits;
    if (offset >= kMaxHostOffset)
        return complaints_.damaged("a compressed cluster has reserved bits set");
    if (offset >= file_bytes_)
        return complaints_.cut_off("a compressed cluster lies");
    auto const end = (offset / kSectorBytes + sectors + 1) * kSectorBytes;
    Cluster cluster;
    cluster.compressed = true;
    cluster.host_offset = offset;
    cluster.host_bytes = std::min(end, file_bytes_) - offset; // the last sector may be short
    cluster.allocated = ~std::uint32_t{0};
    return cluster;
}

Result<Cluster> Tables::decode_standard(std::uint64_t entry) const
{
    if ((entry & kL2Reserved) != 0)
        return complaints_.damaged("an L2 entry has reserved bits set");
    if ((entry & kZeroFlag) != 0 && header_.version < 3)
        return complaints_.damaged("an L2 entry has a zero flag, which version 2 does not know");
    Cluster cluster;
    cluster.host_offset = entry & kOffsetBits;
    if ((entry & kZeroFlag) != 0)
        cluster.zero = 1;
    else if (cluster.host_offset != 0)
        cluster.allocated = 1;
    else if ((entry & kCopied) != 0)
        return complaints_.damaged("an L2 entry names the header");
    return cluster;
}

Result<Cluster> Tables::decode_extended(std::uint64_t entry, std::uint64_t bitmap) const
{
    if ((entry & (kL2Reserved | kZeroFlag)) != 0)
        return complaints_.damaged("an L2 entry has reserved bits set");
    Cluster cluster;
    cluster.host_offset = entry & kOffsetBits;
    cluster.allocated = static_cast<std::uint32_t>(bitmap);
    cluster.zero = static_cast<std::uint32_t>(bitmap >> kSubclusters);
    if ((cluster.allocated & cluster.zero) != 0)
        return complaints_.damaged("a subcluster is both stored and zero");
    if (cluster.host_offset == 0 && (cluster.allocated != 0 || (entry & kCopied) != 0))
        return complaints_.damaged("an L2 entry names the header");
    return cluster;
}

/// A data cluster lies in the file, at a cluster's start, and is no table.
Result<void> Tables::check_data(std::uint64_t offset_bytes, Cluster const& cluster) const
{
    auto const host = cluster.host_offset;
    if (host % header_.cluster_bytes() != 0)
        return complaints_.damaged("an L2 entry names no cluster's start");
    if (std::binary_search(table_hosts_.begin(), table_hosts_.end(), host))
        return complaints_.damaged("a data cluster overlaps an L2 table");
    auto const inside = [host](std::uint64_t from, std::uint64_t length) {
        return host >= from && host - from < length;
    };
    if (inside(header_.l1_offset, header_.l1_entries * sizeof(std::uint64_t)))
        return complaints_.damaged("a data cluster overlaps the L1 table");
    if (inside(header_.refcount_offset, header_.refcount_bytes))
        return complaints_.damaged("a data cluster overlaps the refcount table");
    if (trust_ == Trust::own)
        return {};
    // The last stored subcluster, cut where the disk ends, is the last byte that must be there.
    auto const start = offset_bytes / header_.cluster_bytes() * header_.cluster_bytes();
    auto const stored =
        std::uint64_t(std::bit_width(cluster.allocated)) * header_.subcluster_bytes();
    auto const needed = std::min(stored, header_.size_bytes - start);
    auto const held = (file_bytes_ + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    if (host > held || held - host < needed)
        return complaints_.cut_off("a data cluster lies");
    return {};
}

} // namespace karat::volumes::qcow2
