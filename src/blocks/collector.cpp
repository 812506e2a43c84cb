// SPDX-License-Identifier: Apache-2.0
// Frees what no snapshot needs, beside ingests and reads.
//
// 1. The epoch goes up: what ingests that live now, or begin later, have touched is kept.
// 2. Mark what staged snapshots hold, then from the roots, which must all be there and whole, then
//    from every other manifest on disk (a stray: its task may be about to tell the catalog), last
//    from the views that are or were open since the epoch began. A snapshot that is removed
//    meanwhile was read before, or has its views among those. Whatever a root misses ends the
//    collection here.
// 3. Judge: what is not needed is condemned, durably. What was condemned and is needed is pardoned,
//    and an alarm: an earlier collection missed it.
// 4. Sweep, unless there is an alarm: packs whose every record was condemned two epochs ago are
//    dropped; of packs that are mostly so, the other records are copied forward first, durably. A
//    record is dropped under the index's lock, where ingests find it: they find it and pardon it,
//    or miss it and store it again. What is garbage in a pack that stays becomes a hole, if it is
//    much or room is short: that needs no room itself.
#include "pack_holes.hpp"
#include "store.hpp"

#include "karat/priority.hpp"
#include "karat/thread.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

bool is_dead(PackUse const& use) { return use.live_records + use.waiting_records == 0; }
bool is_mostly_dead(PackUse const& use)
{
    bool const unwritten = is_dead(use) && use.ripe_records > 0; // maybe not yet in a file
    return unwritten || use.kept_bytes * 2 < use.file_bytes;
}

Error missing(Hash const& hash)
{
    return fail(Fault::corrupt,
                fmt::format("Nothing was collected: the record {} is missing", hash.text()));
}

class Collection {
public:
    Collection(Packs& packs, PackWriter& writer, Alarm& alarm, Epoch floor)
        : packs_(packs)
        , writer_(writer)
        , alarm_(alarm)
    {
        marks_.floor = floor;
    }

    Result<void> mark(std::span<PageRef const> pages);
    Result<void> mark(std::span<Slice const> slices);
    void judge();
    struct Place {
        Env env;
        std::string const& directory;
        std::uint64_t pack_bytes;
        Health& health;
    };
    Result<void> sweep(Place const& place);
    CollectReport report;

private:
    Result<void> copy_forward(PackUse const& use, std::span<Indexed const> records);
    void drop(PackUse const& use, std::span<Indexed const> records, std::span<Indexed const> moved);
    Result<void> unlink_dropped(Place const& place);
    Result<void> leave_last_pack(Place const& place);
    Result<void> copy_mostly_dead(Place const& place);
    Result<void> make_holes(Place const& place);
    Result<std::uint64_t> make_holes(Place const& place, PackUse const& use,
                                     std::span<Indexed const> records);
    bool has_much_garbage(Place const& place, PackUse const& use) const;
    bool is_open(PackUse const& use) const { return use.number == writer_.open_number(); }

    /// The records of the packs that `wanted` picks, by pack.
    template <class Wanted>
    std::map<std::uint32_t, std::vector<Indexed>> records_of(Wanted const& wanted) const;

    Packs& packs_;
    PackWriter& writer_;
    Alarm& alarm_;
    Marks marks_;
    Judgement judgement_;
    std::vector<std::uint32_t> dropped_;
    std::set<std::uint32_t> done_; // dropped, or its records moved
};

Result<void> Collection::mark(std::span<PageRef const> pages)
{
    for (auto const& ref : pages) {
        auto const marked = packs_.mark(ref.hash, marks_);
        if (marked == Packs::Marked::absent)
            return missing(ref.hash);
        if (marked == Packs::Marked::before)
            continue; // another snapshot shares the page: its extents are marked
        auto const raw = TRY(packs_.fetch({ref.hash, Kind::page}, {}));
        auto const page = TRY(decode_page(raw.span()));
        TRY(mark(page));
    }
    return {};
}

Result<void> Collection::mark(std::span<Slice const> slices)
{
    if (auto const* const absent = packs_.mark(slices, marks_))
        return missing(*absent);
    return {};
}

void Collection::judge()
{
    judgement_ = packs_.judge(marks_);
    report.condemned_records = judgement_.condemned;
    for (auto const& use : judgement_.packs) {
        report.live_extents += use.live_records;
        report.dead_extents += use.waiting_records + use.ripe_records;
        report.waiting_records += use.waiting_records;
    }
    for (auto const& where : judgement_.resurrections)
        alarm_.raise(fmt::format("A snapshot needs a record that was condemned: {}", where));
}

