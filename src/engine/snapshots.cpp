// SPDX-License-Identifier: Apache-2.0
// Snapshots: create, delete, describe, and the collection of what deleted ones held.
#include "listing.hpp"
#include "steps.hpp"

#include "karat/json.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

/// Between two collections while something waits to be deleted.
constexpr std::chrono::minutes kEpoch{10};
constexpr std::chrono::seconds kScrubStep{15};
constexpr std::uint64_t kLeastScrubMib = 4; // a pack within a lease
constexpr std::size_t kShownDamage = 16;

} // namespace

blocks::Facts facts_of(Snapshot const& snapshot, Time completed)
{
    blocks::Facts facts;
    facts.name = snapshot.id.text();
    facts.size_bytes = snapshot.size_gib * kGiB;
    facts.parent = snapshot.parent ? snapshot.parent->text() : "";
    facts.details = {{"owner", snapshot.owner.text()},
                     {"region", snapshot.region},
                     {"started", format_time(snapshot.started)},
                     {"volume", snapshot.volume},
                     {"completed", format_time(completed)},
                     {"encrypted", snapshot.kms_key.empty() ? "false" : "true"},
                     {"description", snapshot.description},
                     {"tags", nlohmann::json(snapshot.tags).dump()}};
    facts.key = snapshot.kms_key;
    return facts;
}

Snapshot new_snapshot(Engine::State& state, Caller const& caller, std::uint64_t size_gib,
                      std::string description, Tags tags)
{
    Snapshot snapshot{.id = SnapshotId::generate(state.env().chance),
                      .owner = caller.account,
                      .region = caller.region};
    snapshot.volume = kNoVolume;
    snapshot.size_gib = size_gib;
    snapshot.description = std::move(description);
    snapshot.started = state.now();
    snapshot.tags = std::move(tags);
    return snapshot;
}

Snapshot new_snapshot(Engine::State& state, Caller const& caller, Volume const& volume,
                      std::string description, Tags tags)
{
    auto snapshot =
        new_snapshot(state, caller, volume.size_gib, std::move(description), std::move(tags));
    snapshot.volume = volume.id.text();
    snapshot.parent = volume.layers.base;
    snapshot.kms_key = volume.kms_key;
    return snapshot;
}

Result<std::optional<Snapshot>> pending_snapshot(Engine::State& state, SnapshotId const& id)
{
    auto found = TRY(state.catalog().read([&](catalog::View& view) { return view.snapshot(id); }));
    if (!found || found->state != SnapshotState::pending)
        return std::optional<Snapshot>();
    return found;
}

void set_stored(Snapshot& snapshot, blocks::Committed const& stored, Time now)
{
    snapshot.content = stored.root;
    snapshot.full_size_bytes = stored.full_size_bytes;
    snapshot.progress_percent = 100;
    snapshot.completed = now;
}

