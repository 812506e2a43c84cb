// SPDX-License-Identifier: Apache-2.0
// The capture task that stores volumes as snapshots, for running, stopped and
// rebooted instances and for detached volumes alike.
//
// The phases, each safe to repeat after a crash:
//   quiesce  with a reboot asked for: the guest is shut down (power button, then the plug)
//   freeze   every volume gets a new top overlay: the file first, then the catalog's layers, then
//            the swap in the running machine. From here on the layers below are not written.
//            (Not a volume that was never attached: nothing was written. Nor a merge: it stores
//            what is below the top already, so that a chain never grows by being shortened.)
//            A guest that was shut down is started again.
//   store    the frozen layers become the snapshot, and the catalog says so: it is completed, the
//            volume reads through it, the image is available. This may take hours, in the lane for
//            that; only the frozen layers are held, so the instance may be stopped meanwhile, and
//            the volume detached or captured again.
//   settle   the machine that has the volume by now is moved onto the snapshot, and the frozen
//            files go
#include "steps.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kPoll{250};
constexpr std::chrono::minutes kMergeAgain{10}; // what broke a capture may break a merge

Result<bool> runs(Engine::State& state, CaptureWork const& capture)
{
    if (!capture.instance)
        return false;
    return TRY(state.parts.hypervisor.power(*capture.instance)) == compute::Power::running;
}

std::string overlay_name(Task const& task) { return fmt::format("{}.qcow2", task.id); }

/// The overlay that stays on top: what is below it becomes the snapshot. Empty when nothing was
/// frozen, as the volume had no overlay then.
std::string top_of(Task const& task, CaptureWork const& capture, Volume const& volume)
{
    auto const& overlays = volume.layers.overlays;
    if (capture.merge)
        return overlays.empty() ? "" : overlays.back();
    auto const name = overlay_name(task);
    return std::ranges::find(overlays, name) == overlays.end() ? "" : name;
}

/// Whether the running machine of the task has the volume's disk. It may have been detached since
/// the task was queued.
bool plugged_in(CaptureWork const& capture, Volume const& volume)
{
    return capture.instance && volume.attachment &&
           volume.attachment->instance == *capture.instance &&
           volume.attachment->state != AttachmentState::attaching;
}

/// Shuts the guest down when a reboot was asked for; true when there is nothing more to wait for.
Result<bool> quiesce(Engine::State& state, Task& task, CaptureWork& capture)
{
    bool const running = TRY(runs(state, capture));
    if (!running || capture.no_reboot)
        return true;
    auto& hypervisor = state.parts.hypervisor;
    if (!capture.was_running) {
        capture.was_running = true;
        capture.until = state.now() + state.parts.settings.shutdown_timeout;
        TRY(note(state, task, capture));
        TRY(hypervisor.request_shutdown(*capture.instance));
        return false;
    }
    if (state.now() < capture.until)
        return false;
    TRY(hypervisor.kill(*capture.instance));
    return true;
}

Result<std::vector<Volume>> volumes_to_freeze(Engine::State& state, CaptureWork const& capture)
{
    return state.catalog().read([&](catalog::View& view) -> Result<std::vector<Volume>> {
        std::vector<Volume> volumes;
        for (auto const& pair : capture.pairs) {
            auto volume = TRY(view.volume(pair.volume));
            if (!volume)
                return not_found(pair.volume);
            if (!volume->layers.overlays.empty())
                volumes.push_back(std::move(*volume));
        }
        return volumes;
    });
}

/// Writes the new overlays into the catalog, and the sizes that the snapshots have by now.
Result<void> note_frozen(Engine::State& state, Task const& task, CaptureWork const& capture,
                         std::string const& name)
{
    return commit(state, task, [&](catalog::Change& change) -> Result<void> {
        for (auto const& pair : capture.pairs) {
            auto volume = TRY(change.volume(pair.volume));
            auto snapshot = TRY(change.snapshot(pair.snapshot));
            if (!volume || !snapshot)
                return not_found(pair.volume);
            auto& overlays = volume->layers.overlays;
            bool const there = std::find(overlays.begin(), overlays.end(), name) != overlays.end();
            if (!overlays.empty() && !there && !capture.merge)
                overlays.push_back(name);
            TRY(change.save(*volume));
            snapshot->size_gib = volume->size_gib;
            TRY(change.save(*snapshot));
        }
        return {};
    });
}

