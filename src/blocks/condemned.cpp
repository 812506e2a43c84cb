// SPDX-License-Identifier: Apache-2.0
#include "condemned.hpp"

#include "bytes.hpp"

namespace karat::blocks {
namespace {

constexpr Epoch kLastEpoch = 0xffffff;

Error bad() { return fail(Fault::corrupt, "The list of condemned records is damaged"); }

} // namespace

Epoch Condemned::begin_epoch()
{
    if (epoch_ == kLastEpoch) {
        pardon_all();
        epoch_ = 0;
    }
    return ++epoch_;
}

Epoch Condemned::since(Place place) const
{
    auto const pack = packs_.find(place.pack);
    if (pack == packs_.end())
        return 0;
    auto const item = std::ranges::lower_bound(pack->second, place.offset, {}, &Item::offset);
    return item != pack->second.end() && item->offset == place.offset ? item->since : 0;
}

void Condemned::add(Place place, Epoch since)
{
    auto& items = packs_[place.pack];
    auto const at = std::ranges::lower_bound(items, place.offset, {}, &Item::offset);
    if (at == items.end() || at->offset != place.offset)
        items.insert(at, {place.offset, since});
    else if (at->since == 0)
        at->since = since;
    else
        return;
    ++count_;
}

bool Condemned::pardon(Place place)
{
    if (since(place) == 0)
        return false;
    auto& items = packs_.at(place.pack);
    std::ranges::lower_bound(items, place.offset, {}, &Item::offset)->since = 0;
    --count_;
    return true;
}

void Condemned::pardon_all()
{
    packs_.clear();
    count_ = 0;
}

void Condemned::forget_pack(std::uint32_t pack)
{
    auto const found = packs_.find(pack);
    if (found == packs_.end())
        return;
    for (auto const& item : found->second)
        count_ -= item.since != 0 ? 1 : 0;
    packs_.erase(found);
}

Bytes Condemned::encode()
{
    Bytes out;
    ByteWriter writer(out);
    writer.raw(kCondemnedMagic);
    writer.number(kVersion);
    writer.number(epoch_);
    writer.number(++edition_);
    auto const count_at = out.size();
    writer.number(std::uint64_t{0});
    std::uint32_t groups = 0;
    for (auto const& [pack, items] : packs_) {
        auto const pardoned = std::ranges::count(items, Epoch{0}, &Item::since);
        auto const count = items.size() - static_cast<std::size_t>(pardoned);
        if (count == 0)
            continue;
        ++groups;
        writer.number(pack);
        writer.number(static_cast<std::uint32_t>(count));
        for (auto const& item : items) {
            if (item.since == 0)
                continue;
            writer.number(item.offset);
            writer.number(item.since);
        }
    }
    save(out.data() + count_at, groups);
    writer.hash(sha256(out));
    return out;
}

std::uint64_t Condemned::edition_of(std::span<std::byte const> head)
{
    ByteReader reader(head);
    if (as_text(reader.raw(kCondemnedMagic.size())) != kCondemnedMagic)
        return 0;
    reader.raw(8);
    return reader.number<std::uint64_t>();
}

Result<Condemned> Condemned::decode(std::span<std::byte const> bytes)
{
    if (bytes.size() < kCondemnedHeadBytes + kHashBytes || bytes.size() > kMaxCondemnedBytes)
        return bad();
    auto const body = bytes.first(bytes.size() - kHashBytes);
    if (sha256(body) != load_hash(bytes.data() + body.size()))
        return bad();
    ByteReader reader(body);
    Condemned condemned;
    if (as_text(reader.raw(kCondemnedMagic.size())) != kCondemnedMagic ||
        reader.number<std::uint32_t>() != kVersion)
        return bad();
    condemned.epoch_ = reader.number<Epoch>();
    condemned.edition_ = reader.number<std::uint64_t>();
    auto const groups = reader.number<std::uint32_t>();
    if (reader.number<std::uint32_t>() != 0 || condemned.epoch_ > kLastEpoch)
        return bad();
    for (std::uint32_t i = 0; i < groups; ++i) {
        auto const pack = reader.number<std::uint32_t>();
        auto const count = reader.number<std::uint32_t>();
        bool const ascends = condemned.packs_.empty() || condemned.packs_.rbegin()->first < pack;
        if (!ascends || pack == 0 || count == 0 || count > reader.left() / 8)
            return bad();
        auto& items = condemned.packs_[pack];
        items.reserve(count);
        for (std::uint32_t n = 0; n < count; ++n) {
            Item const item{reader.number<std::uint32_t>(), reader.number<Epoch>()};
            if (item.since == 0 || item.since > condemned.epoch_ ||
                (n > 0 && items.back().offset >= item.offset))
                return bad();
            items.push_back(item);
        }
        condemned.count_ += count;
    }
    if (reader.bad() || reader.left() != 0)
        return bad();
    return condemned;
}

} // namespace karat::blocks
