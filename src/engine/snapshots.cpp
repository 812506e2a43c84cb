// SPDX-License-Identifier: Apache-2.0
// Snapshots: create, delete, describe, and the collection of what deleted ones held.
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace karat::engine {

blocks::Facts facts_of(Snapshot const& snapshot)
{
    blocks::Facts facts;
    facts.name = snapshot.id.text();
    facts.size_bytes = snapshot.size_gib * kGiB;
    facts.parent = snapshot.parent ? snapshot.parent->text() : "";
    facts.details = {
        {"owner", snapshot.owner.text()},           {"region", snapshot.region},
        {"started", format_time(snapshot.started)}, {"volume", snapshot.volume},
        {"description", snapshot.description},      {"tags", nlohmann::json(snapshot.tags).dump()}};
    return facts;
}

Snapshot new_snapshot(Engine::State& state, Caller const& caller, Volume const& volume,
                      std::string description, Tags tags)
{
    Snapshot snapshot{.id = SnapshotId::generate(state.env().chance),
                      .owner = caller.account,
                      .region = caller.region};
    snapshot.volume = volume.id.text();
    snapshot.size_gib = volume.size_gib;
    snapshot.description = std::move(description);
    snapshot.started = state.now();
    snapshot.parent = volume.layers.base;
    snapshot.tags = std::move(tags);
    return snapshot;
}

Result<Snapshot> Engine::create_snapshot(Caller const& caller, VolumeId const& id,
                                         std::string const& description, Tags const& tags,
                                         bool dry_run)
{
    TRY(check_description(description));
    TRY(check_tags(tags));
    return state_->catalog().change(
        {caller.account.text(), "CreateSnapshot"},
        [&](catalog::Change& change) -> Result<Snapshot> {
            auto const volume = TRY(find_own_volume(change, caller, id));
            if (volume.state != VolumeState::in_use && volume.state != VolumeState::available)
                return Error{Fault::wrong_state, Noun::volume,
                             fmt::format("The volume {} is {}", id.text(), word(volume.state))};
            TRY(rehearse(dry_run));
            auto snapshot = new_snapshot(*state_, caller, volume, description, tags);
            TRY(change.save(snapshot));
            auto const subject = volume.attachment ? volume.attachment->instance.text() : id.text();
            nlohmann::json const payload{{"no_reboot", true},
                                         {"phase", "quiesce"},
                                         {"pairs", {{id.text(), snapshot.id.text()}}}};
            TRY(change.enqueue(new_task(*state_, "capture", subject, payload.dump())));
            return snapshot;
        });
}

Result<void> Engine::delete_snapshot(Caller const& caller, SnapshotId const& id, bool dry_run)
{
    return state_->catalog().change(
        {caller.account.text(), "DeleteSnapshot"}, [&](catalog::Change& change) -> Result<void> {
            auto snapshot = TRY(find_own_snapshot(change, caller, id));
            auto const users = TRY(change.images_with(id));
            if (!users.empty())
                return Error{Fault::in_use, Noun::snapshot,
                             fmt::format("The snapshot {} is currently in use by {}", id.text(),
                                         users.front().id.text())};
            TRY(rehearse(dry_run));
            TRY(become(snapshot, SnapshotState::deleted));
            TRY(change.save(snapshot));
            return enqueue_collect(*state_, change);
        });
}

Result<std::vector<Snapshot>> Engine::snapshots(Caller const& caller,
                                                std::vector<SnapshotId> const& ids)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<std::vector<Snapshot>> {
        if (ids.empty()) {
            auto own = TRY(view.snapshots({caller.region, caller.account}));
            std::erase_if(own,
                          [](Snapshot const& one) { return one.state == SnapshotState::deleted; });
            return own;
        }
        std::vector<Snapshot> found;
        for (auto const& id : ids)
            found.push_back(TRY(find_own_snapshot(view, caller, id)));
        return found;
    });
}

Result<void> enqueue_collect(Engine::State& state, catalog::Change& change)
{
    auto const open = TRY(change.open_tasks());
    bool const queued = std::any_of(open.begin(), open.end(), [](Task const& task) {
        return task.kind == "collect" && task.state == TaskState::queued;
    });
    if (queued)
        return {};
    TRY(change.enqueue(new_task(state, "collect", "store", "{}")));
    return {};
}

namespace {

/// The snapshots that nothing needs any more; their rows go, and the names are answered.
Result<std::vector<std::string>> forget_deleted_snapshots(Engine::State& state)
{
    return state.catalog().change(
        {"worker", "Collect"}, [&](catalog::Change& change) -> Result<std::vector<std::string>> {
            std::vector<std::string> names;
            auto const all = TRY(change.snapshots({}));
            auto const tasks = TRY(change.open_tasks());
            for (auto const& snapshot : all) {
                if (snapshot.state != SnapshotState::deleted)
                    continue;
                // A capture that is still storing it, or a volume that reads through it, keeps it.
                auto const readers = TRY(change.volumes_over(snapshot.id));
                bool const storing = std::any_of(tasks.begin(), tasks.end(), [&](Task const& task) {
                    return task.payload.find(snapshot.id.text()) != std::string::npos;
                });
                if (!readers.empty() || storing)
                    continue;
                TRY(change.remove(snapshot.id));
                names.push_back(snapshot.id.text());
            }
            return names;
        });
}

Result<blocks::CollectReport> collect_now(Engine::State& state)
{
    auto const gone = TRY(forget_deleted_snapshots(state));
    for (auto const& one : gone)
        TRY(state.parts.store.remove(one));
    auto const roots =
        TRY(state.catalog().read([](catalog::View& view) -> Result<std::vector<std::string>> {
            std::vector<std::string> names;
            auto const all = TRY(view.snapshots({}));
            for (auto const& snapshot : all)
                if (snapshot.content)
                    names.push_back(snapshot.id.text());
            return names;
        }));
    auto const report = TRY(state.parts.store.collect(roots));
    log(Level::info, "store.collected",
        {{"live_extents", report.live_extents},
         {"dead_extents", report.dead_extents},
         {"packs_removed", report.packs_removed},
         {"packs_rewritten", report.packs_rewritten},
         {"bytes_freed", report.bytes_freed}});
    return report;
}

} // namespace

Result<blocks::CollectReport> Engine::collect() { return collect_now(*state_); }

Result<blocks::CheckReport> Engine::check_store(std::function<bool(double)> progress)
{
    return state_->parts.store.check(std::move(progress));
}

Result<Next> step_collect(Engine::State& state, Task&)
{
    TRY(collect_now(state));
    return finished();
}

} // namespace karat::engine
