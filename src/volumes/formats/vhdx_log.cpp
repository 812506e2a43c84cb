// SPDX-License-Identifier: Apache-2.0
#include "formats/vhdx_log.hpp"

#include "formats/crc32c.hpp"
#include "formats/patched_file.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes::vhdx {
namespace {

constexpr std::uint64_t kMaxLogBytes = 16 << 20;
constexpr std::uint64_t kMaxWork = 4;            // times the log: what its checksums may cost
constexpr std::size_t kMaxZeroRanges = 64 << 10; // they take no room in the log to speak of

/// An entry whose checksum holds.
struct Entry {
    std::uint64_t at = 0; ///< In the log.
    std::uint64_t tail = 0;
    std::uint64_t sequence = 0;
    Bytes bytes = {};
};

class Log {
public:
    Log(Bytes bytes, Guid const& guid, Complaints const& complaints)
        : bytes_(std::move(bytes))
        , guid_(guid)
        , complaints_(complaints)
        , budget_bytes_(kMaxWork * bytes_.size())
    {
    }

    /// The changes of the entries that count, oldest first, and the file's size after them. Nothing
    /// if none counts: then none of them was ever begun.
    Result<Patches> replay(std::uint64_t& file_bytes)
    {
        TRY(find_entries());
        Patches patches;
        auto const active = active_sequence();
        for (auto const* const entry : active)
            TRY(apply(*entry, patches));
        if (active.empty())
            return patches;
        auto const& head = active.back()->bytes;
        if (file_bytes < load_le<std::uint64_t>(head, entry::kFlushedSize))
            return complaints_.cut_off("blocks that its log speaks of lie");
        file_bytes = std::max(file_bytes, std::min(load_le<std::uint64_t>(head, entry::kLastSize),
                                                   2 * kMaxDiskBytes));
        return patches;
    }

private:
    /// So many bytes of the log from a place on, past its end from its start.
    Bytes part(std::uint64_t at, std::uint64_t length) const
    {
        Bytes result(length);
        auto const first = std::min<std::uint64_t>(length, bytes_.size() - at);
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at), first, result.begin());
        std::copy_n(bytes_.begin(), length - first,
                    result.begin() + static_cast<std::ptrdiff_t>(first));
        return result;
    }

    Result<void> find_entries()
    {
        by_sector_.resize(bytes_.size() / kLogSectorBytes, kNone);
        for (std::uint64_t at = 0; at < bytes_.size();) {
            auto found = TRY(entry_at(at));
            if (!found) {
                at += kLogSectorBytes;
                continue;
            }
            by_sector_[at / kLogSectorBytes] = entries_.size();
            at += found->bytes.size();
            entries_.push_back(std::move(*found));
        }
        return {};
    }

    Result<std::optional<Entry>> entry_at(std::uint64_t at)
    {
        auto const none = std::optional<Entry>();
        auto const head = part(at, kLogSectorBytes);
        auto const length = load_le<std::uint32_t>(head, entry::kLength);
        Entry found{.at = at,
                    .tail = load_le<std::uint32_t>(head, entry::kTail),
                    .sequence = load_le<std::uint64_t>(head, entry::kSequence)};
        if (!as_text(head).starts_with(kLogSignature) || guid_at(head, entry::kGuid) != guid_ ||
            length < kLogSectorBytes || length % kLogSectorBytes != 0 || length > bytes_.size() ||
            found.tail % kLogSectorBytes != 0 || found.tail >= bytes_.size() || found.sequence == 0)
            return none;
        if (length > budget_bytes_)
            return complaints_.damaged("its log contradicts itself");
        budget_bytes_ -= length;
        found.bytes = part(at, length);
        if (!is_sound(found.bytes, kLogSignature) || !has_sound_parts(found))
            return none;
        return std::optional(std::move(found));
    }

    /// Whether all that the entry lists is in it, whole.
    static bool has_sound_parts(Entry const& found)
    {
        auto const count = load_le<std::uint32_t>(found.bytes, entry::kCount);
        if (count > (found.bytes.size() - entry::kFirst) / entry::kDescriptorBytes)
            return false;
        auto data = data_start(count);
        for (std::size_t i = 0; i < count; ++i) {
            auto const one = descriptor(found, i);
            if (load_le<std::uint64_t>(one, change::kSequence) != found.sequence)
                return false;
            if (as_text(one).starts_with(kZeroSignature))
                continue;
            if (!as_text(one).starts_with(kDataSignature) ||
                data + kLogSectorBytes > found.bytes.size())
                return false;
            auto const sector = std::span(found.bytes).subspan(data, kLogSectorBytes);
            auto const high = std::uint64_t{load_le<std::uint32_t>(sector, data::kSequenceHigh)};
            auto const low = load_le<std::uint32_t>(sector, data::kSequenceLow);
            if (!as_text(sector).starts_with(data::kSignature) ||
                (high << 32 | low) != found.sequence)
                return false;
            data += kLogSectorBytes;
        }
        return true;
    }

    static std::size_t data_start(std::size_t count)
    {
        auto const used = entry::kFirst + count * entry::kDescriptorBytes;
        return (used + kLogSectorBytes - 1) / kLogSectorBytes * kLogSectorBytes;
    }

    static std::span<std::byte const> descriptor(Entry const& found, std::size_t index)
    {
        return std::span(found.bytes)
            .subspan(entry::kFirst + index * entry::kDescriptorBytes, entry::kDescriptorBytes);
    }

    Entry const* entry_of(std::uint64_t at) const
    {
        auto const index = by_sector_[at / kLogSectorBytes];
        return index == kNone ? nullptr : &entries_[index];
    }

    /// The entries from the tail of the newest one to itself, if they follow on one another; else
    /// those of the next newest that do.
    std::vector<Entry const*> active_sequence() const
    {
        std::vector<Entry const*> heads;
        for (auto const& one : entries_)
            heads.push_back(&one);
        std::sort(heads.begin(), heads.end(),
                  [](auto const* a, auto const* b) { return a->sequence > b->sequence; });
        for (auto const* const head : heads) {
            std::vector<Entry const*> sequence;
            for (auto const* one = entry_of(head->tail);
                 one != nullptr && one->sequence <= head->sequence;
                 one = entry_of((one->at + one->bytes.size()) % bytes_.size())) {
                if (!sequence.empty() && one->sequence != sequence.back()->sequence + 1)
                    break;
                sequence.push_back(one);
                if (one == head)
                    return sequence;
            }
        }
        return {};
    }

    Result<void> apply(Entry const& found, Patches& patches)
    {
        auto const count = load_le<std::uint32_t>(found.bytes, entry::kCount);
        auto data = data_start(count);
        for (std::size_t i = 0; i < count; ++i) {
            auto const one = descriptor(found, i);
            auto const offset = load_le<std::uint64_t>(one, change::kOffset);
            bool const zeroes = as_text(one).starts_with(kZeroSignature);
            auto const length =
                zeroes ? load_le<std::uint64_t>(one, change::kZeroLength) : kLogSectorBytes;
            if (!lies_within({offset, length}, 2 * kMaxDiskBytes) ||
                (zeroes && ++zero_ranges_ > kMaxZeroRanges))
                return complaints_.damaged("its log changes what cannot be there");
            if (zeroes) {
                patches.zero({offset, length});
                continue;
            }
            // The sector's own marks stand where its first and last bytes were.
            auto sector =
                Bytes(found.bytes.begin() + static_cast<std::ptrdiff_t>(data),
                      found.bytes.begin() + static_cast<std::ptrdiff_t>(data + kLogSectorBytes));
            std::copy_n(one.begin() + change::kLeading, data::kData, sector.begin());
            std::copy_n(one.begin() + change::kTrailing, kLogSectorBytes - data::kSequenceLow,
                        sector.begin() + data::kSequenceLow);
            patches.put(offset, sector);
            data += kLogSectorBytes;
        }
        return {};
    }

    static constexpr std::size_t kNone = ~std::size_t{0};

    Bytes bytes_;
    Guid guid_;
    Complaints const& complaints_;
    std::uint64_t budget_bytes_;
    std::size_t zero_ranges_ = 0;
    std::vector<Entry> entries_;
    std::vector<std::size_t> by_sector_; ///< The entry that begins at a sector of the log.
};

} // namespace

Result<std::unique_ptr<File>> replay_log(std::unique_ptr<File> file, Complaints const& complaints)
{
    auto const place = TRY(find_log(*file, complaints));
    auto file_bytes = TRY(file->size_bytes());
    if (place.guid == Guid{} || place.range.length_bytes == 0)
        return file;
    if (place.range.length_bytes > kMaxLogBytes)
        return complaints.unsupported(
            "was not closed properly, and has a log of more than 16 MiB",
            fmt::format("where you trust it, let 'qemu-img check -r all -f vhdx {}' make the "
                        "changes that wait there, and import it again",
                        shell_word(complaints.name().path)));
    if (place.range.length_bytes % kLogSectorBytes != 0)
        return complaints.damaged("its log does not lie as it must");
    if (!lies_within(place.range, file_bytes))
        return complaints.cut_off("its log lies");
    Bytes bytes(place.range.length_bytes);
    TRY(read_exactly(*file, place.range.offset_bytes, bytes));
    auto patches = TRY(Log(std::move(bytes), place.guid, complaints).replay(file_bytes));
    return patches.empty() ? std::move(file)
                           : open_patched(std::move(file), std::move(patches), file_bytes);
}

} // namespace karat::volumes::vhdx
