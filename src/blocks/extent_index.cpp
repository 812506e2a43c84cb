// SPDX-License-Identifier: Apache-2.0
#include "extent_index.hpp"

#include <xxhash.h>

namespace karat::blocks {
namespace {

constexpr std::uint32_t kPageKindBit = 0x80000000U;

} // namespace

Location ExtentIndex::Entry::location() const
{
    return {
        .pack = pack,
        .offset = offset,
        .stored_bytes = stored_and_kind & ~kPageKindBit,
        .raw_blocks = blocks_and_epoch >> 24,
        .kind = (stored_and_kind & kPageKindBit) != 0 ? Kind::page : Kind::extent,
    };
}

void ExtentIndex::Entry::set_location(Location const& location)
{
    pack = location.pack;
    offset = location.offset;
    stored_and_kind = location.stored_bytes | (location.kind == Kind::page ? kPageKindBit : 0);
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
    auto const mixed = XXH3_64bits_withSeed(hash.bytes.data(), hash.bytes.size(), seed_) >> 32;
    return mixed * slots_.size() >> 32; // as even as a remainder, without a division
}

std::size_t ExtentIndex::slot_of(Hash const& hash) const
{
    auto slot = home(hash);
    while (slots_[slot] != kNone && at(slots_[slot]).hash != hash)
        slot = after(slot);
    return slot;
}

ExtentIndex::Id ExtentIndex::find(Hash const& hash) const { return slots_[slot_of(hash)]; }

ExtentIndex::Id ExtentIndex::insert(Hash const& hash, Location const& location, Epoch epoch)
{
    VERIFY(location.pack != 0);
    if ((count_ + 1) * 16 > slots_.size() * 13)
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
    for (auto next = after(hole); slots_[next] != kNone; next = after(next)) {
        auto const wanted = home(at(slots_[next]).hash);
        if (steps(wanted, next) >= steps(hole, next)) {
            slots_[hole] = slots_[next];
            hole = next;
        }
    }
    slots_[hole] = kNone;
}

void ExtentIndex::grow()
{
    // Doubling would leave the table half empty for most of its life. The ids are all in the
    // entries, so the old table goes before the new one is made.
    auto const size = slots_.size() + slots_.size() / 4;
    slots_ = {};
    slots_.assign(size, kNone);
    for (Id id = 0; id < used_; ++id) {
        if (at(id).pack == 0)
            continue;
        auto slot = home(at(id).hash);
        while (slots_[slot] != kNone) // no two are equal: the others need not be looked at
            slot = after(slot);
        slots_[slot] = id;
    }
}

std::uint64_t ExtentIndex::memory_bytes() const
{
    return chunks_.size() * sizeof(*chunks_[0]) + slots_.capacity() * sizeof(Id) +
           free_.capacity() * sizeof(Id);
}

} // namespace karat::blocks
