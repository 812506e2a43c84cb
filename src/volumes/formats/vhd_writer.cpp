// SPDX-License-Identifier: Apache-2.0
// VHD files (vhd_format.hpp has the numbers). A dynamic one, with blocks of 2 MiB:
//
//   0     copy of the footer
//   512   dynamic header
//   1536  block table
//   …     blocks: the bitmap's sector, then data at a multiple of 4 KiB, so that holes can be kept
//   end   footer
#include "formats/vhd_format.hpp"
#include "formats/writers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

using namespace vhd;

constexpr std::uint64_t kBlockBytes = 2 << 20;
constexpr std::uint64_t kTableAt = kFooterBytes + kDynamicBytes;
constexpr std::uint64_t kAlign = 4096;
// QEMU takes the size from the footer only of creators that it knows; of others it would take the
// cylinders, which cannot express most sizes.
constexpr std::string_view kCreator = "qem2";
constexpr std::string_view kHost = "Wi2k";

struct Geometry {
    std::uint16_t cylinders;
    std::uint8_t heads;
    std::uint8_t sectors;
};

/// The specification's own algorithm (its appendix), for readers that want cylinders.
Geometry geometry_of(std::uint64_t size_bytes)
{
    constexpr std::uint64_t kMost = std::uint64_t{65535} * 16 * 255;
    auto const total = std::min(size_bytes / kSectorBytes, kMost);
    std::uint64_t sectors = 255;
    std::uint64_t heads = 16;
    if (total < std::uint64_t{65535} * 16 * 63) {
        sectors = 17;
        heads = std::max<std::uint64_t>((total / sectors + 1023) / 1024, 4);
        if (total / sectors >= heads * 1024 || heads > 16) {
            sectors = 31;
            heads = 16;
        }
        if (total / sectors >= heads * 1024) {
            sectors = 63;
            heads = 16;
        }
    }
    return {static_cast<std::uint16_t>(total / sectors / heads), static_cast<std::uint8_t>(heads),
            static_cast<std::uint8_t>(sectors)};
}

Bytes footer_of(DiskSource const& source, std::uint32_t type)
{
    auto const geometry = geometry_of(source.size_bytes());
    Bytes footer(kFooterBytes);
    store_text(footer, 0, kFooterCookie);
    store_be(footer, at::kFeatures, kReservedFeature);
    store_be(footer, at::kVersion, kVersion1);
    store_be(footer, at::kDynamic, type == kDynamic ? std::uint64_t{kFooterBytes} : kNowhere);
    store_text(footer, at::kCreator, kCreator);
    store_be(footer, at::kCreatorVersion, kVersion1);
    store_text(footer, at::kCreatorHost, kHost);
    store_be(footer, at::kOriginalSize, source.size_bytes());
    store_be(footer, at::kSize, source.size_bytes());
    store_be(footer, at::kCylinders, geometry.cylinders);
    store_be(footer, at::kHeads, geometry.heads);
    store_be(footer, at::kSectors, geometry.sectors);
    store_be(footer, at::kType, type);
    auto const root = source.root();
    std::copy_n(root.bytes.begin(), 16, footer.begin() + at::kUuid);
    store_be(footer, at::kChecksum, checksum(footer, at::kChecksum));
    return footer;
}

Result<void> check_size(DiskSource const& source)
{
    if (source.size_bytes() > kMaxSizeBytes)
        return fail(Fault::invalid,
                    fmt::format("A disk of {} bytes does not fit into a VHD file, which holds 2040 "
                                "GiB; use qcow2 or vhdx",
                                source.size_bytes()));
    return {};
}

std::uint64_t blocks_of(DiskSource const& source)
{
    return (source.size_bytes() + kBlockBytes - 1) / kBlockBytes;
}

Bytes dynamic_header_of(DiskSource const& source)
{
    Bytes header(kDynamicBytes);
    store_text(header, 0, kDynamicCookie);
    store_be(header, dynamic::kNext, kNowhere);
    store_be(header, dynamic::kTable, kTableAt);
    store_be(header, dynamic::kVersion, kVersion1);
    store_be(header, dynamic::kEntries, static_cast<std::uint32_t>(blocks_of(source)));
    store_be(header, dynamic::kBlockBytes, static_cast<std::uint32_t>(kBlockBytes));
    store_be(header, dynamic::kChecksum, checksum(header, dynamic::kChecksum));
    return header;
}

} // namespace

Result<void> write_vhd_dynamic(DiskSource& source, File& file)
{
    TRY(check_size(source));
    constexpr auto kBitmap = bitmap_bytes(kBlockBytes);
    auto const table_bytes = blocks_of(source) * sizeof(std::uint32_t);
    Bytes table((table_bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes, std::byte{0xff});
    auto end = kTableAt + table.size();
    Bytes const bitmap(kBitmap, std::byte{0xff});
    TRY(source.each_unit(kBlockBytes,
                         [&](std::uint64_t unit, std::span<std::byte const> bytes) -> Result<void> {
                             auto const data = (end + kBitmap + kAlign - 1) / kAlign * kAlign;
                             store_be(table, unit * sizeof(std::uint32_t),
                                      static_cast<std::uint32_t>((data - kBitmap) / kSectorBytes));
                             end = data + kBlockBytes;
                             TRY(file.write_at(data - kBitmap, bitmap));
                             return write_sparse(file, data, bytes);
                         }));
    auto const footer = footer_of(source, kDynamic);
    TRY(file.write_at(kTableAt, table));
    TRY(file.write_at(kFooterBytes, dynamic_header_of(source)));
    TRY(file.write_at(0, footer));
    return file.write_at(end, footer);
}

Result<void> write_vhd_fixed(DiskSource& source, File& file)
{
    TRY(check_size(source));
    TRY(write_raw(source, file));
    return file.write_at(source.size_bytes(), footer_of(source, kFixed));
}

} // namespace karat::volumes