template <class Wanted>
std::map<std::uint32_t, std::vector<Indexed>> Collection::records_of(Wanted const& wanted) const
{
    std::set<std::uint32_t> numbers;
    for (auto const& use : judgement_.packs)
        if (wanted(use))
            numbers.insert(use.number);
    std::map<std::uint32_t, std::vector<Indexed>> by_pack;
    for (auto const number : numbers)
        by_pack[number]; // also those of which the index has nothing
    if (!numbers.empty())
        for (auto& record : packs_.records_of(numbers))
            by_pack[record.location.pack].push_back(record);
    return by_pack;
}

/// Copies what is kept of a pack and drops it. If one record cannot be read the pack stays.
Result<void> Collection::copy_forward(PackUse const& use, std::span<Indexed const> records)
{
    std::vector<Indexed> moved;
    Bytes buffer;
    for (auto const& record : records) {
        if (packs_.is_ripe(record, marks_))
            continue;
        auto const header = packs_.read_stored(record, buffer);
        if (!header.ok()) {
            log(Level::error, "collect.unreadable", header.error(), {{"pack", use.number}});
            return {};
        }
        Record const copy{
            .kind = header.value().kind,
            .codec = header.value().codec,
            .sealing = header.value().sealing,
            .hash = record.hash,
            .raw_bytes = header.value().raw_bytes,
            .stored = std::span<std::byte const>(buffer).subspan(kRecordHeaderBytes),
        };
        moved.push_back(record);
        moved.back().location = TRY(writer_.append_copy(copy));
    }
    TRY(writer_.make_durable());
    ++report.packs_rewritten;
    done_.insert(use.number);
    drop(use, records, moved);
    return {};
}

void Collection::drop(PackUse const& use, std::span<Indexed const> records,
                      std::span<Indexed const> moved)
{
    if (!packs_.drop({use.number, records, moved}, marks_))
        return; // an ingest found a record in it meanwhile; the next collection looks again
    writer_.forget(use.number);
    dropped_.push_back(use.number);
    done_.insert(use.number);
    ++report.packs_removed;
    std::uint64_t copied = 0;
    for (auto const& record : moved)
        copied += kRecordHeaderBytes + record.location.stored_bytes;
    report.bytes_freed += use.file_bytes - std::min(use.file_bytes, copied);
}

Result<void> Collection::unlink_dropped(Place const& place)
{
    for (auto const number : std::exchange(dropped_, {}))
        TRY(place.env.files.remove(pack_path(place.directory, number)));
    return {};
}

/// Garbage of every kind: what is ripe, second copies of what was known, what was withdrawn.
bool Collection::has_much_garbage(Place const& place, PackUse const& use) const
{
    constexpr std::uint64_t kSome = 2 * kBlockBytes;
    auto const garbage = use.file_bytes - std::min(use.file_bytes, use.kept_bytes);
    return garbage >= (writer_.is_short_of_room() ? kSome : place.pack_bytes / 8);
}

/// So that the pack that is written to can be dropped, copied or given holes.
Result<void> Collection::leave_last_pack(Place const& place)
{
    auto const& uses = judgement_.packs;
    if (uses.empty())
        return {};
    // Whatever is dropped, the number of the newest pack is not given away again.
    if (is_mostly_dead(uses.back()))
        return writer_.rotate();
    if (!is_open(uses.back()) || !has_much_garbage(place, uses.back()))
        return {};
    TRY(writer_.rotate());
    return writer_.make_durable(); // writes its footer
}

Result<void> Collection::copy_mostly_dead(Place const& place)
{
    auto const mostly = records_of(
        [&](PackUse const& use) { return !is_dead(use) && is_mostly_dead(use) && !is_open(use); });
    for (auto const& use : judgement_.packs) {
        auto const found = mostly.find(use.number);
        if (found == mostly.end() || !writer_.has_room_for(use.kept_bytes))
            continue;
        if (alarm_.raised())
            break;
        TRY(copy_forward(use, found->second));
        TRY(unlink_dropped(place));
    }
    return {};
}

Result<std::uint64_t> Collection::make_holes(Place const& place, PackUse const& use,
                                             std::span<Indexed const> records)
{
    auto const file =
        TRY(place.env.files.open(pack_path(place.directory, use.number), Access::write));
    std::vector<Kept> kept;
    for (auto const& record : packs_.drop_ripe(use.number, records, marks_)) {
        auto const& at = record.location;
        kept.push_back({at.offset, at.offset + kRecordHeaderBytes + at.stored_bytes});
    }
    return free_between({use.number, *file}, kept, place.health);
}

