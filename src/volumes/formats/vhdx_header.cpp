// SPDX-License-Identifier: Apache-2.0
#include "formats/vhdx_header.hpp"

#include "formats/crc32c.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <optional>

namespace karat::volumes::vhdx {

Guid guid_at(std::span<std::byte const> bytes, std::size_t at)
{
    Guid guid{};
    for (std::size_t i = 0; i < guid.size(); ++i)
        guid[i] = std::to_integer<std::uint8_t>(bytes[at + i]);
    return guid;
}

bool is_sound(Bytes const& bytes, std::string_view signature)
{
    if (!as_text(bytes).starts_with(signature))
        return false;
    auto plain = bytes;
    store_le(plain, kChecksum, std::uint32_t{0});
    return crc32c(plain) == load_le<std::uint32_t>(bytes, kChecksum);
}

namespace {

constexpr std::string_view kMerge =
    "merge it into its parent with 'Convert-VHD' where it was made, and import that";
constexpr std::string_view kConvert = "convert it with 'Convert-VHD' where it was made";

/// Of a structure and its double, the sound one with the higher sequence number.
Result<std::optional<Bytes>> choose(File& file, std::array<std::uint64_t, 2> const& places,
                                    std::size_t length, std::string_view signature,
                                    std::optional<std::size_t> sequence_at)
{
    std::optional<Bytes> chosen;
    for (auto const place : places) {
        Bytes bytes(length);
        auto const got = TRY(file.read_at(place, bytes));
        if (got < length || !is_sound(bytes, signature))
            continue;
        if (!chosen || (sequence_at && load_le<std::uint64_t>(bytes, *sequence_at) >
                                           load_le<std::uint64_t>(*chosen, *sequence_at)))
            chosen = std::move(bytes);
    }
    return chosen;
}

/// Reads one after the other what the parts of a file say.
class Draft {
public:
    Draft(File& file, std::uint64_t file_bytes, Complaints const& complaints)
        : file_(file)
        , file_bytes_(file_bytes)
        , complaints_(complaints)
    {
    }

    Result<Header> read()
    {
        TRY(read_log());
        TRY(read_regions());
        if (!metadata_ || !table_)
            return complaints_.damaged("its region table names no metadata or no block table");
        TRY(check_regions());
        TRY(read_metadata());
        TRY(check_geometry());
        header_.reserved.push_back({0, kHeaderAreaBytes});
        return std::move(header_);
    }

private:
    Result<void> read_log()
    {
        auto const log = TRY(find_log(file_, complaints_)).range;
        if (log.length_bytes > 0)
            TRY(reserve("log", log));
        return {};
    }

    /// Takes note of a part of the file that lies where it can.
    Result<void> reserve(std::string_view name, Range place)
    {
        if (place.offset_bytes < kHeaderAreaBytes || place.offset_bytes % kMiB != 0 ||
            place.length_bytes == 0)
            return complaints_.damaged(fmt::format("its {} does not lie as it must", name));
        if (!lies_within(place, file_bytes_))
            return complaints_.cut_off(fmt::format("its {} lies", name));
        for (auto const& other : header_.reserved)
            if (overlap(place, other))
                return complaints_.damaged(fmt::format("its {} overlaps another part", name));
        header_.reserved.push_back(place);
        return {};
    }

    Result<void> read_regions()
    {
        auto const found = TRY(choose(file_, kRegionsAt, kRegionsBytes, kRegionSignature, {}));
        if (!found)
            return complaints_.damaged("the checksums of both its region tables are wrong");
        auto const count = load_le<std::uint32_t>(*found, region::kCount);
        if (count > kMaxEntries)
            return complaints_.damaged(
                fmt::format("its region table has {} entries, more than {}", count, kMaxEntries));
        for (std::size_t i = 0; i < count; ++i) {
            auto const entry = std::span<std::byte const>(*found).subspan(
                region::kFirst + i * region::kEntryBytes, region::kEntryBytes);
            TRY(add_region(entry));
        }
        return {};
    }

    Result<void> add_region(std::span<std::byte const> entry)
    {
        Range const place{load_le<std::uint64_t>(entry, region::kOffset),
                          load_le<std::uint32_t>(entry, region::kLength)};
        auto const guid = guid_at(entry, 0);
        if (guid != guid::kMetadata && guid != guid::kBlockTable) {
            if ((load_le<std::uint32_t>(entry, region::kRequired) & 1) != 0)
                return complaints_.unsupported("needs a region that Karat does not know", kConvert);
            return {};
        }
        auto& region = guid == guid::kMetadata ? metadata_ : table_;
        if (region)
            return complaints_.damaged("its region table names the same region twice");
        region = place;
        return {};
    }

    Result<void> check_regions()
    {
        TRY(reserve("metadata region", *metadata_));
        return reserve("block table", *table_);
    }

    Result<void> read_metadata()
    {
        if (metadata_->length_bytes < kMetadataTableBytes)
            return complaints_.damaged("its metadata region is too small for its table");
        Bytes table(kMetadataTableBytes);
        TRY(read_exactly(file_, metadata_->offset_bytes, table));
        if (!as_text(table).starts_with(kMetadataSignature))
            return complaints_.damaged("its metadata does not begin as it must");
        auto const count = load_le<std::uint16_t>(table, item::kCount);
        if (count > kMaxEntries)
            return complaints_.damaged(
                fmt::format("its metadata has {} items, more than {}", count, kMaxEntries));
        for (std::size_t i = 0; i < count; ++i) {
            auto const entry = std::span<std::byte const>(table).subspan(
                item::kFirst + i * item::kEntryBytes, item::kEntryBytes);
            TRY(add_item(entry));
        }
        return {};
    }

