// SPDX-License-Identifier: Apache-2.0
// Reads VHDX files of strangers, fixed and dynamic. What bounds it, beside MappedReader's bounds: a
// window of the block table (64 KiB), however large the table is.
#include "formats/mapped_reader.hpp"
#include "formats/vhdx_log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

using namespace vhdx;

class VhdxReader final : public MappedReader {
public:
    VhdxReader(std::unique_ptr<File> disk, Header header, Complaints complaints)
        : MappedReader(std::move(disk), header.size_bytes, std::move(complaints))
        , header_(std::move(header))
        , table_(file(), header_.table)
    {
    }

protected:
    Result<Piece> find(std::uint64_t offset_bytes) override
    {
        auto const block = offset_bytes / header_.block_bytes;
        auto const index = block + block / header_.chunk();
        auto const bytes = TRY(table_.entry(index, sizeof(std::uint64_t), stored()));
        if (bytes.empty()) // a hole in the table: as if each entry were "not present"
            return piece(Kind::unallocated, offset_bytes, block_after_hole(index));
        auto const entry = load_le<std::uint64_t>(bytes, 0);
        if ((entry & kReservedBits) != 0)
            return complaints().damaged(fmt::format("block {} has reserved bits set", block));
        switch (entry & kStateBits) {
        case kNotPresent:
        case kUndefined:
        case kUnmapped:
        case kUnmappedOfDraft:
            return piece(Kind::unallocated, offset_bytes, block + 1);
        case kZero:
            return piece(Kind::zero, offset_bytes, block + 1);
        case kPresent:
            return present(offset_bytes, block, entry & ~(kStateBits | kReservedBits));
        case kPartlyPresent:
            return complaints().unsupported(
                "is the difference to a parent disk",
                "merge it into its parent with 'Convert-VHD' where it was made, and import that");
        default:
            return complaints().damaged(
                fmt::format("block {} has the state {}", block, entry & kStateBits));
        }
    }

private:
    /// From there to where the block `end_block` begins.
    Piece piece(Kind kind, std::uint64_t offset_bytes, std::uint64_t end_block) const
    {
        auto const end = std::min(end_block * header_.block_bytes, size_bytes());
        return {.stretch = {kind, {offset_bytes, end - offset_bytes}}};
    }

    /// The first block whose entry is not in the hole that the entry `index` is in.
    std::uint64_t block_after_hole(std::uint64_t index) const
    {
        auto const end = index + table_.hole_entries(index, sizeof(std::uint64_t));
        return std::max(end - end / (header_.chunk() + 1),
                        index - index / (header_.chunk() + 1) + 1);
    }

    Result<Piece> present(std::uint64_t offset_bytes, std::uint64_t block, std::uint64_t host)
    {
        auto const start = block * header_.block_bytes;
        auto const needed = std::min(header_.block_bytes, size_bytes() - start);
        for (auto const& part : header_.reserved)
            if (host < part.end_bytes() && part.offset_bytes < host + needed)
                return complaints().damaged(
                    fmt::format("block {} overlaps a header or a table", block));
        if (host > file_bytes() || file_bytes() - host < needed)
            return complaints().cut_off(fmt::format("block {} lies", block));
        auto found = piece(Kind::data, offset_bytes, block + 1);
        found.host_offset = host + (offset_bytes - start);
        return found;
    }

    Header header_;
    TableWindow table_;
};

} // namespace

Result<std::unique_ptr<DiskReader>> open_vhdx(std::unique_ptr<File> file, DiskName const& name)
{
    Complaints const complaints(name, Trust::stranger, "vhdx");
    file = TRY(vhdx::replay_log(std::move(file), complaints));
    auto header = TRY(vhdx::read_header(*file, complaints));
    auto reader = std::make_unique<VhdxReader>(std::move(file), std::move(header), complaints);
    TRY(reader->measure());
    return std::unique_ptr<DiskReader>(std::move(reader));
}

} // namespace karat::volumes