Result<void> Collection::make_holes(Place const& place)
{
    auto const wanted = [&](PackUse const& use) {
        return !done_.contains(use.number) && !writer_.holds(use.number) &&
               has_much_garbage(place, use);
    };
    auto const with_garbage = records_of(wanted);
    for (auto const& use : judgement_.packs) {
        auto const found = with_garbage.find(use.number);
        if (found == with_garbage.end() || alarm_.raised())
            continue;
        auto const freed = make_holes(place, use, found->second);
        TRY(place.health.check_writable());
        if (!freed.ok()) { // a file system without holes: the pack waits until it is mostly dead
            log(Level::warn, "collect.no_holes", freed.error(), {{"pack", use.number}});
            continue;
        }
        packs_.set_file_bytes(use.number, use.file_bytes - std::min(use.file_bytes, freed.value()));
        report.bytes_freed += freed.value();
    }
    return {};
}

Result<void> Collection::sweep(Place const& place)
{
    TRY(leave_last_pack(place));
    auto const dead = records_of([&](PackUse const& use) { return is_dead(use) && !is_open(use); });
    for (auto const& use : judgement_.packs)
        if (auto const found = dead.find(use.number); found != dead.end())
            drop(use, found->second, {});
    TRY(unlink_dropped(place)); // first: copying the others needs room
    TRY(copy_mostly_dead(place));
    return make_holes(place);
}

} // namespace

Result<std::uint64_t> PackStore::mark_all(std::span<std::string const> roots, MarkPages const& mark)
{
    for (auto const& name : roots) {
        auto const manifest = read_manifest(env_.files, directory_, name);
        if (manifest.ok())
            TRY(mark(manifest.value().pages));
        else if (manifest.error().fault != Fault::not_found)
            return manifest.error();
        else if (!registry_.removed_meanwhile(name))
            return fail(Fault::corrupt,
                        fmt::format("Nothing was collected: the snapshot '{}' is missing", name));
    }
    std::set<std::string> const named(roots.begin(), roots.end());
    std::uint64_t strays = 0;
    for (auto const& name : TRY(names())) {
        if (named.contains(name))
            continue;
        ++strays;
        // Nobody vouches for a stray, so one that is damaged must not stop collections for ever.
        auto const manifest = read_manifest(env_.files, directory_, name);
        auto const marked =
            manifest.ok() ? mark(manifest.value().pages) : Result<void>(manifest.error());
        if (!marked.ok() && marked.error().fault != Fault::not_found)
            log(Level::warn, "collect.bad_stray", marked.error(), {{"snapshot", name}});
    }
    for (auto const& viewed : registry_.viewed())
        TRY(mark(viewed));
    return strays;
}

/// Ingests and reads go first: beside them a collection takes what they leave of the processors.
Result<CollectReport> PackStore::collect(std::span<std::string const> roots) noexcept
{
    if (options_.threads == 0)
        return collect_here(roots);
    std::optional<Result<CollectReport>> report;
    Thread("collector", Thread::OnThrow::end_process, [&](std::stop_token const&) {
        take_lowest_priority();
        report = collect_here(roots);
    }).join();
    return std::move(*report);
}

Result<CollectReport> PackStore::collect_here(std::span<std::string const> roots)
{
    std::scoped_lock const one(collect_mutex_);
    TRY(health_.check_writable());
    auto const began = env_.clock.steady();
    Collection collection(packs_, *writer_, alarm_, registry_.begin_collect());
    // What is staged comes first: if it is committed meanwhile, its manifest is found afterwards.
    auto const mark_pages = [&](std::span<PageRef const> table) { return collection.mark(table); };
    auto const mark_slices = [&](std::span<Slice const> slices) { return collection.mark(slices); };
    auto const staged = staging_->mark({.pages = mark_pages, .slices = mark_slices});
    auto const marked =
        staged.ok() ? mark_all(roots, mark_pages) : Result<std::uint64_t>(staged.error());
    registry_.end_collect();
    auto const strays = TRY(marked);
    // remove() answers after its own sync, but another's may be between the two.
    TRY(health_.after_sync(env_.files.sync_dir(manifests_path(directory_))));
    collection.report.strays = strays;
    writer_->settle();
    collection.report.epoch = packs_.begin_epoch();
    collection.judge();
    collection.report.mark_time = env_.clock.steady() - began;
    TRY(writer_->make_durable()); // what is condemned lies on disk, and the list of it too
    collection.report.halted = alarm_.raised();
    if (!collection.report.halted) {
        TRY(collection.sweep({env_, directory_, options_.pack_bytes, health_}));
        TRY(health_.after_sync(env_.files.sync_dir(packs_path(directory_))));
    }
    return collection.report;
}

Result<void> PackStore::clear_alarm() noexcept
{
    std::scoped_lock const one(collect_mutex_);
    TRY(health_.check_writable());
    packs_.pardon_all();
    TRY(writer_->make_durable());
    return alarm_.clear();
}

} // namespace karat::blocks