/// Puts a new overlay above each volume: file, catalog, machine, in this order.
Result<void> freeze(Engine::State& state, Task const& task, CaptureWork const& capture)
{
    auto const name = overlay_name(task);
    auto const volumes = TRY(volumes_to_freeze(state, capture));
    if (!capture.merge)
        for (auto const& volume : volumes)
            TRY(state.parts.volumes.create_overlay(volume.id, name, volume.size_gib * kGiB));
    TRY(note_frozen(state, task, capture, name));
    bool const running = TRY(runs(state, capture));
    std::vector<compute::Swap> swaps;
    for (auto const& volume : volumes) {
        if (!running || !plugged_in(capture, volume))
            continue;
        // Of a merge, too: a swap that failed may have left its overlay to the catalog only.
        auto const& top = capture.merge ? volume.layers.overlays.back() : name;
        TRY(state.parts.volumes.write_out(volume.id, volume.layers.overlays.back()));
        swaps.push_back({volume.id, state.parts.volumes.overlay_path(volume.id, top)});
    }
    if (swaps.empty())
        return {};
    auto const swapped = TRY(state.parts.hypervisor.swap_overlays(*capture.instance, swaps));
    log(Level::info, "volumes.frozen",
        {{"instance", capture.instance->text()},
         {"volumes", swaps.size()},
         {"pause_us", swapped.pause.count()}});
    return {};
}

/// The layers below the overlay that stays: they do not change any more.
Layers frozen_layers(Volume const& volume, std::string const& top)
{
    auto layers = volume.layers;
    auto& overlays = layers.overlays;
    overlays.erase(top.empty() ? overlays.begin() : std::ranges::find(overlays, top),
                   overlays.end());
    return layers;
}

/// The volume reads through the snapshot instead of its frozen layers.
Result<void> thaw(Volume& volume, SnapshotId const& snapshot, std::string const& top)
{
    auto& overlays = volume.layers.overlays;
    volume.layers.base = snapshot;
    if (top.empty()) // an overlay that it has was made since
        return {};
    auto const at = std::ranges::find(overlays, top);
    if (at == overlays.end())
        return fail(Fault::corrupt,
                    fmt::format("The overlay {} of {} is not in its chain", top, volume.id.text()));
    overlays.erase(overlays.begin(), at);
    return {};
}

/// Copies that waited for these bytes can be used now.
Result<void> release_copies(catalog::Change& change, SnapshotId const& content)
{
    auto const readers = TRY(change.volumes_over(content));
    for (auto copy : readers) {
        if (copy.state != VolumeState::creating)
            continue;
        TRY(become(copy, VolumeState::available));
        TRY(change.save(copy));
    }
    return {};
}

Result<void> complete_snapshot(Engine::State& state, catalog::Change& change,
                               CapturePair const& pair, blocks::Committed const& stored,
                               std::string const& top)
{
    auto snapshot = TRY(change.snapshot(pair.snapshot));
    if (!snapshot)
        return not_found(pair.snapshot);
    set_stored(*snapshot, stored, state.now());
    // Deleted while it was being stored: it stays deleted, and goes when no volume reads through
    // it.
    if (snapshot->state == SnapshotState::pending)
        TRY(become(*snapshot, SnapshotState::completed));
    TRY(change.save(*snapshot));

    auto volume = TRY(change.volume(pair.volume));
    if (!volume)
        return {};
    auto const before = volume->layers.base;
    TRY(thaw(*volume, pair.snapshot, top));
    TRY(change.save(*volume));
    TRY(collect_if_deleted(state, change, before));
    return release_copies(change, pair.snapshot);
}

