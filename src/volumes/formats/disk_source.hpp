// SPDX-License-Identifier: Apache-2.0
// What the writers of disk images read a snapshot through.
#pragma once

#include "karat/volumes.hpp"

#include <functional>

namespace karat::volumes {

/// A snapshot's disk, unit by unit. One thread. Buffers one unit.
class DiskSource {
public:
    /// Both outlive the source.
    DiskSource(blocks::View const& view, Progress const& progress)
        : view_(view)
        , progress_(progress)
    {
    }

    std::uint64_t size_bytes() const { return view_.facts().size_bytes; }
    /// Proves the disk's bytes: what identifiers are made of, so that equal disks make equal files.
    Hash root() const { return view_.root(); }
    std::uint64_t data_bytes() const { return data_bytes_; }

    /// Calls `take` for each unit with a byte that is not zero, ascending: its number and its
    /// bytes, cut where the disk ends. Reports progress; Fault::unavailable when that ends it.
    using Take = std::function<Result<void>(std::uint64_t unit, std::span<std::byte const> bytes)>;
    Result<void> each_unit(std::uint64_t unit_bytes, Take const& take);

private:
    Result<void> report(std::uint64_t offset_bytes, std::uint64_t work_bytes);

    blocks::View const& view_;
    Progress const& progress_;
    std::uint64_t data_bytes_ = 0;
    std::uint64_t unreported_bytes_ = 0;
};

/// Whether all bytes are zero.
bool is_zero(std::span<std::byte const> bytes);
/// Writes what is not zero, in blocks of 4 KiB; the rest stays the hole that it is in a new file.
Result<void> write_sparse(File& file, std::uint64_t offset_bytes, std::span<std::byte const> bytes);

} // namespace karat::volumes
