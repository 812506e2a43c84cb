// SPDX-License-Identifier: Apache-2.0
// Reads VMDK files of strangers: monolithicSparse and streamOptimized. What bounds it, beside
// MappedReader's bounds:
//   memory   two grain directories (8 MiB each at most, and inside the file), two grain tables,
//            one grain
//   work     grain tables are distinct, so all of them together fit the file; a packed grain takes
//            little more than a plain one and unpacks to one grain, whatever else it would say
#include "decompress.hpp"
#include "formats/mapped_reader.hpp"
#include "formats/vmdk_header.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace karat::volumes {
namespace {

using namespace vmdk;

class VmdkReader final : public MappedReader {
public:
    VmdkReader(std::unique_ptr<File> disk, Header const& header, Complaints complaints)
        : MappedReader(std::move(disk), header.size_bytes, std::move(complaints))
        , header_(header)
    {
    }

    Result<void> read_directory()
    {
        directory_ = TRY(read_entries(header_.directory));
        spare_ = TRY(read_entries(header_.spare));
        if (!check_tables(spare_).ok())
            spare_.clear(); // what is damaged itself mends nothing
        for (std::size_t i = 0; i < spare_.size(); ++i)
            if (directory_[i] == 0 || !check_table(i, directory_[i]).ok())
                directory_[i] = spare_[i];
        auto sound = check_tables(directory_);
        if (!sound.ok() && !spare_.empty()) {
            directory_ = spare_;
            return {};
        }
        return sound;
    }

protected:
    Result<Piece> find(std::uint64_t offset_bytes) override
    {
        auto const index = offset_bytes / header_.bytes_per_table();
        if (directory_[index] == 0)
            return nothing(offset_bytes, tables_end(index));
        if (loaded_ != index)
            TRY(load(index));
        if (table_.empty())
            return nothing(offset_bytes, (index + 1) * header_.bytes_per_table());
        return grain_at(offset_bytes);
    }

    std::uint64_t unit_bytes() const override { return header_.grain_bytes; }

    Result<void> unpack(Piece const& piece, std::span<std::byte const> packed,
                        std::span<std::byte> into) override
    {
        if (inflate_grain(packed, into))
            return {};
        return complaints().damaged(fmt::format(
            "the compressed grain at byte {} of its disk cannot be read", piece.unit_offset));
    }

private:
    Result<std::vector<std::uint32_t>> read_entries(Range place)
    {
        Bytes bytes(place.length_bytes);
        TRY(read_exactly(file(), place.offset_bytes, bytes));
        std::vector<std::uint32_t> entries(bytes.size() / sizeof(std::uint32_t));
        for (std::size_t i = 0; i < entries.size(); ++i)
            entries[i] = load_le<std::uint32_t>(bytes, i * sizeof(std::uint32_t));
        return entries;
    }

    /// Tables are distinct, and lie where tables can.
    Result<void> check_tables(std::vector<std::uint32_t> places) const
    {
        for (std::size_t i = 0; i < places.size(); ++i)
            if (places[i] != 0)
                TRY(check_table(i, places[i]));
        std::erase(places, 0U);
        std::sort(places.begin(), places.end());
        if (std::adjacent_find(places.begin(), places.end()) != places.end())
            return complaints().damaged("two entries of its grain directory share one table");
        return {};
    }

    Result<void> check_table(std::uint64_t index, std::uint64_t sector) const
    {
        auto const host = sector * kSectorBytes;
        if (host > file_bytes() || file_bytes() - host < kTableBytes)
            return complaints().cut_off(fmt::format("the grain table {} lies", index));
        if (host < header_.directory.end_bytes() &&
            header_.directory.offset_bytes < host + kTableBytes)
            return complaints().damaged("a grain table overlaps the grain directory");
        return {};
    }

    /// Where the tables that are absent from `index` on end, in bytes of the disk.
    std::uint64_t tables_end(std::uint64_t index) const
    {
        while (index < directory_.size() && directory_[index] == 0)
            ++index;
        return index * header_.bytes_per_table();
    }

    Piece piece(Kind kind, std::uint64_t offset_bytes, std::uint64_t end_bytes) const
    {
        auto const length = std::min(end_bytes, size_bytes()) - offset_bytes;
        return {.stretch = {kind, {offset_bytes, length}}};
    }
    Piece nothing(std::uint64_t offset_bytes, std::uint64_t end_bytes) const
    {
        return piece(Kind::unallocated, offset_bytes, end_bytes);
    }

    /// The table of `index`; where it says nothing or nonsense, its double if that is better.
    Result<void> load(std::uint64_t index)
    {
        loaded_ = kNothing;
        table_ = TRY(read_table(directory_[index]));
        bool const doubtful = table_.empty() || says_nothing(table_) || !is_sound(table_);
        if (doubtful && !spare_.empty() && spare_[index] != 0 &&
            spare_[index] != directory_[index]) {
            auto spare = TRY(read_table(spare_[index]));
            if (!spare.empty() && is_sound(spare))
                table_ = std::move(spare);
        }
        loaded_ = index;
        return {};
    }

