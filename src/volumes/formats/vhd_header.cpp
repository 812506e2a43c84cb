// SPDX-License-Identifier: Apache-2.0
#include "formats/vhd_header.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace karat::volumes::vhd {
namespace {

Result<Bytes> read_footer(File& file, std::uint64_t offset_bytes, Complaints const& complaints)
{
    Bytes footer(kFooterBytes);
    TRY(read_exactly(file, offset_bytes, footer));
    if (!as_text(footer).starts_with(kFooterCookie))
        return complaints.cut_off("its footer lies");
    if (load_be<std::uint32_t>(footer, at::kChecksum) != checksum(footer, at::kChecksum))
        return complaints.damaged("the checksum of its footer is wrong");
    return footer;
}

Result<void> check_footer(Bytes const& footer, Header const& header, Complaints const& complaints)
{
    auto const version = load_be<std::uint32_t>(footer, at::kVersion);
    if (version >> 16 != kVersion1 >> 16)
        return complaints.unsupported(fmt::format("is of VHD version {:#x}, not 1", version));
    auto const type = load_be<std::uint32_t>(footer, at::kType);
    if (type == kDifferencing)
        return complaints.unsupported("is the difference to a parent disk");
    if (type != kFixed && type != kDynamic)
        return complaints.unsupported(
            fmt::format("is a VHD of type {}, not fixed or dynamic", type));
    if (header.size_bytes == 0)
        return complaints.damaged("its disk has no bytes");
    if (header.size_bytes > kMaxSizeBytes)
        return complaints.damaged(fmt::format(
            "its disk has {} bytes, more than the 2040 GiB of a VHD", header.size_bytes));
    if (header.size_bytes % kSectorBytes != 0)
        return complaints.damaged(
            fmt::format("its disk has {} bytes, which is not whole sectors", header.size_bytes));
    return {};
}

/// The copy at the start must say what the footer says.
Result<void> check_copy(File& file, Bytes const& footer, Complaints const& complaints)
{
    Bytes copy(kFooterBytes);
    TRY(read_exactly(file, 0, copy));
    if (!std::equal(copy.begin(), copy.begin() + at::kUuid + 16, footer.begin()))
        return complaints.damaged("its footer and the copy at its start contradict one another");
    return {};
}

Result<void> check_geometry(Bytes const& bytes, Header& header, Complaints const& complaints)
{
    header.block_bytes = load_be<std::uint32_t>(bytes, dynamic::kBlockBytes);
    if (!std::has_single_bit(header.block_bytes) || header.block_bytes < kMinBlockBytes ||
        header.block_bytes > kMaxBlockBytes)
        return complaints.damaged(
            fmt::format("its blocks have {} bytes, not a power of two from {} to {}",
                        header.block_bytes, kMinBlockBytes, kMaxBlockBytes));
    auto const held = load_be<std::uint32_t>(bytes, dynamic::kEntries);
    auto const needed = (header.size_bytes + header.block_bytes - 1) / header.block_bytes;
    if (held < needed)
        return complaints.damaged(
            fmt::format("its block table has {} entries and its disk needs {}", held, needed));
    header.table = {load_be<std::uint64_t>(bytes, dynamic::kTable), needed * sizeof(std::uint32_t)};
    if (header.table.length_bytes > kMaxTableBytes)
        return complaints.unsupported(fmt::format("has a block table of {} entries, more than {}",
                                                  needed, kMaxTableBytes / sizeof(std::uint32_t)));
    if (!lies_within(header.table, header.data_end))
        return complaints.cut_off("its block table lies");
    if (header.table.offset_bytes < kFooterBytes ||
        overlap(header.table, {header.dynamic_offset, kDynamicBytes}))
        return complaints.damaged("its block table overlaps a header");
    return {};
}

Result<void> read_dynamic(File& file, Bytes const& footer, Header& header,
                          Complaints const& complaints)
{
    TRY(check_copy(file, footer, complaints));
    header.dynamic_offset = load_be<std::uint64_t>(footer, at::kDynamic);
    if (header.dynamic_offset < kFooterBytes)
        return complaints.damaged("its dynamic header overlaps the copy of its footer");
    if (!lies_within({header.dynamic_offset, kDynamicBytes}, header.data_end))
        return complaints.cut_off("its dynamic header lies");
    Bytes bytes(kDynamicBytes);
    TRY(read_exactly(file, header.dynamic_offset, bytes));
    if (!as_text(bytes).starts_with(kDynamicCookie))
        return complaints.damaged("its dynamic header does not begin as one does");
    if (load_be<std::uint32_t>(bytes, dynamic::kChecksum) != checksum(bytes, dynamic::kChecksum))
        return complaints.damaged("the checksum of its dynamic header is wrong");
    auto const version = load_be<std::uint32_t>(bytes, dynamic::kVersion);
    if (version >> 16 != kVersion1 >> 16)
        return complaints.unsupported(
            fmt::format("has a dynamic header of version {:#x}, not 1", version));
    return check_geometry(bytes, header, complaints);
}

} // namespace

Result<Header> read_header(File& file, Complaints const& complaints)
{
    auto const file_bytes = TRY(file.size_bytes());
    if (file_bytes < kFooterBytes)
        return complaints.cut_off("its footer lies");
    Header header;
    header.data_end = file_bytes - kFooterBytes;
    auto const footer = TRY(read_footer(file, header.data_end, complaints));
    header.size_bytes = load_be<std::uint64_t>(footer, at::kSize);
    TRY(check_footer(footer, header, complaints));
    header.dynamic = load_be<std::uint32_t>(footer, at::kType) == kDynamic;
    if (header.dynamic)
        TRY(read_dynamic(file, footer, header, complaints));
    else if (header.size_bytes > header.data_end)
        return complaints.cut_off("its disk reaches");
    return header;
}

} // namespace karat::volumes::vhd
