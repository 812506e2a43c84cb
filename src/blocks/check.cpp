// SPDX-License-Identifier: Apache-2.0
// Reads every record and every map, and says what is wrong and whom it hits.
#include "store.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

using Bad = std::map<Hash, std::string>; // what is wrong with a record

/// Names the first thing that is wrong with a snapshot's data; nothing when all is well.
class SnapshotCheck {
public:
    SnapshotCheck(Source& source, Packs& packs, Bad const& bad)
        : source_(source)
        , packs_(packs)
        , bad_(bad)
    {
    }

    void check(Manifest const& manifest)
    {
        for (auto const& ref : manifest.pages) {
            if (!good_record(ref.hash, Kind::page))
                continue;
            auto const page = read_page(source_, ref.hash);
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
    Source& source_;
    Packs& packs_;
    Bad const& bad_;
    std::vector<std::string> findings_;
};

} // namespace

Result<CheckReport> PackStore::check(std::function<bool(double)> progress)
{
    CheckReport report;
    // What is only in memory yet cannot be read; a store that may not write has nothing there.
    if (!health_.read_only())
        TRY(writer_->make_durable());
    auto const records = packs_.all();
    Bad bad;
    for (std::size_t i = 0; i < records.size(); ++i) {
        auto const& record = records[i];
        auto const plain = packs_.fetch(record.hash, record.location.kind, {});
        if (plain.ok()) {
            ++report.extents;
            report.bytes += plain.value().size;
        } else if (plain.error().fault != Fault::not_found) { // collected meanwhile: not missed
            bad.emplace(record.hash, plain.error().message);
        }
        auto const share = static_cast<double>(i + 1) / static_cast<double>(records.size());
        if (progress && i % 256 == 255 && !progress(share))
            return fail(Fault::unavailable, "The check was interrupted");
    }
    for (auto const& name : TRY(names())) {
        auto const manifest = read_manifest(env_.files, directory_, name);
        if (!manifest.ok()) {
            if (manifest.error().fault != Fault::not_found)
                report.damage.push_back(manifest.error().message);
            continue;
        }
        SnapshotCheck snapshot(*this, packs_, bad);
        snapshot.check(manifest.value());
        for (auto const& finding : snapshot.take_findings())
            report.damage.push_back(fmt::format("Snapshot '{}': {}", name, finding));
    }
    if (report.damage.empty()) // damage that hits nobody is still damage
        for (auto const& [hash, what] : bad)
            report.damage.push_back(fmt::format("No snapshot needs it, but: {}", what));
    return report;
}

} // namespace karat::blocks