Result<void> store(Engine::State& state, Task& task, CaptureWork const& capture)
{
    double done = 0;
    auto const share = 1.0 / static_cast<double>(std::max<std::size_t>(1, capture.pairs.size()));
    for (auto const& pair : capture.pairs) {
        auto const rows = TRY(state.catalog().read(
            [&](catalog::View& view)
                -> Result<std::pair<std::optional<Volume>, std::optional<Snapshot>>> {
                auto volume = TRY(view.volume(pair.volume));
                auto snapshot = TRY(view.snapshot(pair.snapshot));
                return std::pair(std::move(volume), std::move(snapshot));
            }));
        if (!rows.first || !rows.second)
            return not_found(pair.volume);
        if (rows.second->content)
            continue; // a repeat after a crash: this one was settled
        auto const top = top_of(task, capture, *rows.first);
        auto const stored = TRY(state.parts.volumes.capture(
            pair.volume, frozen_layers(*rows.first, top), facts_of(*rows.second, state.now()),
            [&](double part) { return report_progress(state, task, done + part * share); }));
        TRY(commit(state, task, [&](catalog::Change& change) {
            return complete_snapshot(state, change, pair, stored, top);
        }));
        log(Level::info, "snapshot.completed",
            {{"snapshot", pair.snapshot.text()},
             {"volume", pair.volume.text()},
             {"bytes_written", stored.bytes_written},
             {"bytes_new", stored.bytes_new},
             {"bytes_stored", stored.bytes_stored},
             {"request", task.request}});
        done += share;
    }
    return {};
}

/// The instances whose machines may have the volumes' disks. They may be others than at first.
Result<std::vector<InstanceId>> holders_of(catalog::View& view, CaptureWork const& capture)
{
    std::set<InstanceId> holders;
    for (auto const& pair : capture.pairs) {
        auto const volume = TRY(view.volume(pair.volume));
        if (volume && volume->attachment && volume->attachment->state != AttachmentState::attaching)
            holders.insert(volume->attachment->instance);
    }
    return std::vector(holders.begin(), holders.end());
}

/// Moves the machines onto the snapshots and removes the files that nobody reads any more.
Result<void> drop_frozen(Engine::State& state, CaptureWork const& capture)
{
    for (auto const& pair : capture.pairs) {
        auto const volume = TRY(
            state.catalog().read([&](catalog::View& view) { return view.volume(pair.volume); }));
        if (!volume)
            continue;
        if (volume->attachment && volume->attachment->state != AttachmentState::attaching) {
            auto const& holder = volume->attachment->instance;
            auto const power = TRY(state.parts.hypervisor.power(holder));
            if (power == compute::Power::running)
                TRY(state.parts.hypervisor.rebase(holder, disk_of(state, *volume)));
        }
        TRY(state.parts.volumes.keep_overlays(pair.volume, volume->layers.overlays));
    }
    return {};
}

/// Settles while it claims whoever has the volumes; else claims them first.
Result<Next> settle_or_claim(Engine::State& state, Task const& task, CaptureWork capture)
{
    auto const holders =
        TRY(state.catalog().read([&](catalog::View& view) { return holders_of(view, capture); }));
    if (capture.phase == CapturePhase::settle && capture.holders == holders) {
        TRY(drop_frozen(state, capture));
        return finished();
    }
    capture.phase = CapturePhase::settle;
    capture.holders = holders;
    return move_on(state, task, capture, [&](catalog::Change& change) {
        return settle_image(change, capture.image, {});
    });
}

Result<void> restart_guest(Engine::State& state, CaptureWork const& capture)
{
    if (!capture.was_running || !capture.instance)
        return {};
    auto const instance = TRY(state.catalog().read(
        [&](catalog::View& view) { return view.instance(*capture.instance); }));
    if (!instance || instance->state != InstanceState::running)
        return {};
    return start_machine(state, *instance);
}