namespace {

/// The disks of an instance but those that the request leaves out; at least one.
Result<std::vector<Volume>> volumes_to_capture(catalog::View& view, Caller const& caller,
                                               CreateSnapshots const& request)
{
    auto const instance = TRY(find_own_instance(view, caller, request.instance));
    if (instance.state != InstanceState::running && instance.state != InstanceState::stopped)
        return Error{Fault::wrong_state, Noun::instance,
                     fmt::format("Instance is not in state 'running' or 'stopped': {} is {}",
                                 instance.id.text(), word(instance.state))};
    auto volumes = TRY(view.volumes_of(instance.id));
    for (auto const& id : request.exclude) {
        auto const at = std::ranges::find(volumes, id, &Volume::id);
        if (at == volumes.end())
            return not_found(id);
        if (at->attachment->device_name == instance.root_device_name)
            return fail(Fault::invalid,
                        fmt::format("{} is the root volume; leave it out with ExcludeBootVolume",
                                    id.text()));
        volumes.erase(at);
    }
    if (request.exclude_boot_volume)
        std::erase_if(volumes, [&](Volume const& volume) {
            return volume.attachment->device_name == instance.root_device_name;
        });
    if (volumes.empty())
        return fail(Fault::invalid, fmt::format("All volumes of {} are left out; there is nothing "
                                                "to make a snapshot of",
                                                instance.id.text()));
    return volumes;
}

bool sees(Caller const& caller, Snapshot const& snapshot)
{
    return snapshot.region == caller.region && snapshot.state != SnapshotState::deleted &&
           may_use(snapshot, caller.account);
}

/// An id that the caller may not see is as one that is not there.
Result<catalog::Refs<Snapshot>> snapshots_with_ids(catalog::View& view, Caller const& caller,
                                                   std::vector<SnapshotId> const& ids)
{
    catalog::Refs<Snapshot> found;
    for (auto const& id : ids) {
        found.push_back(TRY(view.find<Snapshot>(id)));
        if (!found.back() || !sees(caller, *found.back()))
            return not_found(id);
    }
    return found;
}

/// Whether one of the words ("self", "all", an account) names who may make volumes of it.
bool restorable_by_any(Snapshot const& snapshot, Caller const& caller,
                       std::vector<std::string> const& words)
{
    return words.empty() || std::ranges::any_of(words, [&](std::string const& word) {
               auto const account = AccountId::parse(word == "self" ? caller.account.text() : word);
               return word == "all" ? snapshot.is_public
                                    : account.ok() && may_use(snapshot, account.value());
           });
}

} // namespace

Result<Snapshot> Engine::create_snapshot(Caller const& caller, VolumeId const& id,
                                         std::string const& description, Tags const& tags,
                                         bool dry_run)
{
    TRY(check_description(description));
    TRY(check_tags(tags));
    return change_for(
        *state_, caller, "CreateSnapshot", [&](catalog::Change& change) -> Result<Snapshot> {
            auto const volume = TRY(find_own_volume(change, caller, id));
            if (volume.state != VolumeState::in_use && volume.state != VolumeState::available)
                return Error{Fault::wrong_state, Noun::volume,
                             fmt::format("The volume {} is {}", id.text(), word(volume.state))};
            TRY(check_room(*state_, Noun::volume));
            TRY(rehearse(dry_run));
            auto snapshot = new_snapshot(*state_, caller, volume, description, tags);
            TRY(change.save(snapshot));
            CaptureWork work{.instance = holder_of(volume)};
            work.pairs.push_back({id, snapshot.id});
            TRY(enqueue(*state_, change, work));
            return snapshot;
        });
}

Result<std::vector<Snapshot>> Engine::create_snapshots(Caller const& caller,
                                                       CreateSnapshots const& request)
{
    TRY(check_description(request.description));
    TRY(check_tags(request.tags));
    return change_for(*state_, caller, "CreateSnapshots",
                      [&](catalog::Change& change) -> Result<std::vector<Snapshot>> {
                          auto const volumes = TRY(volumes_to_capture(change, caller, request));
                          TRY(check_room(*state_, Noun::volume));
                          TRY(rehearse(request.dry_run));
                          std::vector<Snapshot> snapshots;
                          CaptureWork work{.instance = request.instance};
                          for (auto const& volume : volumes) {
                              auto tags = request.tags;
                              if (request.copy_volume_tags)
                                  tags.insert(volume.tags.begin(), volume.tags.end());
                              TRY(check_tags(tags));
                              snapshots.push_back(new_snapshot(
                                  *state_, caller, volume, request.description, std::move(tags)));
                              work.pairs.push_back({volume.id, snapshots.back().id});
                              TRY(change.save(snapshots.back()));
                          }
                          TRY(enqueue(*state_, change, work));
                          return snapshots;
                      });
}

