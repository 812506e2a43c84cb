// SPDX-License-Identifier: Apache-2.0
#include "view.hpp"

#include "bytes.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

/// next_data() merges no further than this many pages: a question about a full volume of 64 TiB
/// must not walk all of its map.
constexpr std::uint32_t kMergePages = 16;

Range bytes_of(Slice const& slice)
{
    return {slice.start * kBlockBytes, slice.blocks * kBlockBytes};
}

} // namespace

Result<Page> read_page(Source& source, Hash const& hash)
{
    auto const plain = TRY(source.fetch({hash, Kind::page}, {}));
    return decode_page(plain.span());
}

Result<Vault::Held> unlock(Vault& vault, Manifest const& manifest)
{
    if (!manifest.seal)
        return Vault::Held();
    auto const& name = manifest.facts.name;
    auto domain = vault.unlock(*manifest.seal);
    if (!domain.ok())
        return fail(domain.error().fault,
                    fmt::format("Snapshot '{}' cannot be read: {}", name, domain.error().message));
    if (domain.value()->mac(words_to_prove(manifest)) != manifest.seal->mac)
        return fail(Fault::corrupt,
                    fmt::format("The manifest of '{}' was changed by somebody without its key {}; "
                                "put it back from a backup",
                                name, manifest.seal->key));
    return domain;
}

SnapshotView::SnapshotView(Source& source, Manifest manifest, Vault::Held domain)
    : source_(source)
    , manifest_(std::move(manifest))
    , domain_(std::move(domain))
    , root_(root_of(manifest_))
{
}

SnapshotView::~SnapshotView() { source_.closed(*this); }

Result<void> SnapshotView::look_at_page(Hash const& hash, Look const& look) const
{
    if (source_.pages.find(hash, look))
        return {};
    auto page = TRY(read_page(source_, hash));
    look(page);
    auto const cost_bytes = page.size() * sizeof(Slice);
    source_.pages.insert(hash, std::move(page), cost_bytes);
    return {};
}

Result<Page> SnapshotView::page(std::uint32_t index) const
{
    Page copy;
    if (auto const* const ref = find_page(manifest_.pages, index))
        TRY(look_at_page(ref->hash, [&](Page const& page) { copy = page; }));
    return copy;
}

Result<void> SnapshotView::read(std::uint64_t offset_bytes, std::span<std::byte> into) const
{
    auto const size = manifest_.facts.size_bytes;
    if (offset_bytes > size || into.size() > size - offset_bytes)
        return fail(Fault::invalid,
                    fmt::format("{} bytes at {} reach beyond the end of {}, which has {}",
                                into.size(), offset_bytes, manifest_.facts.name, size));
    while (!into.empty()) {
        auto const index = static_cast<std::uint32_t>(offset_bytes / kPageSpanBytes);
        auto const within = offset_bytes % kPageSpanBytes;
        auto const length = std::min<std::uint64_t>(into.size(), kPageSpanBytes - within);
        TRY(read_in_page(index, {within, length}, into.first(length)));
        offset_bytes += length;
        into = into.subspan(length);
    }
    return {};
}

Result<Page> SnapshotView::slices(std::uint32_t index, BlockRange blocks) const
{
    Page met; // copied, so that no lock is held while they are read
    if (auto const* const ref = find_page(manifest_.pages, index))
        TRY(look_at_page(ref->hash, [&](Page const& page) {
            auto it = first_behind(page, blocks.start);
            for (; it != page.end() && it->start < blocks.end; ++it)
                met.push_back(*it);
        }));
    return met;
}

Result<void> SnapshotView::read_in_page(std::uint32_t index, Range range,
                                        std::span<std::byte> into) const
{
    BlockRange const blocks{
        static_cast<std::uint32_t>(range.offset_bytes / kBlockBytes),
        static_cast<std::uint32_t>((range.end_bytes() + kBlockBytes - 1) / kBlockBytes)};
    auto at = range.offset_bytes;
    for (auto const& slice : TRY(slices(index, blocks))) {
        auto const data = bytes_of(slice);
        auto const start = std::max(data.offset_bytes, at);
        auto const end = std::min(data.end_bytes(), range.end_bytes());
        std::ranges::fill(into.subspan(at - range.offset_bytes, start - at), std::byte{0});
        TRY(read_slice(slice, start - data.offset_bytes,
                       into.subspan(start - range.offset_bytes, end - start)));
        at = end;
    }
    std::ranges::fill(into.subspan(at - range.offset_bytes), std::byte{0});
    return {};
}