    Result<void> add_item(std::span<std::byte const> entry)
    {
        auto const guid = guid_at(entry, 0);
        if (guid == guid::kParentLocator)
            return complaints_.unsupported("is the difference to a parent disk", kMerge);
        if (guid == guid::kFileParameters)
            return read_parameters(entry);
        if (guid == guid::kDiskSize)
            return read_number(entry, "size", sizeof(std::uint64_t), header_.size_bytes);
        if (guid == guid::kLogicalSector)
            return read_number(entry, "sector size", sizeof(std::uint32_t), header_.sector_bytes);
        bool const known = guid == guid::kDiskId || guid == guid::kPhysicalSector;
        if (!known && (load_le<std::uint32_t>(entry, item::kFlags) & item::kRequired) != 0)
            return complaints_.unsupported("needs metadata that Karat does not know", kConvert);
        return {};
    }

    /// The bytes of an item that must have at least `length_bytes`.
    Result<Bytes> item_of(std::span<std::byte const> entry, std::string_view name,
                          std::size_t length_bytes)
    {
        auto const offset = load_le<std::uint32_t>(entry, item::kOffset);
        auto const length = load_le<std::uint32_t>(entry, item::kLength);
        if (length < length_bytes || offset < kMetadataTableBytes ||
            !lies_within({offset, length_bytes}, metadata_->length_bytes))
            return complaints_.damaged(fmt::format("its item '{}' does not lie as it must", name));
        Bytes bytes(length_bytes);
        TRY(read_exactly(file_, metadata_->offset_bytes + offset, bytes));
        return bytes;
    }

    Result<void> read_parameters(std::span<std::byte const> entry)
    {
        auto const bytes = TRY(item_of(entry, "file parameters", 8));
        if (header_.block_bytes != 0)
            return complaints_.damaged("its metadata has the item 'file parameters' twice");
        header_.block_bytes = load_le<std::uint32_t>(bytes, 0);
        if ((load_le<std::uint32_t>(bytes, 4) & kHasParent) != 0)
            return complaints_.unsupported("is the difference to a parent disk", kMerge);
        return {};
    }

    Result<void> read_number(std::span<std::byte const> entry, std::string_view name,
                             std::size_t length_bytes, std::uint64_t& into)
    {
        auto const bytes = TRY(item_of(entry, name, length_bytes));
        if (into != 0)
            return complaints_.damaged(fmt::format("its metadata has the item '{}' twice", name));
        into = length_bytes == sizeof(std::uint64_t) ? load_le<std::uint64_t>(bytes, 0)
                                                     : load_le<std::uint32_t>(bytes, 0);
        return {};
    }

    Result<void> check_geometry()
    {
        auto const block = header_.block_bytes;
        if (!std::has_single_bit(block) || block < kMinBlockBytes || block > kMaxBlockBytes)
            return complaints_.damaged(fmt::format(
                "its blocks have {} bytes, not a power of two from 1 to 256 MiB", block));
        if (header_.sector_bytes != 512 && header_.sector_bytes != 4096)
            return complaints_.damaged(
                fmt::format("its sectors have {} bytes, not 512 or 4096", header_.sector_bytes));
        if (header_.size_bytes == 0)
            return complaints_.damaged("its disk has no bytes");
        if (header_.size_bytes > kMaxDiskBytes)
            return complaints_.too_large();
        if (header_.size_bytes % header_.sector_bytes != 0)
            return complaints_.damaged(fmt::format(
                "its disk has {} bytes, which is not whole sectors", header_.size_bytes));
        auto const blocks = (header_.size_bytes + block - 1) / block;
        auto const entries = blocks + (blocks - 1) / header_.chunk();
        if (entries > table_->length_bytes / sizeof(std::uint64_t))
            return complaints_.damaged(
                fmt::format("its block table has {} entries and its disk needs {}",
                            table_->length_bytes / sizeof(std::uint64_t), entries));
        header_.table = {table_->offset_bytes, entries * sizeof(std::uint64_t)};
        return {};
    }

    File& file_;
    std::uint64_t file_bytes_;
    Complaints const& complaints_;
    Header header_;
    std::optional<Range> metadata_;
    std::optional<Range> table_;
};

} // namespace

Result<LogPlace> find_log(File& file, Complaints const& complaints)
{
    auto const file_bytes = TRY(file.size_bytes());
    Bytes start(kFileSignature.size());
    start.resize(TRY(file.read_at(0, start)));
    if (as_text(start) != kFileSignature)
        return complaints.damaged("it does not start as a VHDX file does");
    if (file_bytes < kHeaderAreaBytes)
        return complaints.cut_off("its headers lie");
    auto const found = TRY(choose(file, kHeaderAt, kHeaderBytes, kHeaderSignature, at::kSequence));
    if (!found)
        return complaints.damaged("the checksums of both its headers are wrong");
    auto const version = load_le<std::uint16_t>(*found, at::kVersion);
    if (version != 1)
        return complaints.unsupported(fmt::format("is of VHDX version {}, not 1", version),
                                      kConvert);
    return LogPlace{{load_le<std::uint64_t>(*found, at::kLogOffset),
                     load_le<std::uint32_t>(*found, at::kLogLength)},
                    guid_at(*found, at::kLogGuid)};
}

Result<Header> read_header(File& file, Complaints const& complaints)
{
    auto const file_bytes = TRY(file.size_bytes());
    return Draft(file, file_bytes, complaints).read();
}

} // namespace karat::volumes::vhdx