Result<void> drop_snapshot(Engine::State& state, catalog::Change& change, Caller const& caller,
                           SnapshotId const& id)
{
    auto snapshot = TRY(find_own_snapshot(change, caller, id));
    auto const users = TRY(change.images_with(id));
    if (!users.empty())
        return Error{Fault::in_use, Noun::snapshot,
                     fmt::format("The snapshot {} is currently in use by {}", id.text(),
                                 users.front().id.text())};
    TRY(become(snapshot, SnapshotState::deleted));
    TRY(change.save(snapshot));
    return enqueue_collect(state, change);
}

Result<void> Engine::delete_snapshot(Caller const& caller, SnapshotId const& id, bool dry_run)
{
    return change_for(*state_, caller, "DeleteSnapshot",
                      [&](catalog::Change& change) -> Result<void> {
                          TRY(drop_snapshot(*state_, change, caller, id));
                          return rehearse(dry_run);
                      });
}

Result<void> Engine::snapshots(Caller const& caller, SnapshotSelection const& selection,
                               Visit<Snapshot> const& visit)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<void> {
        auto const owners = TRY(owners_of(view, caller, selection.owners));
        auto const visit_if_seen = [&](catalog::Ref<Snapshot> const& one) -> Result<bool> {
            bool const seen = sees(caller, *one) && (!owners || owners->contains(one->owner)) &&
                              restorable_by_any(*one, caller, selection.restorable_by);
            return seen ? visit(one) : true;
        };
        auto const& narrowing = selection.narrowing;
        if (!selection.ids.empty())
            return visit_found<Snapshot>(TRY(snapshots_with_ids(view, caller, selection.ids)),
                                         narrowing.after, visit_if_seen);
        catalog::PassOverDamaged const passing(view, caller.account);
        return view.walk<Snapshot>(visible_things(caller, owners, narrowing), narrowing.after,
                                   visit_if_seen);
    });
}

Result<Snapshot> Engine::own_snapshot(Caller const& caller, SnapshotId const& id)
{
    return state_->catalog().read(
        [&](catalog::View& view) { return find_own_snapshot(view, caller, id); });
}