Result<void> SnapshotView::read_slice(Slice const& slice, std::uint64_t skip_bytes,
                                      std::span<std::byte> into) const
{
    auto const from = slice.skip * kBlockBytes + skip_bytes;
    auto const mine = domain_ ? domain_->tag() : DomainTag();
    bool cached = false;
    bool fits = false;
    auto const copy = [&](Extent const& extent) {
        cached = extent.domain == mine;
        fits = cached && from + into.size() <= extent.bytes.size;
        if (fits)
            copy_bytes(extent.bytes.span().subspan(from, into.size()), into.data());
    };
    source_.extents.find(slice.hash, copy);
    if (!cached) {
        // A read of a whole extent is a copy or a restore: it goes past the cache.
        auto const direct = from == 0 ? into : std::span<std::byte>();
        Extent extent{.bytes = {}, .domain = mine};
        extent.bytes = TRY(source_.fetch({slice.hash, Kind::extent, domain_.get()}, direct));
        if (extent.bytes.size == 0)
            return {};
        copy(extent);
        auto const cost_bytes = extent.bytes.size;
        source_.extents.insert(slice.hash, std::move(extent), cost_bytes);
    }
    if (!fits)
        return fail(Fault::corrupt,
                    fmt::format("The map of {} asks for more than the extent {} has",
                                manifest_.facts.name, slice.hash.text()));
    return {};
}

Result<std::optional<Range>> SnapshotView::next_data(std::uint64_t offset_bytes) const
{
    std::optional<Range> found;
    auto const from = static_cast<std::uint32_t>(
        std::min(offset_bytes, manifest_.facts.size_bytes) / kPageSpanBytes);
    auto ref = std::ranges::lower_bound(manifest_.pages, from, {}, &PageRef::index);
    std::uint32_t first_page = 0;
    for (; ref != manifest_.pages.end(); ++ref) {
        if (found && ref->index - first_page >= kMergePages)
            break;
        auto const start = ref->index * kPageSpanBytes;
        bool ended = false;
        TRY(look_at_page(ref->hash, [&](Page const& page) {
            auto const within = offset_bytes > start ? offset_bytes - start : 0;
            auto it = first_behind(page, static_cast<std::uint32_t>(within / kBlockBytes));
            for (; it != page.end(); ++it) {
                auto const data_start = std::max(start + bytes_of(*it).offset_bytes, offset_bytes);
                auto const data_end = start + bytes_of(*it).end_bytes();
                ended = found && found->end_bytes() != data_start;
                if (ended)
                    return;
                if (!found)
                    found = Range{data_start, 0};
                found->length_bytes = data_end - found->offset_bytes;
            }
        }));
        if (found && first_page == 0)
            first_page = ref->index;
        if (ended)
            break;
    }
    // A hostile map may claim data behind the volume's end; nobody can read there.
    auto const size = manifest_.facts.size_bytes;
    if (found && found->offset_bytes >= size)
        return std::optional<Range>();
    if (found)
        found->length_bytes = std::min(found->length_bytes, size - found->offset_bytes);
    return found;
}

Result<Piece> SnapshotView::piece_at(std::uint64_t offset_bytes) const
{
    auto const size = manifest_.facts.size_bytes;
    if (offset_bytes >= size)
        return fail(Fault::invalid, fmt::format("{} is behind the end of {}, which has {} bytes",
                                                offset_bytes, manifest_.facts.name, size));
    auto const index = static_cast<std::uint32_t>(offset_bytes / kPageSpanBytes);
    auto const start = index * kPageSpanBytes;
    Range found{0, kPageSpanBytes}; // within the page
    bool is_data = false;
    if (auto const* const ref = find_page(manifest_.pages, index))
        TRY(look_at_page(ref->hash, [&](Page const& page) {
            auto const block = static_cast<std::uint32_t>((offset_bytes - start) / kBlockBytes);
            auto const next = first_behind(page, block);
            is_data = next != page.end() && next->start <= block;
            if (is_data) {
                found = bytes_of(*next);
                return;
            }
            auto const from = next == page.begin() ? 0 : bytes_of(*std::prev(next)).end_bytes();
            auto const to = next == page.end() ? kPageSpanBytes : bytes_of(*next).offset_bytes;
            found = {from, to - from};
        }));
    found.offset_bytes += start;
    found.length_bytes = std::min(found.length_bytes, size - found.offset_bytes);
    return Piece{found, is_data};
}

} // namespace karat::blocks
