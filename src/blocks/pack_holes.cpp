// SPDX-License-Identifier: Apache-2.0
#include "pack_holes.hpp"

#include <algorithm>

namespace karat::blocks {
namespace {

constexpr std::uint64_t kSector = 4096; // of any file system that we know, or a multiple of its

std::uint64_t up(std::uint64_t at) { return (at + kSector - 1) / kSector * kSector; }
std::uint64_t down(std::uint64_t at) { return at / kSector * kSector; }

bool is_kept(FooterEntry const& entry, std::span<Kept const> kept)
{
    auto const found = std::ranges::lower_bound(kept, entry.offset, {}, &Kept::offset);
    return found != kept.end() && found->offset == entry.offset;
}

/// In its place, and not longer than before. Torn by a crash it is no footer any more, and the
/// records tell.
Result<void> rewrite_footer(PackFile pack, std::vector<FooterEntry> entries,
                            std::span<Kept const> kept, Health& health)
{
    auto const size = TRY(pack.file.size_bytes());
    auto const offset = size - kTrailerBytes - entries.size() * kFooterEntryBytes;
    auto const gone =
        std::erase_if(entries, [&](FooterEntry const& entry) { return !is_kept(entry, kept); });
    if (gone == 0)
        return {};
    Bytes footer;
    put_footer(footer, pack.number, offset, entries);
    TRY(pack.file.write_at(offset, footer));
    TRY(pack.file.truncate(offset + footer.size()));
    return health.after_sync(pack.file.sync_data());
}

/// No header of a record may stay: a scan would believe it. Both ends of the stretch lie in sectors
/// that are there, so zeroes need no room.
Result<std::uint64_t> free_stretch(File& file, std::uint64_t from, std::uint64_t to)
{
    auto const hole = Range{up(from), down(to) > up(from) ? down(to) - up(from) : 0};
    if (hole.length_bytes == 0)
        return 0;
    auto const data = TRY(file.next_data(hole.offset_bytes));
    if (!data || data->offset_bytes >= hole.end_bytes())
        return 0; // it was freed before
    TRY(file.write_at(from, Bytes(hole.offset_bytes - from)));
    TRY(file.write_at(hole.end_bytes(), Bytes(to - hole.end_bytes())));
    TRY(file.punch_hole(hole));
    return hole.length_bytes;
}

} // namespace

Result<std::uint64_t> free_between(PackFile pack, std::span<Kept const> kept, Health& health)
{
    auto footer = TRY(read_footer(pack));
    auto end = TRY(pack.file.size_bytes());
    if (footer) {
        end -= kTrailerBytes + footer->size() * kFooterEntryBytes;
        TRY(rewrite_footer(pack, std::move(*footer), kept, health));
    }
    std::uint64_t freed = 0;
    std::uint64_t from = kPackHeaderBytes;
    for (auto const& one : kept) {
        if (one.offset > from)
            freed += TRY(free_stretch(pack.file, from, one.offset));
        from = one.end;
    }
    if (end > from)
        freed += TRY(free_stretch(pack.file, from, end));
    if (freed > 0)
        TRY(health.after_sync(pack.file.sync_data()));
    return freed;
}

} // namespace karat::blocks