Result<void> enqueue_collect(Engine::State& state, catalog::Change& change)
{
    auto const open = TRY(change.tasks_on(kStoreResource));
    bool const waits = std::any_of(open.begin(), open.end(), [](auto const& task) {
        return task->kind == CollectWork::kKind && task->state == TaskState::queued;
    });
    if (!waits)
        TRY(enqueue(state, change, CollectWork{}));
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
            for (auto const& snapshot : all) {
                if (snapshot.state != SnapshotState::deleted)
                    continue;
                // A capture that is still storing it, or a volume that reads through it, keeps it.
                auto const readers = TRY(change.volumes_over(snapshot.id));
                bool const is_kept = TRY(change.is_kept(snapshot.id));
                if (!readers.empty() || is_kept)
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
    for (auto const& one : gone) {
        state.views.forget(one);
        TRY(state.parts.store.remove(one));
        TRY(state.parts.store.staged().drop(one));
    }
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

Result<blocks::CollectReport> Engine::collect(int epochs)
{
    if (epochs < 1 || epochs > kEpochsToFree)
        return fail(Fault::invalid, "Collections are asked for one, two or three at a time");
    blocks::CollectReport sum;
    for (int epoch = 0; epoch < epochs; ++epoch) {
        auto report = TRY(collect_now(*state_));
        report.bytes_freed += sum.bytes_freed;
        report.packs_removed += sum.packs_removed;
        report.packs_rewritten += sum.packs_rewritten;
        sum = report;
    }
    return sum;
}

Result<void> Engine::clear_store_alarm() { return state_->parts.store.clear_alarm(); }

Result<blocks::CheckReport> Engine::check_store(std::function<bool(double)> progress)
{
    return state_->parts.store.check(std::move(progress));
}

namespace {

/// Whatever a row leans on must be there.
Result<std::vector<std::string>> check_references(Engine::State& state)
{
    std::set<std::string> known;
    std::vector<Snapshot> snapshots;
    std::vector<std::string> damage;
    auto const lacks = [&](auto const& thing, std::optional<SnapshotId> const& snapshot) {
        if (snapshot && !known.contains(snapshot->text()))
            damage.push_back(fmt::format("The {} leans on {}, of which the catalog has no row",
                                         thing.id.text(), snapshot->text()));
    };
    TRY(state.catalog().read([&](catalog::View& view) -> Result<void> {
        catalog::PassOverDamaged const passing(view); // the catalog's own check names them
        snapshots = TRY(view.snapshots({}));
        for (auto const& snapshot : snapshots)
            known.insert(snapshot.id.text());
        for (auto const& image : TRY(view.images({})))
            for (auto const& device : image.devices)
                lacks(image, device.snapshot);
        for (auto const& volume : TRY(view.volumes({})))
            if (volume.state != VolumeState::deleted)
                lacks(volume, volume.layers.base);
        return {};
    }));
    for (auto const& snapshot : snapshots) {
        if (!snapshot.content || snapshot.state != SnapshotState::completed)
            continue;
        auto const described = state.parts.store.describe(snapshot.id.text());
        if (!described.ok())
            damage.push_back(fmt::format("{}: {}", snapshot.id.text(), described.error().message));
        else if (described.value().root != *snapshot.content)
            damage.push_back(fmt::format("The catalog and the store differ in what {} holds",
                                         snapshot.id.text()));
    }
    return damage;
}

} // namespace

Result<catalog::Checked> Engine::check_catalog()
{
    auto checked = TRY(state_->catalog().check());
    for (auto& sentence : TRY(check_references(*state_)))
        checked.damage.push_back(std::move(sentence));
    Lock const guard(state_->mutex);
    state_->catalog_damage = checked.damage.size();
    return checked;
}

Result<void> Engine::back_up_catalog(std::string const& path)
{
    if (!path.starts_with('/'))
        return fail(Fault::invalid, "The path of a backup must begin with '/'");
    return state_->catalog().back_up(path);
}

Result<std::int64_t> Engine::start_scrub(ScrubOptions const& options)
{
    if (options.mib_per_second != 0 && options.mib_per_second < kLeastScrubMib)
        return fail(Fault::invalid,
                    fmt::format("A scrub reads at least {} MiB a second", kLeastScrubMib));
    ScrubWork const work{options.mib_per_second, options.anew};
    return state_->catalog().change({"admin", "Scrub"}, [&](catalog::Change& change) {
        return enqueue(*state_, change, work);
    });
}

/// Reads for a while and goes on in the next step, so that others of the lane get their turn.
Result<Next> step_scrub(Engine::State& state, Task& task)
{
    auto work = TRY(work_of<ScrubWork>(task));
    auto const until = state.env().clock.steady() + kScrubStep;
    auto const report = TRY(state.parts.store.scrub({
        .bytes_per_second = work.mib_per_second << 20,
        .anew = work.anew,
        .progress =
            [&](double share) {
                return report_progress(state, task, share) && state.env().clock.steady() < until;
            },
    }));
    if (std::exchange(work.anew, false))
        TRY(note(state, task, work));
    if (!report.finished)
        return again_after(std::chrono::milliseconds(0));
    log(report.damage.empty() ? Level::info : Level::error, "store.scrubbed",
        {{"bytes", report.bytes},
         {"damage", report.damage.size()},
         {"only_checksummed", report.sealed}});
    if (report.damage.empty())
        return finished();
    auto const shown = std::min<std::size_t>(report.damage.size(), kShownDamage);
    return fail(
        Fault::corrupt,
        fmt::format("{} parts of the store are damaged: {}", report.damage.size(),
                    fmt::join(report.damage.begin(),
                              report.damage.begin() + static_cast<std::ptrdiff_t>(shown), "; ")));
}

Result<Next> step_collect(Engine::State& state, Task&)
{
    auto const report = TRY(collect_now(state));
    bool const more = report.waiting_records > 0 && !report.halted;
    return more ? again_after(kEpoch) : finished();
}

} // namespace karat::engine
