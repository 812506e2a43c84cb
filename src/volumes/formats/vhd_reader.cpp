// SPDX-License-Identifier: Apache-2.0
// Reads VHD files of strangers, fixed and dynamic. What bounds it, beside MappedReader's bounds: a
// window of the block table and the bitmap of one block (64 KiB each at most).
#include "formats/mapped_reader.hpp"
#include "formats/vhd_header.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

using namespace vhd;

class VhdReader final : public MappedReader {
public:
    VhdReader(std::unique_ptr<File> disk, Header const& header, Complaints complaints)
        : MappedReader(std::move(disk), header.size_bytes, std::move(complaints))
        , header_(header)
        , table_(file(), header.table)
    {
    }

protected:
    Result<Piece> find(std::uint64_t offset_bytes) override
    {
        if (!header_.dynamic)
            return Piece{.stretch = {Kind::data, {offset_bytes, size_bytes() - offset_bytes}},
                         .host_offset = offset_bytes};
        auto const block = offset_bytes / header_.block_bytes;
        auto const entry = TRY(table_.entry(block, sizeof(std::uint32_t), stored()));
        if (entry.empty()) // all zero: each block would lie on the header
            return complaints().damaged("its block table is empty");
        auto const sector = load_be<std::uint32_t>(entry, 0);
        if (sector == kUnused)
            return unused(offset_bytes);
        return block_at(offset_bytes, block, sector * kSectorBytes);
    }

private:
    Piece piece(Kind kind, std::uint64_t offset_bytes, std::uint64_t end_bytes) const
    {
        auto const length = std::min(end_bytes, size_bytes()) - offset_bytes;
        return {.stretch = {kind, {offset_bytes, length}}};
    }

    Result<Piece> unused(std::uint64_t offset_bytes)
    {
        auto const block = offset_bytes / header_.block_bytes;
        return piece(Kind::unallocated, offset_bytes, (block + 1) * header_.block_bytes);
    }

    /// `host` is the place of the block's bitmap.
    Result<Piece> block_at(std::uint64_t offset_bytes, std::uint64_t block, std::uint64_t host)
    {
        if (loaded_ != block)
            TRY(load(block, host));
        auto const start = block * header_.block_bytes;
        auto const first = (offset_bytes - start) / kSectorBytes;
        bool const held = has(first);
        auto sector = first + 1;
        while (sector < header_.block_bytes / kSectorBytes && has(sector) == held)
            ++sector;
        auto found =
            piece(held ? Kind::data : Kind::zero, offset_bytes, start + sector * kSectorBytes);
        found.host_offset = host + bitmap_bytes(header_.block_bytes) + (offset_bytes - start);
        return found;
    }

    Result<void> load(std::uint64_t block, std::uint64_t host)
    {
        loaded_ = kNothing;
        auto const bitmap = bitmap_bytes(header_.block_bytes);
        auto const data = std::min(header_.block_bytes, size_bytes() - block * header_.block_bytes);
        if (overlap({host, bitmap + data}, {0, kFooterBytes}) ||
            overlap({host, bitmap + data}, {header_.dynamic_offset, kDynamicBytes}) ||
            overlap({host, bitmap + data}, header_.table))
            return complaints().damaged(
                fmt::format("block {} overlaps a header or the block table", block));
        if (host > header_.data_end || bitmap + data > header_.data_end - host)
            return complaints().cut_off(fmt::format("block {} lies", block));
        bitmap_.resize(bitmap);
        TRY(read_exactly(file(), host, bitmap_));
        loaded_ = block;
        return {};
    }

    bool has(std::uint64_t sector) const
    {
        return (std::to_integer<unsigned>(bitmap_[sector / 8]) >> (7 - sector % 8) & 1) != 0;
    }

    static constexpr std::uint64_t kNothing = ~std::uint64_t{0};

    Header header_;
    TableWindow table_;
    std::uint64_t loaded_ = kNothing; ///< The block whose bitmap is in bitmap_.
    Bytes bitmap_;
};

} // namespace

Result<std::unique_ptr<DiskReader>> open_vhd(std::unique_ptr<File> file, DiskName const& name)
{
    Complaints const complaints(name, Trust::stranger, "vpc");
    auto const header = TRY(vhd::read_header(*file, complaints));
    auto reader = std::make_unique<VhdReader>(std::move(file), header, complaints);
    TRY(reader->measure());
    return std::unique_ptr<DiskReader>(std::move(reader));
}

} // namespace karat::volumes