    /// A table in a hole of a sparse file is not read: it is empty.
    Result<Bytes> read_table(std::uint64_t sector)
    {
        Bytes table;
        auto const host = sector * kSectorBytes;
        auto const held = TRY(stored().at({host, kTableBytes}));
        if (held.kind == Kind::data || held.range.length_bytes < kTableBytes) {
            table.resize(kTableBytes);
            TRY(read_exactly(file(), host, table));
        }
        return table;
    }

    static bool says_nothing(Bytes const& table)
    {
        return std::all_of(table.begin(), table.end(), [](auto b) { return b == std::byte{0}; });
    }

    /// Whether each grain begins inside of the file.
    bool is_sound(Bytes const& table) const
    {
        for (std::size_t at = 0; at < table.size(); at += sizeof(std::uint32_t))
            if (load_le<std::uint32_t>(table, at) * kSectorBytes >= file_bytes())
                return false;
        return true;
    }

    std::uint32_t entry(std::uint64_t grain) const
    {
        return load_le<std::uint32_t>(table_, grain % kTableEntries * sizeof(std::uint32_t));
    }

    Result<Piece> grain_at(std::uint64_t offset_bytes)
    {
        auto grain = offset_bytes / header_.grain_bytes;
        auto const place = entry(grain);
        if (place == 0) {
            auto const end = (grain / kTableEntries + 1) * kTableEntries;
            while (grain < end && entry(grain) == 0)
                ++grain;
            return nothing(offset_bytes, grain * header_.grain_bytes);
        }
        auto const start = grain * header_.grain_bytes;
        auto const end = start + header_.grain_bytes;
        if (place == kZeroGrain && header_.zero_grains)
            return piece(Kind::zero, offset_bytes, end);
        auto found = piece(Kind::data, offset_bytes, end);
        found.unit_offset = start;
        TRY(place_grain(found, place * kSectorBytes));
        return found;
    }

    Result<void> place_grain(Piece& found, std::uint64_t host)
    {
        auto const begins_in = [host](Range const& part) {
            return host >= part.offset_bytes && host < part.end_bytes();
        };
        if (host == 0 || begins_in(header_.directory) || begins_in(header_.descriptor))
            return complaints().damaged("a grain overlaps a header or the grain directory");
        if (header_.packed)
            return place_packed(found, host);
        auto const start = found.unit_offset;
        auto const needed = std::min(header_.grain_bytes, size_bytes() - start);
        if (host > file_bytes() || file_bytes() - host < needed)
            return complaints().cut_off("a grain lies");
        found.host_offset = host + (found.stretch.range.offset_bytes - start);
        return {};
    }

    Result<void> place_packed(Piece& found, std::uint64_t host)
    {
        Bytes head(marker::kGrainHeadBytes);
        if (host > file_bytes() || file_bytes() - host < head.size())
            return complaints().cut_off("a grain lies");
        TRY(read_exactly(file(), host, head));
        auto const sector = load_le<std::uint64_t>(head, marker::kValue);
        auto const length = load_le<std::uint32_t>(head, marker::kSize);
        if (sector != found.unit_offset / kSectorBytes)
            return complaints().damaged(
                fmt::format("the grain of sector {} says that it belongs to sector {}",
                            found.unit_offset / kSectorBytes, sector));
        if (length == 0 || length > header_.grain_bytes + kMaxPackedSlack)
            return complaints().damaged(fmt::format("a compressed grain has {} bytes", length));
        host += head.size();
        if (file_bytes() - host < length)
            return complaints().cut_off("a grain lies");
        found.host_offset = host;
        found.packed_bytes = length;
        return {};
    }

    static constexpr std::uint64_t kNothing = ~std::uint64_t{0};

    Header header_;
    std::vector<std::uint32_t> directory_; ///< The sector of each grain table; 0: there is none.
    std::vector<std::uint32_t> spare_;     ///< The same of the tables' doubles, if there are any.
    std::uint64_t loaded_ = kNothing;      ///< The directory's index whose table is in table_.
    Bytes table_;                          ///< Empty: the table is a hole, there are no grains.
};

} // namespace

Result<std::unique_ptr<DiskReader>> open_vmdk(std::unique_ptr<File> file, DiskName const& name)
{
    Complaints const complaints(name, Trust::stranger, "vmdk");
    auto const header = TRY(vmdk::read_header(*file, complaints));
    auto reader = std::make_unique<VmdkReader>(std::move(file), header, complaints);
    TRY(reader->measure());
    TRY(reader->read_directory());
    return std::unique_ptr<DiskReader>(std::move(reader));
}

} // namespace karat::volumes