Result<void> nothing_else(catalog::Change&) { return {}; }

/// The phases that hold the instance: the guest waits for them.
Result<Next> quiesce_and_freeze(Engine::State& state, Task& task, CaptureWork capture)
{
    if (capture.phase == CapturePhase::quiesce) {
        bool const quiet = TRY(quiesce(state, task, capture));
        if (!quiet)
            return again_after(kPoll);
        capture.phase = CapturePhase::freeze;
        TRY(note(state, task, capture));
    }
    TRY(freeze(state, task, capture));
    TRY(restart_guest(state, capture)); // before the bytes are stored
    capture.phase = CapturePhase::store;
    return move_on(state, task, capture, nothing_else);
}

/// A merge waits long, and its volume may be another instance's by now: then it queues behind the
/// work of that one. True when it is where it belongs; nothing when the volume is deleted.
Result<std::optional<bool>> is_at_home(Engine::State& state, CaptureWork& capture)
{
    if (!capture.merge || capture.phase != CapturePhase::quiesce)
        return std::optional(true);
    auto const volume = TRY(state.catalog().read(
        [&](catalog::View& view) { return view.volume(capture.pairs.at(0).volume); }));
    if (!volume)
        return std::optional<bool>();
    auto const holder = holder_of(*volume);
    return std::optional(std::exchange(capture.instance, holder) == holder);
}

} // namespace

Result<Next> step_capture(Engine::State& state, Task& task)
{
    auto capture = TRY(work_of<CaptureWork>(task));
    auto const at_home = TRY(is_at_home(state, capture));
    if (!at_home)
        return finished();
    if (!*at_home)
        return move_on(state, task, capture, nothing_else);
    switch (capture.phase) {
    case CapturePhase::quiesce:
    case CapturePhase::freeze:
        return quiesce_and_freeze(state, task, capture);
    case CapturePhase::store:
        TRY(store(state, task, capture));
        return settle_or_claim(state, task, capture);
    case CapturePhase::settle:
        return settle_or_claim(state, task, capture);
    }
    return finished();
}

namespace {

/// Copies that waited fail; a chain that became long by this is shortened later.
Result<void> give_up_volumes(Engine::State& state, catalog::Change& change,
                             CaptureWork const& capture)
{
    for (auto const& pair : capture.pairs) {
        auto const readers = TRY(change.volumes_over(pair.snapshot));
        for (auto copy : readers) {
            if (copy.state != VolumeState::creating)
                continue;
            TRY(become(copy, VolumeState::error));
            TRY(change.save(copy));
        }
        auto const volume = TRY(change.volume(pair.volume));
        if (volume)
            TRY(enqueue_merge(state, change, *volume, kMergeAgain));
    }
    return {};
}

} // namespace

/// The image failed, and so did the snapshots that were not completed; the volumes keep their
/// longer chains, which read the same.
Result<void> give_up_capture(Engine::State& state, Task const& task, Error const& error)
{
    auto const capture = TRY(work_of<CaptureWork>(task));
    bool const is_off = capture.instance &&
                        TRY(state.parts.hypervisor.power(*capture.instance)) == compute::Power::off;
    return fail_task(state, task, error, [&](catalog::Change& change) -> Result<void> {
        if (is_off && capture.was_running) // and could not be started again
            TRY(enqueue(state, change, EndedWork{*capture.instance, false}));
        for (auto const& pair : capture.pairs) {
            auto snapshot = TRY(change.snapshot(pair.snapshot));
            if (!snapshot || snapshot->state != SnapshotState::pending)
                continue;
            TRY(become(*snapshot, SnapshotState::error));
            snapshot->state_message = message_for_caller(error);
            TRY(change.save(*snapshot));
        }
        TRY(give_up_volumes(state, change, capture));
        return settle_image(change, capture.image, message_for_caller(error));
    });
}

} // namespace karat::engine
