// SPDX-License-Identifier: Apache-2.0
#include "extent_index.hpp"

#include <xxhash.h>

namespace karat::blocks {
namespace {

constexpr std::uint32_t kPageBit = 0x80000000U;

} // namespace

Location ExtentIndex::Entry::location() const
{
    return {
        .pack = pack,
        .offset = offset,
        .stored_bytes = stored_and_kind & ~kPageBit,
        .raw_blocks = blocks_and_epoch >> 24,
        .kind = (stored_and_kind & kPageBit) != 0 ? Kind::page : Kind::extent,
    };
}

void ExtentIndex::Entry::set_location(Location const& location)
{
    pack = location.pack;
    offset = location.offset;
    stored_and_kind = location.stored_bytes | (location.kind == Kind::page ? kPageBit : 0);
    blocks_and_epoch = (blocks_and_epoch & 0xffffff) | location.raw_blocks << 24;
}

void ExtentIndex::Entry::set_epoch(Epoch epoch)
{
    VERIFY(epoch <= 0xffffff); // sixteen million collections in one run of the process
    blocks_and_epoch = (blocks_and_epoch & ~Epoch{0xffffff}) | epoch;
}

ExtentIndex::ExtentIndex(std::uint64_t seed)
    : seed_(seed)
    , slots_(1024, kNone)
{
}

std::size_t ExtentIndex::home(Hash const& hash) const
{
    return XXH3_64bits_withSeed(hash.bytes.data(), hash.bytes.size(), seed_) & (slots_.size() - 1);
}

std::size_t ExtentIndex::slot_of(Hash const& hash) const
{
    auto slot = home(hash);
    while (slots_[slot] != kNone && at(slots_[slot]).hash != hash)
        slot = (slot + 1) & (slots_.size() - 1);
    return slot;
}

ExtentIndex::Id ExtentIndex::find(Hash const& hash) const { return slots_[slot_of(hash)]; }

ExtentIndex::Id ExtentIndex::insert(Hash const& hash, Location const& location, Epoch epoch)
{
    VERIFY(location.pack != 0);
    if ((count_ + 1) * 8 > slots_.size() * 7)
        grow();
    Id id = used_;
    if (!free_.empty()) {
        id = free_.back();
        free_.pop_back();
    } else {
        VERIFY(used_ < kNone - 1);
        if (used_ % kChunk == 0)
            chunks_.push_back(std::make_unique<std::array<Entry, kChunk>>());
        ++used_;
    }
    auto const slot = slot_of(hash);
    VERIFY(slots_[slot] == kNone);
    slots_[slot] = id;
    ++count_;
    auto& entry = at(id);
    entry.hash = hash;
    entry.set_location(location);
    entry.set_epoch(epoch);
    return id;
}

void ExtentIndex::erase(Id id)
{
    auto hole = slot_of(at(id).hash);
    VERIFY(slots_[hole] == id);
    at(id) = {};
    free_.push_back(id);
    --count_;
    // Entries behind the hole that would no longer be found move up: no tombstones remain.
    auto const mask = slots_.size() - 1;
    for (auto next = (hole + 1) & mask; slots_[next] != kNone; next = (next + 1) & mask) {
        auto const wanted = home(at(slots_[next]).hash);
        if (((next - wanted) & mask) >= ((next - hole) & mask)) {
            slots_[hole] = slots_[next];
            hole = next;
        }
    }
    slots_[hole] = kNone;
}

void ExtentIndex::grow()
{
    auto const old = std::exchange(slots_, std::vector<Id>(slots_.size() * 2, kNone));
    for (auto const id : old)
        if (id != kNone)
            slots_[slot_of(at(id).hash)] = id;
}

} // namespace karat::blocks
