// SPDX-License-Identifier: Apache-2.0
// Reads VirtualBox's VDI files of strangers, fixed and dynamic. What bounds it, beside
// MappedReader's bounds: a window of the block map (64 KiB), however large the map is.
#include "formats/formats.hpp"
#include "formats/mapped_reader.hpp"
#include "formats/vdi_format.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

using namespace vdi;

constexpr std::string_view kClone =
    "make a whole copy of it with 'VBoxManage clonemedium disk' where it was made, and import that";

struct Header {
    std::uint64_t size_bytes = 0;
    std::uint64_t block_bytes = 0;
    std::uint64_t extra_bytes = 0; ///< Before the data of each block.
    std::uint64_t data_offset = 0;
    Range map = {}; ///< As many entries as the disk needs.
};

Result<void> check_kind(Bytes const& bytes, Complaints const& complaints)
{
    auto const version = load_le<std::uint32_t>(bytes, at::kVersion);
    if (version != kVersion11)
        return complaints.unsupported(
            fmt::format("is of VDI version {}.{}, not 1.1", version >> 16, version & 0xffff),
            kClone);
    auto const type = load_le<std::uint32_t>(bytes, at::kType);
    auto const parent = std::span(bytes).subspan(at::kParent, kUuidBytes);
    if ((type != kDynamic && type != kFixed) ||
        std::any_of(parent.begin(), parent.end(), [](auto b) { return b != std::byte{0}; }))
        return complaints.unsupported("is the difference to a parent disk", kClone);
    auto const sector = load_le<std::uint32_t>(bytes, at::kSectorBytes);
    if (sector != 512)
        return complaints.unsupported(fmt::format("has sectors of {} bytes, not 512", sector),
                                      kClone);
    return {};
}

Result<void> check_geometry(Bytes const& bytes, Header const& header, Complaints const& complaints)
{
    if (!std::has_single_bit(header.block_bytes) || header.block_bytes < kMinBlockBytes ||
        header.block_bytes > kMaxBlockBytes)
        return complaints.damaged(
            fmt::format("its blocks have {} bytes, not a power of two from {} to {}",
                        header.block_bytes, kMinBlockBytes, kMaxBlockBytes));
    if (header.extra_bytes >= header.block_bytes)
        return complaints.damaged(
            fmt::format("its blocks have {} bytes before their data", header.extra_bytes));
    if (header.size_bytes == 0)
        return complaints.damaged("its disk has no bytes");
    if (header.size_bytes > kMaxDiskBytes)
        return complaints.too_large();
    auto const held = load_le<std::uint32_t>(bytes, at::kBlocks);
    if (held < header.map.length_bytes / sizeof(std::uint32_t))
        return complaints.damaged(fmt::format("its block map has {} entries and its disk needs {}",
                                              held,
                                              header.map.length_bytes / sizeof(std::uint32_t)));
    if (header.map.offset_bytes < kHeaderBytes || header.data_offset < header.map.end_bytes())
        return complaints.damaged("its header, block map and blocks overlap");
    return {};
}

Result<Header> read_vdi_header(File& file, Complaints const& complaints)
{
    Bytes bytes(kHeaderBytes);
    bytes.resize(TRY(file.read_at(0, bytes)));
    if (bytes.size() < kHeaderBytes)
        return complaints.cut_off("its header reaches");
    if (as_text(bytes).substr(at::kSignature, kSignature.size()) != kSignature)
        return complaints.damaged("it does not start as a VDI file does");
    TRY(check_kind(bytes, complaints));
    Header header{.size_bytes = load_le<std::uint64_t>(bytes, at::kSize),
                  .block_bytes = load_le<std::uint32_t>(bytes, at::kBlockBytes),
                  .extra_bytes = load_le<std::uint32_t>(bytes, at::kExtra),
                  .data_offset = load_le<std::uint32_t>(bytes, at::kData)};
    auto const block = std::max<std::uint64_t>(header.block_bytes, 1);
    auto const blocks = header.size_bytes / block + (header.size_bytes % block != 0 ? 1 : 0);
    header.map = {load_le<std::uint32_t>(bytes, at::kMap),
                  std::min(blocks, std::uint64_t{1} << 40) * sizeof(std::uint32_t)};
    TRY(check_geometry(bytes, header, complaints));
    auto const file_bytes = TRY(file.size_bytes());
    if (!lies_within(header.map, file_bytes))
        return complaints.cut_off("its block map lies");
    return header;
}

class VdiReader final : public MappedReader {
public:
    VdiReader(std::unique_ptr<File> disk, Header const& header, Complaints complaints)
        : MappedReader(std::move(disk), header.size_bytes, std::move(complaints))
        , header_(header)
        , map_(file(), header.map)
    {
    }

protected:
    Result<Piece> find(std::uint64_t offset_bytes) override
    {
        auto const block = offset_bytes / header_.block_bytes;
        auto const bytes = TRY(map_.entry(block, sizeof(std::uint32_t), stored()));
        // An entry of zero is the first stored block, so a hole would map that many times.
        if (bytes.empty() && map_.hole_entries(block, sizeof(std::uint32_t)) > 1)
            return complaints().damaged("its block map is empty");
        auto const entry = bytes.empty() ? 0 : load_le<std::uint32_t>(bytes, 0);
        if (entry == kNothing)
            return piece(Kind::unallocated, offset_bytes, block);
        if (entry == kZeroes)
            return piece(Kind::zero, offset_bytes, block);
        auto const start = block * header_.block_bytes;
        auto const host = header_.data_offset + header_.extra_bytes +
                          entry * (header_.block_bytes + header_.extra_bytes);
        auto const needed = std::min(header_.block_bytes, size_bytes() - start);
        if (!lies_within({host, needed}, file_bytes()))
            return complaints().cut_off(fmt::format("block {} lies", block));
        auto found = piece(Kind::data, offset_bytes, block);
        found.host_offset = host + (offset_bytes - start);
        return found;
    }

private:
    /// From there to the end of the block.
    Piece piece(Kind kind, std::uint64_t offset_bytes, std::uint64_t block) const
    {
        auto const end = std::min((block + 1) * header_.block_bytes, size_bytes());
        return {.stretch = {kind, {offset_bytes, end - offset_bytes}}};
    }

    Header header_;
    TableWindow map_;
};

} // namespace

Result<std::unique_ptr<DiskReader>> open_vdi(std::unique_ptr<File> file, DiskName const& name)
{
    Complaints const complaints(name, Trust::stranger, "vdi");
    auto const header = TRY(read_vdi_header(*file, complaints));
    auto reader = std::make_unique<VdiReader>(std::move(file), header, complaints);
    TRY(reader->measure());
    return std::unique_ptr<DiskReader>(std::move(reader));
}

} // namespace karat::volumes
