// SPDX-License-Identifier: Apache-2.0
#include "page.hpp"

#include "bytes.hpp"

#include <algorithm>

namespace karat::blocks {

Bytes encode_page(std::span<Slice const> slices)
{
    auto const count = slices.size();
    Bytes out(4 + count * kSliceBytes);
    save(out.data(), static_cast<std::uint32_t>(count));
    auto* const gaps = out.data() + 4;
    auto* const lengths = gaps + 4 * count;
    auto* const skips = lengths + count;
    auto* const hashes = skips + count;
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < count; ++i) {
        auto const& slice = slices[i];
        VERIFY(slice.start >= end && slice.blocks >= 1 && slice.end() <= kPageBlocks);
        save(gaps + 4 * i, slice.start - end);
        lengths[i] = static_cast<std::byte>(slice.blocks - 1);
        skips[i] = static_cast<std::byte>(slice.skip);
        std::ranges::copy(slice.hash.bytes, hashes + kHashBytes * i);
        end = slice.end();
    }
    return out;
}

Result<Page> decode_page(std::span<std::byte const> bytes)
{
    auto const bad = [] { return fail(Fault::corrupt, "A page of a snapshot's map is malformed"); };
    if (bytes.size() < 4)
        return bad();
    auto const count = load<std::uint32_t>(bytes.data());
    if (count == 0 || count > kPageBlocks || bytes.size() != 4 + count * kSliceBytes)
        return bad();
    auto const* const gaps = bytes.data() + 4;
    auto const* const lengths = gaps + std::size_t{4} * count;
    auto const* const skips = lengths + count;
    auto const* const hashes = skips + count;
    Page page(count);
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < count; ++i) {
        auto const gap = load<std::uint32_t>(gaps + 4 * i);
        auto const blocks = std::to_integer<std::uint32_t>(lengths[i]) + 1;
        auto const skip = std::to_integer<std::uint32_t>(skips[i]);
        if (gap > kPageBlocks || skip + blocks > kMaxExtentBlocks ||
            end + gap + blocks > kPageBlocks)
            return bad();
        page[i] = {
            .start = end + gap,
            .blocks = static_cast<std::uint16_t>(blocks),
            .skip = static_cast<std::uint16_t>(skip),
            .hash = load_hash(hashes + kHashBytes * i),
        };
        end = page[i].end();
    }
    return page;
}

Page::const_iterator first_behind(Page const& page, std::uint32_t block)
{
    return std::ranges::upper_bound(page, block, {}, [](Slice const& s) { return s.end(); });
}

namespace {

/// Adds what of `slice` lies in [from, to).
void add_part(Page& out, Slice slice, std::uint32_t from, std::uint32_t to)
{
    auto const start = std::max(slice.start, from);
    auto const end = std::min(slice.end(), to);
    if (start >= end)
        return;
    slice.skip = static_cast<std::uint16_t>(slice.skip + (start - slice.start));
    slice.start = start;
    slice.blocks = static_cast<std::uint16_t>(end - start);
    out.push_back(slice);
}

} // namespace

Page overlay(Page const& base, std::span<BlockRange const> changed, std::deque<Slice> const& fresh)
{
    Page out;
    auto next_fresh = fresh.begin();
    std::uint32_t done = 0; // the page up to here is in `out`
    auto const keep_base = [&](std::uint32_t to) {
        for (auto it = first_behind(base, done); it != base.end() && it->start < to; ++it)
            add_part(out, *it, done, to);
    };
    for (auto const& range : changed) {
        keep_base(range.start);
        for (; next_fresh != fresh.end() && next_fresh->start < range.end; ++next_fresh)
            out.push_back(*next_fresh);
        done = range.end;
    }
    keep_base(kPageBlocks);
    VERIFY(next_fresh == fresh.end());
    return out;
}

} // namespace karat::blocks
