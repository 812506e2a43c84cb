// SPDX-License-Identifier: Apache-2.0
// Reads every record and every map, and says what is wrong and whom it hits.
#include "scrub.hpp"
#include "store.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

/// Not through a source: a look at what is condemned is no alarm here.
Result<Page> upkeep_page(Packs& packs, Hash const& hash)
{
    auto const raw = TRY(packs.fetch({hash, Kind::page}, {}));
    return decode_page(raw.span());
}

/// Names the first thing that is wrong with a snapshot's data; nothing when all is well.
class SnapshotCheck {
public:
    SnapshotCheck(Packs& packs, Bad const& bad)
        : packs_(packs)
        , bad_(bad)
    {
    }

    void check(Manifest const& manifest)
    {
        for (auto const& ref : manifest.pages) {
            if (!good_record(ref.hash, Kind::page))
                continue;
            auto const page = upkeep_page(packs_, ref.hash);
            if (!page.ok()) {
                wrong(page.error().message);
                continue;
            }
            for (auto const& slice : page.value())
                check_slice(slice);
        }
    }
    std::vector<std::string> take_findings() { return std::move(findings_); }

private:
    void check_slice(Slice const& slice)
    {
        if (!good_record(slice.hash, Kind::extent))
            return;
        auto const at = packs_.find(slice.hash);
        if (at && slice.skip + std::uint32_t{slice.blocks} > at->raw_blocks)
            wrong(fmt::format("the map asks for more than the extent {} has", slice.hash.text()));
    }
    bool good_record(Hash const& hash, Kind kind)
    {
        auto const found = bad_.find(hash);
        if (found != bad_.end()) {
            wrong(found->second);
            return false;
        }
        auto const at = packs_.find(hash);
        if (!at || at->kind != kind) {
            wrong(fmt::format("the record {} is missing", hash.text()));
            return false;
        }
        return true;
    }
    void wrong(std::string what)
    {
        if (findings_.size() < kFindings)
            findings_.push_back(std::move(what));
    }

    static constexpr std::size_t kFindings = 16; // of one snapshot: more say nothing new
    Packs& packs_;
    Bad const& bad_;
    std::vector<std::string> findings_;
};

} // namespace

Result<std::vector<std::string>> PackStore::whom_it_hits(std::map<Hash, std::string> const& bad)
{
    std::vector<std::string> damage;
    for (auto const& name : TRY(names())) {
        auto const manifest = read_manifest(env_.files, directory_, name);
        if (!manifest.ok()) {
            if (manifest.error().fault != Fault::not_found)
                damage.push_back(manifest.error().message);
            continue;
        }
        SnapshotCheck snapshot(packs_, bad);
        snapshot.check(manifest.value());
        for (auto const& finding : snapshot.take_findings())
            damage.push_back(fmt::format("Snapshot '{}': {}", name, finding));
    }
    for (auto const& [hash, what] : bad) // damage that hits nobody is still damage
        if (std::ranges::none_of(damage,
                                 [&](std::string const& one) { return one.ends_with(what); }))
            damage.push_back(fmt::format("No snapshot needs it, but: {}", what));
    return damage;
}

/// What is open can be read, but not by who comes later.
Result<void> PackStore::check_names(std::vector<std::string>& damage)
{
    std::vector<std::uint32_t> gone;
    for (auto const number : packs_.numbers())
        if (!TRY(env_.files.exists(pack_path(directory_, number))))
            gone.push_back(number);
    if (gone.empty())
        return {};
    auto const left = packs_.numbers(); // a collection may have dropped some meanwhile
    for (auto const number : gone)
        if (std::ranges::find(left, number) != left.end())
            damage.push_back(fmt::format("The file {} is gone. What it holds can be read until "
                                         "this process ends: put the file back, or export the "
                                         "images first",
                                         pack_path(directory_, number)));
    return {};
}

Result<CheckReport> PackStore::check(std::function<bool(double)> progress)
{
    // What is only in memory yet cannot be read; a store that may not write has nothing there.
    if (!health_.read_only()) {
        writer_->settle(); // on a full disk: what an import that failed left
        TRY(writer_->make_durable());
    }
    CheckReport report;
    auto const held = unlock_all(report.locked);
    PackCheck packs(packs_, directory_, {env_, options_.threads});
    bool const finished =
        packs.run([&](std::uint32_t, double share) { return !progress || progress(share); });
    if (!finished)
        return fail(Fault::unavailable, "The check was interrupted");
    report.extents = packs.records();
    report.bytes = packs.bytes();
    report.sealed = packs.sealed();
    report.damage = TRY(whom_it_hits(packs.bad()));
    TRY(check_names(report.damage));
    return report;
}

} // namespace karat::blocks
