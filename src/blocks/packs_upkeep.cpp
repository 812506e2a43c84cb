// SPDX-License-Identifier: Apache-2.0
// The collector's side of Packs: marks, judgement, copies, drops. The index may hold millions of
// records, so it is walked in strides and ingests get their turn between two.
#include "packs.hpp"
#include "page.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

constexpr ExtentIndex::Id kStride = 4096; // records under one hold of the lock
constexpr Epoch kGrace = 2;               // epochs between condemning and deleting

Place place_of(ExtentIndex::Entry const& entry) { return {entry.pack, entry.offset}; }
Place place_of(Location const& at) { return {at.pack, at.offset}; }

} // namespace

void Packs::set_condemned(Condemned condemned)
{
    std::scoped_lock const guard(mutex_);
    std::set<std::pair<std::uint32_t, std::uint32_t>> known;
    for (ExtentIndex::Id id = 0; condemned.count() > 0 && id < index_.id_limit(); ++id)
        if (auto const& entry = index_.at(id); condemned.since(place_of(entry)) != 0)
            known.emplace(entry.pack, entry.offset);
    condemned_ = std::move(condemned);
    condemned_changed_ = condemned_.keep_only(
        [&](Place place) { return known.contains({place.pack, place.offset}); });
}

std::uint64_t Packs::condemned_count() const
{
    std::scoped_lock const guard(mutex_);
    return condemned_.count();
}

std::uint64_t Packs::condemned_edition() const
{
    std::scoped_lock const guard(mutex_);
    return condemned_.edition();
}

bool Packs::is_condemned(Hash const& hash) const
{
    std::scoped_lock const guard(mutex_);
    if (condemned_.count() == 0)
        return false;
    auto const id = index_.find(hash);
    return id != ExtentIndex::kNone && condemned_.since(place_of(index_.at(id))) != 0;
}

bool Packs::pardon(Hash const& hash)
{
    std::scoped_lock const guard(mutex_);
    if (condemned_.count() == 0)
        return false;
    auto const id = index_.find(hash);
    bool const was = id != ExtentIndex::kNone && condemned_.pardon(place_of(index_.at(id)));
    condemned_changed_ = was || condemned_changed_;
    return was;
}

void Packs::pardon_all()
{
    std::scoped_lock const guard(mutex_);
    condemned_.pardon_all();
    condemned_changed_ = true;
}

std::optional<Bytes> Packs::take_condemned_changes()
{
    std::scoped_lock const guard(mutex_);
    if (!std::exchange(condemned_changed_, false))
        return {};
    return condemned_.encode();
}

void Packs::condemned_not_saved()
{
    std::scoped_lock const guard(mutex_);
    condemned_changed_ = true;
}

Epoch Packs::begin_epoch()
{
    std::scoped_lock const guard(mutex_);
    condemned_changed_ = true;
    return condemned_.begin_epoch();
}

Packs::Marked Packs::mark(Hash const& hash, Marks& marks) const
{
    std::scoped_lock const guard(mutex_);
    auto const id = index_.find(hash);
    if (id == ExtentIndex::kNone)
        return Marked::absent;
    if (id >= marks.reached.size())
        marks.reached.resize(index_.id_limit());
    if (marks.reached[id])
        return Marked::before;
    marks.reached[id] = true;
    return Marked::now;
}

Hash const* Packs::mark(std::span<Slice const> slices, Marks& marks) const
{
    while (!slices.empty()) {
        auto const some = slices.first(std::min<std::size_t>(slices.size(), kStride));
        slices = slices.subspan(some.size());
        std::scoped_lock const guard(mutex_);
        if (marks.reached.size() < index_.id_limit())
            marks.reached.resize(index_.id_limit());
        for (auto const& slice : some) {
            auto const id = index_.find(slice.hash);
            if (id == ExtentIndex::kNone)
                return &slice.hash;
            marks.reached[id] = true;
        }
    }
    return nullptr;
}

void Packs::judge_entry(ExtentIndex::Id id, Marks const& marks, Judgement& judgement,
                        std::map<std::uint32_t, PackUse>& uses)
{
    auto const& entry = index_.at(id);
    auto const found = uses.find(entry.pack);
    if (found == uses.end())
        return; // a free entry, or a pack that is younger than the judgement
    auto& use = found->second;
    auto const place = place_of(entry);
    auto const bytes = kRecordHeaderBytes + entry.location().stored_bytes;
    if (marks.keeps(id, entry)) {
        if (condemned_.pardon(place))
            judgement.resurrections.push_back(
                fmt::format("{}, offset {}", pack_path(directory_, place.pack), place.offset));
        ++use.live_records;
        use.kept_bytes += bytes;
        return;
    }
    if (condemned_.since(place) == 0) {
        condemned_.add(place, condemned_.epoch());
        ++judgement.condemned;
    }
    if (condemned_.since(place) + kGrace > condemned_.epoch()) {
        ++use.waiting_records;
        use.kept_bytes += bytes;
    } else {
        ++use.ripe_records;
    }
}

Judgement Packs::judge(Marks const& marks)
{
    Judgement judgement;
    std::map<std::uint32_t, PackUse> uses;
    for (auto const& size : sizes())
        uses[size.number] = size;
    for (ExtentIndex::Id from = 0;; from += kStride) {
        std::scoped_lock const guard(mutex_);
        condemned_changed_ = true;
        for (auto id = from; id < from + kStride && id < index_.id_limit(); ++id)
            judge_entry(id, marks, judgement, uses);
        if (from + kStride >= index_.id_limit())
            break;
    }
    for (auto const& [number, use] : uses)
        judgement.packs.push_back(use);
    return judgement;
}

