// SPDX-License-Identifier: Apache-2.0
#include "units.hpp"

#include "bytes.hpp"

#include "karat/staged.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

constexpr std::uint64_t kSumCostBytes = 128; // of one in the cache, with its list and index entry
/// Pages that one call looks into: it answers within a few milliseconds, and the list is short.
constexpr int kPagesPerCall = 16;

SnapshotView const& whole(View const& view)
{
    auto const* const found = dynamic_cast<SnapshotView const*>(&view);
    VERIFY(found != nullptr); // stores have no other views
    return *found;
}

/// What lies at one block: which block of which extent; nothing in a hole.
struct Content {
    Hash const* hash = nullptr;
    std::uint32_t block = 0;
    std::uint32_t run = 0; ///< Blocks for which that goes on.
};

/// Walks along a page.
class Walk {
public:
    explicit Walk(Page const& page)
        : page_(page)
    {
    }

    /// The content at `block`, which never goes back.
    Content at(std::uint32_t block)
    {
        while (next_ < page_.size() && page_[next_].end() <= block)
            ++next_;
        if (next_ == page_.size())
            return {.run = kPageBlocks - block};
        auto const& slice = page_[next_];
        if (slice.start > block)
            return {.run = slice.start - block};
        auto const within = block - slice.start;
        return {&slice.hash, slice.skip + within, slice.blocks - within};
    }

private:
    Page const& page_;
    std::size_t next_ = 0;
};

bool same(Content const& a, Content const& b)
{
    if (a.hash == nullptr || b.hash == nullptr)
        return a.hash == b.hash;
    return a.block == b.block && *a.hash == *b.hash;
}

/// Compares the units [from, kPageUnits) of two pages.
class PageComparison {
public:
    PageComparison(Page const& first, Page const& second)
        : first_(first)
        , second_(second)
    {
    }

    UnitChange unit(std::uint32_t unit, bool& differs)
    {
        UnitChange change{.index = unit};
        differs = false;
        auto const end = (unit + 1) * kUnitBlocks;
        for (auto block = unit * kUnitBlocks; block < end;) {
            auto const a = first_.at(block);
            auto const b = second_.at(block);
            change.in_first = change.in_first || a.hash != nullptr;
            change.in_second = change.in_second || b.hash != nullptr;
            differs = differs || !same(a, b);
            block += std::min({a.run, b.run, end - block});
        }
        return change;
    }

private:
    Walk first_;
    Walk second_;
};

/// The pages that are in one of two tables and not alike in both, from `from` on.
class ChangedPages {
public:
    ChangedPages(std::span<PageRef const> first, std::span<PageRef const> second,
                 std::uint32_t from)
        : first_(behind(first, from))
        , second_(behind(second, from))
    {
    }

    std::optional<std::uint32_t> next()
    {
        while (!first_.empty() || !second_.empty()) {
            auto const a = first_.empty() ? kNone : first_.front().index;
            auto const b = second_.empty() ? kNone : second_.front().index;
            bool const alike = a == b && first_.front().hash == second_.front().hash;
            if (a <= b)
                first_ = first_.subspan(1);
            if (b <= a)
                second_ = second_.subspan(1);
            if (!alike)
                return std::min(a, b);
        }
        return {};
    }

private:
    static constexpr auto kNone = std::uint32_t{0xffffffff};
    static std::span<PageRef const> behind(std::span<PageRef const> pages, std::uint32_t from)
    {
        auto const at = std::ranges::lower_bound(pages, from, {}, &PageRef::index);
        return pages.subspan(static_cast<std::size_t>(at - pages.begin()));
    }
    std::span<PageRef const> first_;
    std::span<PageRef const> second_;
};

/// Adds what differs in one page; false, with `next` set, when the list is full before its end.
bool add_changes(PageComparison comparison, std::uint32_t page, UnitQuery const& query,
                 UnitChanges& found)
{
    auto const first_unit = page * kPageUnits;
    auto const from = query.from > first_unit ? query.from - first_unit : 0;
    for (auto unit = from; unit < kPageUnits; ++unit) {
        bool differs = false;
        auto change = comparison.unit(unit, differs);
        if (!differs)
            continue;
        change.index += first_unit;
        if (found.changes.size() == query.limit) {
            found.next = change.index;
            return false;
        }
        found.changes.push_back(change);
    }
    return true;
}

/// The slices of a unit, cut to it and counted from its start.
Result<Page> unit_slices(SnapshotView const& view, std::uint32_t index)
{
    auto const start = index % kPageUnits * kUnitBlocks;
    auto slices = TRY(view.slices(index / kPageUnits, {start, start + kUnitBlocks}));
    for (auto& slice : slices) {
        auto const from = std::max(slice.start, start);
        auto const end = std::min(slice.end(), start + kUnitBlocks);
        slice.skip = static_cast<std::uint16_t>(slice.skip + (from - slice.start));
        slice.blocks = static_cast<std::uint16_t>(end - from);
        slice.start = from - start;
    }
    return slices;
}

} // namespace

Hash unit_key(std::span<Slice const> slices)
{
    Bytes text;
    text.reserve(slices.size() * (3 + kHashBytes));
    ByteWriter writer(text);
    for (auto const& slice : slices) {
        writer.number(static_cast<std::uint8_t>(slice.start));
        writer.number(static_cast<std::uint8_t>(slice.blocks - 1));
        writer.number(static_cast<std::uint8_t>(slice.skip));
        writer.hash(slice.hash);
    }
    return sha256(text);
}

void remember_sum(Source& source, std::span<Slice const> slices, Hash const& sum)
{
    source.sums.insert(unit_key(slices), sum, kSumCostBytes);
}

Result<UnitChanges> changed_units(View const* first, View const& second, UnitQuery const& query)
{
    VERIFY(query.limit > 0);
    auto const& newer = whole(second);
    auto const* const older = first == nullptr ? nullptr : &whole(*first);
    UnitChanges found;
    std::span<PageRef const> none;
    ChangedPages pages(older == nullptr ? none : std::span(older->manifest().pages),
                       newer.manifest().pages, query.from / kPageUnits);
    for (int looked = 0;;) {
        auto const page = pages.next();
        if (!page)
            return found;
        if (looked >= kPagesPerCall) {
            found.next = std::max(*page * kPageUnits, query.from);
            return found;
        }
        auto const before = older == nullptr ? Page() : TRY(older->page(*page));
        auto const after = TRY(newer.page(*page));
        looked += (before.empty() ? 0 : 1) + (after.empty() ? 0 : 1);
        if (!add_changes({before, after}, *page, query, found))
            return found;
    }
}

Result<Hash> read_unit(View const& view, std::uint32_t index, std::span<std::byte> into)
{
    auto const size = view.facts().size_bytes;
    auto const start = index * kStagedUnitBytes;
    if (start >= size || into.size() != kStagedUnitBytes)
        return fail(Fault::invalid, fmt::format("{} has no block {}", view.facts().name, index));
    auto const held = into.first(std::min(size - start, kStagedUnitBytes));
    std::ranges::fill(into.subspan(held.size()), std::byte{0});
    TRY(view.read(start, held));
    auto const& snapshot = whole(view);
    auto const slices = TRY(unit_slices(snapshot, index));
    std::optional<Hash> sum;
    snapshot.source().sums.find(unit_key(slices), [&](Hash const& known) { sum = known; });
    if (!sum) {
        sum = sha256(into);
        remember_sum(snapshot.source(), slices, *sum);
    }
    return *sum;
}

} // namespace karat::blocks
