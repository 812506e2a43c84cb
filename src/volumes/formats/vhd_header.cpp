// SPDX-License-Identifier: Apache-2.0
#include "formats/vhd_header.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace karat::volumes::vhd {
namespace {

constexpr std::string_view kMerge = "merge it into its parent where it was made (Hyper-V: "
                                    "'Convert-VHD'; XenServer: export it), and "
                                    "import that";
constexpr std::string_view kExport = "convert it to VHDX where it was made, and import that";
constexpr std::size_t kOldFooterBytes = 511; ///< Virtual PC before 2004 left out the last byte.

/// A footer where one may be.
struct Found {
    Bytes footer;
    bool begins_as_one = false;
    bool is_sound = false; ///< Its checksum holds, too.
};

Result<Found> look_at(File& file, std::uint64_t offset_bytes, std::size_t length)
{
    Found found{.footer = Bytes(length)};
    found.footer.resize(TRY(file.read_at(offset_bytes, found.footer)));
    found.footer.resize(kFooterBytes);
    found.begins_as_one = as_text(found.footer).starts_with(kFooterCookie);
    found.is_sound = found.begins_as_one && load_be<std::uint32_t>(found.footer, at::kChecksum) ==
                                                checksum(found.footer, at::kChecksum);
    return found;
}

std::uint32_t type_of(Found const& found)
{
    return load_be<std::uint32_t>(found.footer, at::kType);
}

/// Whether two footers speak of the same disk; times and checksums may differ.
bool agree(Found const& one, Found const& other)
{
    return type_of(one) == type_of(other) &&
           load_be<std::uint64_t>(one.footer, at::kSize) ==
               load_be<std::uint64_t>(other.footer, at::kSize) &&
           load_be<std::uint64_t>(one.footer, at::kDynamic) ==
               load_be<std::uint64_t>(other.footer, at::kDynamic);
}

/// The footer at the end; where that is lost or damaged, the copy at the start of a disk that is
/// not fixed. Says in the header where the data ends.
Result<Bytes> find_footer(File& file, Header& header, Complaints const& complaints)
{
    auto const file_bytes = TRY(file.size_bytes());
    if (file_bytes < kFooterBytes)
        return complaints.cut_off("its footer lies");
    header.data_end = file_bytes - kFooterBytes;
    auto end = TRY(look_at(file, header.data_end, kFooterBytes));
    if (!end.begins_as_one) {
        auto const old_end = file_bytes - kOldFooterBytes;
        end = TRY(look_at(file, old_end, kOldFooterBytes));
        header.data_end = end.begins_as_one ? old_end : file_bytes;
    }
    auto const copy = TRY(look_at(file, 0, kFooterBytes));
    bool const copy_counts = copy.is_sound && type_of(copy) != kFixed;
    if (end.is_sound && type_of(end) != kFixed && copy_counts && !agree(end, copy))
        return complaints.damaged("its footer and the copy at its start contradict one another");
    if (end.is_sound)
        return end.footer;
    if (copy_counts)
        return copy.footer;
    if (end.begins_as_one)
        return complaints.damaged("the checksum of its footer is wrong");
    return complaints.cut_off("its footer lies");
}

Result<void> check_footer(Bytes const& footer, Header const& header, Complaints const& complaints)
{
    auto const version = load_be<std::uint32_t>(footer, at::kVersion);
    if (version >> 16 != kVersion1 >> 16)
        return complaints.unsupported(fmt::format("is of VHD version {:#x}, not 1", version),
                                      kExport);
    auto const type = load_be<std::uint32_t>(footer, at::kType);
    if (type == kDifferencing)
        return complaints.unsupported("is the difference to a parent disk", kMerge);
    if (type != kFixed && type != kDynamic)
        return complaints.unsupported(
            fmt::format("is a VHD of type {}, not fixed or dynamic", type), kExport);
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
        return complaints.convertible(fmt::format("has a block table of {} entries, more than {}",
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
            fmt::format("has a dynamic header of version {:#x}, not 1", version), kExport);
    return check_geometry(bytes, header, complaints);
}

} // namespace

Result<Header> read_header(File& file, Complaints const& complaints)
{
    Header header;
    auto const footer = TRY(find_footer(file, header, complaints));
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
