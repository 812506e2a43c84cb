// SPDX-License-Identifier: Apache-2.0
#include "filled_map.hpp"

#include <algorithm>

namespace karat::blk {

FilledMap::FilledMap(std::uint64_t size_bytes)
    : count_((size_bytes / kBlockBytes + kChunkBlocks) / kChunkBlocks)
    , chunks_(std::make_unique<std::atomic<Chunk*>[]>(count_))
{
}

template <class Visit>
void FilledMap::each_word(Range range, Visit const& visit)
{
    auto block = range.offset_bytes / kBlockBytes;
    auto const end = (range.end_bytes() + kBlockBytes - 1) / kBlockBytes;
    while (block < end) {
        auto const first = block % kWordBits;
        auto const bits = std::min(kWordBits - first, end - block);
        auto const mask = (bits == kWordBits ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1)
                          << first;
        if (!visit(block / kWordBits, mask))
            return;
        block += bits;
    }
}

bool FilledMap::covers(Range range) const
{
    constexpr auto kWords = kChunkBlocks / kWordBits;
    bool all = true;
    each_word(range, [&](std::uint64_t word, std::uint64_t mask) {
        auto const* const chunk = chunks_[word / kWords].load(std::memory_order_acquire);
        all = chunk != nullptr &&
              ((*chunk)[word % kWords].load(std::memory_order_acquire) & mask) == mask;
        return all;
    });
    return all;
}

FilledMap::Chunk& FilledMap::chunk_of(std::uint64_t word)
{
    auto& slot = chunks_[word / (kChunkBlocks / kWordBits)];
    if (auto* const there = slot.load(std::memory_order_acquire))
        return *there;
    std::scoped_lock const guard(mutex_);
    if (auto* const there = slot.load(std::memory_order_acquire))
        return *there;
    owned_.push_back(std::make_unique<Chunk>());
    slot.store(owned_.back().get(), std::memory_order_release);
    return *owned_.back();
}

void FilledMap::add(Range range)
{
    constexpr auto kWords = kChunkBlocks / kWordBits;
    each_word(range, [&](std::uint64_t word, std::uint64_t mask) {
        chunk_of(word)[word % kWords].fetch_or(mask, std::memory_order_release);
        return true;
    });
}

} // namespace karat::blk