std::vector<PackUse> Packs::sizes() const
{
    std::scoped_lock const guard(mutex_);
    std::vector<PackUse> sizes;
    for (auto const& [number, pack] : packs_)
        sizes.push_back({.number = number, .file_bytes = pack->file_bytes});
    return sizes;
}

std::vector<Indexed> Packs::records_of(std::set<std::uint32_t> const& packs) const
{
    std::vector<Indexed> records;
    for (ExtentIndex::Id from = 0;; from += kStride) {
        std::scoped_lock const guard(mutex_);
        for (auto id = from; id < from + kStride && id < index_.id_limit(); ++id)
            if (auto const& entry = index_.at(id); packs.contains(entry.pack))
                records.push_back({id, entry.hash, entry.location()});
        if (from + kStride >= index_.id_limit())
            break;
    }
    std::ranges::sort(records, {}, [](Indexed const& one) {
        return std::pair(one.location.pack, one.location.offset);
    });
    return records;
}

bool Packs::ripe(ExtentIndex::Id id, Marks const& marks) const
{
    auto const& entry = index_.at(id);
    auto const since = condemned_.since(place_of(entry));
    return since != 0 && since + kGrace <= condemned_.epoch() && !marks.keeps(id, entry);
}

bool Packs::is_ripe(Indexed const& record, Marks const& marks) const
{
    std::scoped_lock const guard(mutex_);
    auto const& entry = index_.at(record.id);
    // One that lies elsewhere now needs no copy either.
    return entry.pack != record.location.pack || entry.hash != record.hash ||
           ripe(record.id, marks);
}

bool Packs::droppable(std::uint32_t pack, std::span<Indexed const> records,
                      Marks const& marks) const
{
    std::size_t there = 0;
    for (auto const& record : records) {
        auto const& entry = index_.at(record.id);
        if (entry.pack != pack || entry.hash != record.hash)
            continue;
        ++there;
        if (!ripe(record.id, marks))
            return false;
    }
    if (!distrusted_.contains(pack))
        return true;
    // A record comes back to a pack that is not trusted when its new copy cannot be written.
    std::size_t all = 0;
    for (ExtentIndex::Id id = 0; id < index_.id_limit(); ++id)
        all += index_.at(id).pack == pack ? 1 : 0;
    return all == there;
}

bool Packs::drop(Dropping const& dropping, Marks const& marks)
{
    std::scoped_lock const guard(mutex_);
    auto const pack = dropping.pack;
    for (auto const& record : dropping.moved) {
        auto& entry = index_.at(record.id);
        if (entry.pack != pack || entry.hash != record.hash)
            continue;
        auto const since = condemned_.since(place_of(entry));
        entry.set_location(record.location);
        if (since != 0)
            condemned_.add(place_of(record.location), since);
    }
    condemned_changed_ = true;
    if (!droppable(pack, dropping.records, marks))
        return false; // found again by an ingest while its neighbours were being copied
    for (auto const& record : dropping.records)
        if (auto const& entry = index_.at(record.id);
            entry.pack == pack && entry.hash == record.hash)
            erase_entry(record.id);
    condemned_.forget_pack(pack);
    retire(pack);
    return true;
}

std::vector<Indexed> Packs::drop_ripe(std::uint32_t pack, std::span<Indexed const> records,
                                      Marks const& marks)
{
    std::vector<Indexed> kept;
    std::scoped_lock const guard(mutex_);
    for (auto const& record : records) {
        auto const& entry = index_.at(record.id);
        if (entry.pack != pack || entry.hash != record.hash)
            continue;
        if (!ripe(record.id, marks)) {
            kept.push_back(record);
            continue;
        }
        condemned_changed_ = condemned_.pardon(place_of(entry)) || condemned_changed_;
        erase_entry(record.id);
    }
    return kept;
}

Result<RecordHeader> Packs::read_stored(Indexed const& what, Bytes& buffer)
{
    auto const pinned = pin(what.location.pack);
    if (!pinned)
        return fail(Fault::not_found, fmt::format("The pack {} is gone", what.location.pack));
    auto const damaged = [&](std::string_view why) {
        return fail(Fault::corrupt, fmt::format("{}: the record at {} is damaged: {}",
                                                pack_path(directory_, what.location.pack),
                                                what.location.offset, why));
    };
    buffer.resize(kRecordHeaderBytes + what.location.stored_bytes);
    auto const got = TRY(pinned.file().read_at(what.location.offset, buffer));
    if (got != buffer.size())
        return damaged("the pack ends before it");
    auto const header = parse_record_header(buffer, place_of(what.location));
    if (!header || header->hash != what.hash || header->kind != what.location.kind ||
        header->stored_bytes != what.location.stored_bytes)
        return damaged("its header is wrong");
    auto const stored = std::span<std::byte const>(buffer).subspan(kRecordHeaderBytes);
    auto plain = Buffer::of(header->raw_bytes);
    auto bench = benches_.lend();
    auto const verified = verify(*bench, *header, stored, plain.span());
    if (!verified.ok())
        return damaged(verified.error().message);
    return *header;
}

} // namespace karat::blocks
