// SPDX-License-Identifier: Apache-2.0
// Which blocks of a volume a cache file has: a bit for each 4 KiB. Asked without a lock.
#pragma once

#include "karat/env.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace karat::blk {

/// Thread-safe. What was added stays. Takes 16 KiB for each 512 MiB that something was added to.
class FilledMap {
public:
    explicit FilledMap(std::uint64_t size_bytes);

    /// Whether all blocks that the range touches were added, and what was written to them before
    /// can be read. The range lies within the volume.
    bool covers(Range range) const;
    /// Adds the blocks of a range, whose ends are multiples of a block (or the volume's end).
    void add(Range range);

private:
    static constexpr std::uint64_t kBlockBytes = 4096;
    static constexpr std::uint64_t kChunkBlocks = std::uint64_t{512 << 20} / kBlockBytes;
    static constexpr std::uint64_t kWordBits = 64;
    using Word = std::atomic<std::uint64_t>;
    using Chunk = std::array<Word, kChunkBlocks / kWordBits>;

    /// Calls visit(word's number, its bits in the range) until it says false.
    template <class Visit>
    static void each_word(Range range, Visit const& visit);

    Chunk& chunk_of(std::uint64_t word);

    std::size_t const count_;
    std::unique_ptr<std::atomic<Chunk*>[]> const chunks_;
    std::mutex mutex_; // guards the next
    std::vector<std::unique_ptr<Chunk>> owned_;
};

} // namespace karat::blk
