// SPDX-License-Identifier: Apache-2.0
// What the readers of VMDK, VHD and VHDX have in common: a table says where each unit of the disk
// lies in the file. A reader finds pieces; here they are joined, charged and read. What bounds it:
//   memory   one unpacked unit, and what the reader's tables take
//   work     the stored bytes that the disk maps, each counted as often as it is mapped, may not
//            exceed the bytes that the file stores
#pragma once

#include "complaints.hpp"
#include "stored_map.hpp"

#include <limits>

namespace karat::volumes {

/// A stretch of the disk inside one unit (or a run of units that say nothing), and where its bytes
/// are in the file.
struct Piece {
    Stretch stretch;
    std::uint64_t host_offset = 0;  ///< Of data; of the first packed byte.
    std::uint64_t packed_bytes = 0; ///< Of a unit that is compressed as a whole; else 0.
    std::uint64_t unit_offset = 0;  ///< Where in the disk the packed unit begins.
};

class MappedReader : public DiskReader {
public:
    std::uint64_t size_bytes() const override { return size_bytes_; }
    Result<Stretch> next(std::uint64_t offset_bytes) override;
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) override;

    /// Looks how large the file is, and how much it stores. Call it once, before all others.
    Result<void> measure();

protected:
    MappedReader(std::unique_ptr<File> file, std::uint64_t size_bytes, Complaints complaints);

    /// The piece that begins at `offset_bytes`; not empty, not past the size, checked to lie in the
    /// file.
    virtual Result<Piece> find(std::uint64_t offset_bytes) = 0;
    /// Fills `into`, one unit or what the disk has of it, from the packed bytes.
    virtual Result<void> unpack(Piece const& piece, std::span<std::byte const> packed,
                                std::span<std::byte> into);
    /// How large a packed unit is.
    virtual std::uint64_t unit_bytes() const { return 0; }

    File& file() { return *file_; }
    std::uint64_t file_bytes() const { return file_bytes_; }
    StoredMap& stored() { return stored_; }
    Complaints const& complaints() const { return complaints_; }

private:
    Result<Piece> stored_piece(std::uint64_t offset_bytes);
    Result<void> charge(std::uint64_t length_bytes);
    Result<void> read_piece(Piece const& piece, std::span<std::byte> into);
    Result<void> load_unit(Piece const& piece);

    static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

    std::unique_ptr<File> file_;
    std::uint64_t size_bytes_;
    std::uint64_t file_bytes_ = 0;
    Complaints complaints_;
    StoredMap stored_;
    std::uint64_t allowance_bytes_ = 0; ///< Stored bytes that may still be mapped.
    Bytes packed_;
    Bytes plain_;                    ///< An unpacked unit,
    std::uint64_t plain_of_ = kNone; ///< which begins here in the disk.
};

/// A table of a file, read a window at a time: memory does not depend on its size. A window in a
/// hole of the file is not read: it costs the sender nothing, so it must not cost us either.
class TableWindow {
public:
    /// `place` lies in the file.
    TableWindow(File& file, Range place)
        : file_(file)
        , place_(place)
    {
    }
    /// The bytes of the entry of `entry_bytes` (a power of two up to 64 KiB) at `index`; none if it
    /// lies in a hole.
    Result<std::span<std::byte const>> entry(std::uint64_t index, std::size_t entry_bytes,
                                             StoredMap& stored);
    /// How many entries from `index` on lie in the same hole, at least 1; after an entry() that was
    /// empty.
    std::uint64_t hole_entries(std::uint64_t index, std::size_t entry_bytes) const;

private:
    Result<void> load(std::uint64_t offset_bytes, StoredMap& stored);

    File& file_;
    Range place_;
    Range loaded_; ///< Relative to the table.
    Bytes window_; ///< Empty: a hole.
};

} // namespace karat::volumes
