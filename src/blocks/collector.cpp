// SPDX-License-Identifier: Apache-2.0
// Frees what no snapshot needs, beside ingests and reads.
//
// 1. The epoch goes up: what ingests that live now, or begin later, have touched is kept.
// 2. Mark from the roots, which must all be there and whole, then from every other manifest on disk
//    (a stray: its task may be about to tell the catalog), last from the open views. A snapshot
//    that is removed meanwhile has its views among those, or was read before; a view opened after
//    them is of a snapshot that was marked. Whatever a root misses ends the collection here.
// 3. Drop packs without live records; then copy the live records of mostly dead packs forward,
//    durably, and drop those too. An entry is dropped under the index's lock, where ingests find
//    it: they find it and keep it, or miss it and store it again.
#include "store.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

class Collection {
public:
    Collection(PackStore& store, Packs& packs, PackWriter& writer, Epoch floor)
        : store_(store)
        , packs_(packs)
        , writer_(writer)
    {
        marks_.floor = floor;
    }

    Result<void> mark(std::span<PageRef const> pages);
    Result<void> sweep(Env env, std::string const& directory);
    CollectReport const& report() const { return report_; }

private:
    Result<void> copy_forward(PackUse const& use);
    Result<void> drop(PackUse const& use, std::span<Indexed const> moved);
    bool mostly_dead(PackUse const& use) const
    {
        bool const empty = use.live_records == 0 && use.dead_records > 0; // maybe not yet in a file
        return empty || use.live_bytes * 2 < use.file_bytes;
    }

    PackStore& store_;
    Packs& packs_;
    PackWriter& writer_;
    Bench bench_;
    Marks marks_;
    CollectReport report_;
    std::vector<std::uint32_t> dropped_;
};

Result<void> Collection::mark(std::span<PageRef const> pages)
{
    auto const missing = [](Hash const& hash) {
        return fail(Fault::corrupt,
                    fmt::format("Nothing was collected: the record {} is missing", hash.text()));
    };
    for (auto const& ref : pages) {
        auto const marked = packs_.mark(ref.hash, marks_);
        if (marked == Packs::Marked::absent)
            return missing(ref.hash);
        if (marked == Packs::Marked::before)
            continue; // another snapshot shares the page: its extents are marked
        auto const page = TRY(read_page(store_, ref.hash));
        for (auto const& slice : page)
            if (packs_.mark(slice.hash, marks_) == Packs::Marked::absent)
                return missing(slice.hash);
    }
    return {};
}

/// Copies the live records of a pack and drops it. If one cannot be read the pack stays as it is.
Result<void> Collection::copy_forward(PackUse const& use)
{
    auto live = packs_.live_in(use.number, marks_);
    for (auto& record : live) {
        auto const plain = packs_.fetch(record.hash, record.location.kind, {});
        if (!plain.ok()) {
            log(Level::error, "collect.unreadable", plain.error(), {{"pack", use.number}});
            return {};
        }
        auto const raw = plain.value().span();
        Record copy{
            .kind = record.location.kind,
            .hash = record.hash,
            .raw_bytes = static_cast<std::uint32_t>(raw.size()),
        };
        copy.stored = bench_.pack(copy.kind, raw, copy.codec);
        record.location = TRY(writer_.append_copy(copy));
    }
    TRY(writer_.make_durable());
    ++report_.packs_rewritten;
    return drop(use, live);
}

Result<void> Collection::drop(PackUse const& use, std::span<Indexed const> moved)
{
    if (!packs_.drop(use.number, marks_, moved))
        return {}; // an ingest found a record in it meanwhile; the next collection looks again
    writer_.forget(use.number);
    dropped_.push_back(use.number);
    ++report_.packs_removed;
    report_.bytes_freed += use.file_bytes;
    for (auto const& record : moved)
        report_.bytes_freed -= kRecordHeaderBytes + record.location.stored_bytes;
    return {};
}

Result<void> Collection::sweep(Env env, std::string const& directory)
{
    auto const uses = packs_.use(marks_);
    for (auto const& use : uses) {
        report_.live_extents += use.live_records;
        report_.dead_extents += use.dead_records;
    }
    // Whatever is dropped, the number of the newest pack is not given away again.
    if (!uses.empty() && mostly_dead(uses.back()))
        TRY(writer_.rotate());
    auto const unlink_dropped = [&]() -> Result<void> {
        for (auto const number : std::exchange(dropped_, {}))
            TRY(env.files.remove(pack_path(directory, number)));
        return {};
    };
    for (auto const& use : uses)
        if (use.live_records == 0 && use.number != writer_.open_number())
            TRY(drop(use, {}));
    TRY(unlink_dropped()); // first: copying the others needs room
    for (auto const& use : uses) {
        if (use.live_records == 0 || !mostly_dead(use) || use.number == writer_.open_number())
            continue;
        TRY(copy_forward(use));
        TRY(unlink_dropped());
    }
    return {};
}

} // namespace

Result<CollectReport> PackStore::collect(std::span<std::string const> roots)
{
    std::scoped_lock const one(collect_mutex_);
    TRY(health_.check_writable());
    Collection collection(*this, packs_, *writer_, registry_.begin_collect());
    for (auto const& name : roots) {
        auto const manifest = read_manifest(env_.files, directory_, name);
        if (manifest.ok())
            TRY(collection.mark(manifest.value().pages));
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
        auto const marked = manifest.ok() ? collection.mark(manifest.value().pages)
                                          : Result<void>(manifest.error());
        if (!marked.ok() && marked.error().fault != Fault::not_found)
            log(Level::warn, "collect.bad_stray", marked.error(), {{"snapshot", name}});
    }
    for (auto const& viewed : registry_.viewed())
        TRY(collection.mark(viewed));
    // remove() answers after its own sync, but another's may be between the two.
    TRY(health_.after_sync(env_.files.sync_dir(manifests_path(directory_))));
    TRY(collection.sweep(env_, directory_));
    TRY(health_.after_sync(env_.files.sync_dir(packs_path(directory_))));
    auto report = collection.report();
    report.strays = strays;
    return report;
}

} // namespace karat::blocks
