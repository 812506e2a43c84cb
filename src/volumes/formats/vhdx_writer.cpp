// SPDX-License-Identifier: Apache-2.0
// A dynamic VHDX file (vhdx_format.hpp has the numbers). In MiB:
//
//   0  signature, headers, region tables   1  log, empty   2  metadata   3…  block table   … blocks
#include "formats/crc32c.hpp"
#include "formats/vhdx_format.hpp"
#include "formats/writers.hpp"

#include <algorithm>

namespace karat::volumes {
namespace {

using namespace vhdx;

constexpr std::uint64_t kLogAt = 1 * kMiB;
constexpr std::uint64_t kMetadataAt = 2 * kMiB;
constexpr std::uint64_t kTableAt = 3 * kMiB;
constexpr std::uint32_t kSectorBytes = 512;
constexpr std::uint32_t kPhysicalBytes = 4096;
constexpr std::u16string_view kCreator = u"Karat";

/// Small blocks, until the table would be large.
std::uint64_t block_bytes_for(std::uint64_t size_bytes)
{
    return size_bytes <= (std::uint64_t{1} << 40) ? 2 * kMiB : 32 * kMiB;
}

void put_guid(std::span<std::byte> bytes, std::size_t at, Guid const& guid)
{
    for (std::size_t i = 0; i < guid.size(); ++i)
        bytes[at + i] = std::byte{guid[i]};
}

void seal(std::span<std::byte> bytes) { store_le(bytes, kChecksum, crc32c(bytes)); }

class VhdxWriter {
public:
    VhdxWriter(DiskSource& source, File& file)
        : source_(source)
        , file_(file)
        , block_bytes_(block_bytes_for(source.size_bytes()))
        , chunk_(chunk_entries(block_bytes_, kSectorBytes))
    {
        auto const blocks = (source.size_bytes() + block_bytes_ - 1) / block_bytes_;
        auto const entries = blocks + (blocks - 1) / chunk_;
        table_.resize(entries * sizeof(std::uint64_t));
        table_bytes_ = (table_.size() + kMiB - 1) / kMiB * kMiB;
        end_ = kTableAt + table_bytes_;
    }

    Result<void> run()
    {
        TRY(source_.each_unit(block_bytes_,
                              [this](std::uint64_t unit, std::span<std::byte const> bytes) {
                                  auto const host = end_;
                                  end_ += block_bytes_;
                                  auto const index = unit + unit / chunk_;
                                  store_le(table_, index * sizeof(std::uint64_t), host | kPresent);
                                  return write_sparse(file_, host, bytes);
                              }));
        TRY(file_.write_at(kTableAt, table_));
        TRY(write_metadata());
        TRY(write_regions());
        TRY(write_headers());
        return file_.truncate(end_);
    }

private:
    Result<void> write_metadata()
    {
        struct Item {
            Guid guid;
            std::uint32_t length;
            std::uint32_t flags;
        };
        constexpr auto kDisk = item::kVirtualDisk | item::kRequired;
        std::array<Item, 5> const items{
            Item{guid::kFileParameters, 8, item::kRequired}, Item{guid::kDiskSize, 8, kDisk},
            Item{guid::kDiskId, 16, kDisk}, Item{guid::kLogicalSector, 4, kDisk},
            Item{guid::kPhysicalSector, 4, kDisk}};
        Bytes bytes(kMetadataTableBytes + 64);
        store_text(bytes, 0, kMetadataSignature);
        store_le(bytes, item::kCount, static_cast<std::uint16_t>(items.size()));
        auto place = static_cast<std::uint32_t>(kMetadataTableBytes);
        for (std::size_t i = 0; i < items.size(); ++i) {
            auto const at = item::kFirst + i * item::kEntryBytes;
            put_guid(bytes, at, items[i].guid);
            store_le(bytes, at + item::kOffset, place);
            store_le(bytes, at + item::kLength, items[i].length);
            store_le(bytes, at + item::kFlags, items[i].flags);
            place += items[i].length;
        }
        auto const root = source_.root();
        auto const first = kMetadataTableBytes;
        store_le(bytes, first, static_cast<std::uint32_t>(block_bytes_));
        store_le(bytes, first + 8, source_.size_bytes());
        std::copy_n(root.bytes.begin(), kGuidBytes,
                    bytes.begin() + static_cast<std::ptrdiff_t>(first) + 16);
        store_le(bytes, first + 32, kSectorBytes);
        store_le(bytes, first + 36, kPhysicalBytes);
        return file_.write_at(kMetadataAt, bytes);
    }

    Result<void> write_regions()
    {
        Bytes bytes(kRegionsBytes);
        store_text(bytes, 0, kRegionSignature);
        store_le(bytes, region::kCount, std::uint32_t{2});
        auto const add = [&](std::size_t at, Guid const& guid, std::uint64_t place,
                             std::uint64_t length) {
            put_guid(bytes, at, guid);
            store_le(bytes, at + region::kOffset, place);
            store_le(bytes, at + region::kLength, static_cast<std::uint32_t>(length));
            store_le(bytes, at + region::kRequired, std::uint32_t{1});
        };
        add(region::kFirst, guid::kBlockTable, kTableAt, table_bytes_);
        add(region::kFirst + region::kEntryBytes, guid::kMetadata, kMetadataAt, kMiB);
        seal(bytes);
        for (auto const place : kRegionsAt)
            TRY(file_.write_at(place, bytes));
        return {};
    }

    Result<void> write_headers()
    {
        Bytes signature(kFileSignature.size() + 2 * kCreator.size());
        store_text(signature, 0, kFileSignature);
        for (std::size_t i = 0; i < kCreator.size(); ++i)
            store_le(signature, kFileSignature.size() + 2 * i,
                     static_cast<std::uint16_t>(kCreator[i]));
        TRY(file_.write_at(0, signature));
        auto const root = source_.root();
        for (std::size_t i = 0; i < kHeaderAt.size(); ++i) {
            Bytes bytes(kHeaderBytes);
            store_text(bytes, 0, kHeaderSignature);
            store_le(bytes, at::kSequence, std::uint64_t{i + 1});
            std::copy_n(root.bytes.begin(), kGuidBytes, bytes.begin() + at::kFileWriteGuid);
            std::copy_n(root.bytes.begin() + kGuidBytes, kGuidBytes,
                        bytes.begin() + at::kDataWriteGuid);
            store_le(bytes, at::kVersion, std::uint16_t{1});
            store_le(bytes, at::kLogLength, static_cast<std::uint32_t>(kMiB));
            store_le(bytes, at::kLogOffset, kLogAt);
            seal(bytes);
            TRY(file_.write_at(kHeaderAt[i], bytes));
        }
        return {};
    }

    DiskSource& source_;
    File& file_;
    std::uint64_t block_bytes_;
    std::uint64_t chunk_;
    Bytes table_;
    std::uint64_t table_bytes_;
    std::uint64_t end_; ///< Of what is taken so far.
};

} // namespace

Result<void> write_vhdx(DiskSource& source, File& file) { return VhdxWriter(source, file).run(); }

} // namespace karat::volumes
