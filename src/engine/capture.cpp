// SPDX-License-Identifier: Apache-2.0
// CreateImage and the capture task that stores volumes as snapshots, for running, stopped and
// rebooted instances and for detached volumes alike.
//
// The phases, each safe to repeat after a crash:
//   quiesce  with a reboot asked for: the guest is shut down (power button, then the plug)
//   freeze   every volume gets a new top overlay: the file first, then the catalog's layers, then
//            the swap in the running machine. From here on the layers below are not written.
//   store    the frozen layers become the snapshot; the guest already runs again
//   settle   the catalog says: snapshot completed, the volume reads through it, image available;
//            then the machine is moved onto the snapshot and the frozen files go
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace karat::engine {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds kPoll{250};

/// What a capture task carries: which volumes become which snapshots, and how far it is.
struct Capture {
    struct Pair {
        VolumeId volume;
        SnapshotId snapshot;
    };
    std::optional<InstanceId> instance;
    std::optional<ImageId> image;
    bool no_reboot = true;
    std::string phase;
    Time give_guest_until{};
    bool was_running = false;
    std::vector<Pair> pairs;
};

Result<Capture> read_capture(Task const& task)
{
    auto const json = Json::parse(task.payload);
    Capture capture;
    if (task.subject.starts_with(id_prefix(Noun::instance)))
        capture.instance = TRY(InstanceId::parse(task.subject));
    if (json.contains("image"))
        capture.image = TRY(ImageId::parse(json.at("image").get<std::string>()));
    capture.no_reboot = json.value("no_reboot", true);
    capture.phase = json.value("phase", "quiesce");
    capture.was_running = json.value("was_running", false);
    capture.give_guest_until =
        Time(std::chrono::milliseconds(json.value("until", std::int64_t{0})));
    for (auto const& [volume, snapshot] : json.at("pairs").items()) {
        auto const volume_id = TRY(VolumeId::parse(volume));
        auto const snapshot_id = TRY(SnapshotId::parse(snapshot.get<std::string>()));
        capture.pairs.push_back({volume_id, snapshot_id});
    }
    return capture;
}

/// Writes the phase down, so that a crash repeats from here.
Result<void> enter(Engine::State& state, Task& task, Capture& capture, std::string phase)
{
    auto json = Json::parse(task.payload);
    capture.phase = std::move(phase);
    json["phase"] = capture.phase;
    json["was_running"] = capture.was_running;
    json["until"] = capture.give_guest_until.time_since_epoch().count();
    task.payload = json.dump();
    return state.catalog().change({"worker", "task.capture"},
                                  [&](catalog::Change& change) { return change.save(task); });
}

Result<bool> runs(Engine::State& state, Capture const& capture)
{
    if (!capture.instance)
        return false;
    return TRY(state.parts.hypervisor.power(*capture.instance)) == compute::Power::running;
}

std::string overlay_name(Task const& task) { return fmt::format("{}.qcow2", task.id); }

/// Shuts the guest down when a reboot was asked for; true when there is nothing more to wait for.
Result<bool> quiesce(Engine::State& state, Task& task, Capture& capture)
{
    bool const running = TRY(runs(state, capture));
    if (!running || capture.no_reboot)
        return true;
    auto& hypervisor = state.parts.hypervisor;
    if (!capture.was_running) {
        capture.was_running = true;
        capture.give_guest_until = state.now() + state.parts.settings.shutdown_timeout;
        TRY(enter(state, task, capture, "quiesce"));
        TRY(hypervisor.request_shutdown(*capture.instance));
        return false;
    }
    if (state.now() < capture.give_guest_until)
        return false;
    TRY(hypervisor.kill(*capture.instance));
    return true;
}

/// Puts a new overlay above each volume: file, catalog, machine, in this order.
Result<void> freeze(Engine::State& state, Task const& task, Capture const& capture)
{
    auto const name = overlay_name(task);
    for (auto const& pair : capture.pairs) {
        auto const volume = TRY(
            state.catalog().read([&](catalog::View& view) { return view.volume(pair.volume); }));
        if (!volume)
            return not_found(pair.volume);
        TRY(state.parts.volumes.create_overlay(pair.volume, name, volume->size_gib * kGiB));
    }
    TRY(state.catalog().change(
        {"worker", "task.capture"}, [&](catalog::Change& change) -> Result<void> {
            for (auto const& pair : capture.pairs) {
                auto volume = TRY(change.volume(pair.volume));
                if (!volume)
                    return not_found(pair.volume);
                auto& overlays = volume->layers.overlays;
                if (std::find(overlays.begin(), overlays.end(), name) == overlays.end())
                    overlays.push_back(name);
                TRY(change.save(*volume));
            }
            return {};
        }));
    bool const running = TRY(runs(state, capture));
    if (!running)
        return {};
    std::vector<compute::Swap> swaps;
    for (auto const& pair : capture.pairs)
        swaps.push_back({pair.volume, state.parts.volumes.overlay_path(pair.volume, name)});
    auto const swapped = TRY(state.parts.hypervisor.swap_overlays(*capture.instance, swaps));
    log(Level::info, "volumes.frozen",
        {{"instance", capture.instance->text()},
         {"volumes", swaps.size()},
         {"pause_us", swapped.pause.count()}});
    return {};
}

/// The layers below the overlay of this task: what does not change any more.
Layers frozen_layers(Volume const& volume, std::string const& top)
{
    auto layers = volume.layers;
    auto const at = std::find(layers.overlays.begin(), layers.overlays.end(), top);
    layers.overlays.erase(at, layers.overlays.end());
    return layers;
}

Result<void> complete_snapshot(Engine::State& state, catalog::Change& change,
                               Capture::Pair const& pair, blocks::Committed const& stored,
                               std::string const& top)
{
    auto snapshot = TRY(change.snapshot(pair.snapshot));
    if (!snapshot)
        return not_found(pair.snapshot);
    snapshot->content = stored.root;
    snapshot->full_size_bytes = stored.full_size_bytes;
    snapshot->progress_percent = 100;
    snapshot->completed = state.now();
    // Deleted while it was being stored: it stays deleted, and goes when no volume reads through
    // it.
    if (snapshot->state == SnapshotState::pending)
        TRY(become(*snapshot, SnapshotState::completed));
    TRY(change.save(*snapshot));

    auto volume = TRY(change.volume(pair.volume));
    if (!volume)
        return {};
    auto& overlays = volume->layers.overlays;
    overlays.erase(overlays.begin(), std::find(overlays.begin(), overlays.end(), top));
    volume->layers.base = pair.snapshot;
    return change.save(*volume);
}

Result<void> store(Engine::State& state, Task& task, Capture const& capture)
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
        auto const stored = TRY(state.parts.volumes.capture(
            pair.volume, frozen_layers(*rows.first, overlay_name(task)), facts_of(*rows.second),
            [&](double part) { return report_progress(state, task, done + part * share); }));
        TRY(state.catalog().change({"worker", "task.capture"}, [&](catalog::Change& change) {
            return complete_snapshot(state, change, pair, stored, overlay_name(task));
        }));
        log(Level::info, "snapshot.completed",
            {{"snapshot", pair.snapshot.text()},
             {"volume", pair.volume.text()},
             {"bytes_written", stored.bytes_written},
             {"bytes_new", stored.bytes_new},
             {"bytes_stored", stored.bytes_stored}});
        done += share;
    }
    return {};
}

Result<void> publish_image(Engine::State& state, ImageId const& id)
{
    return state.catalog().change({"worker", "task.capture"},
                                  [&](catalog::Change& change) -> Result<void> {
                                      auto image = TRY(change.image(id));
                                      if (!image || image->state != ImageState::pending)
                                          return {};
                                      TRY(become(*image, ImageState::available));
                                      return change.save(*image);
                                  });
}

/// Moves the machine onto the snapshots and removes the files that nobody reads any more.
Result<void> drop_frozen(Engine::State& state, Capture const& capture)
{
    bool const running = TRY(runs(state, capture));
    for (auto const& pair : capture.pairs) {
        auto const volume = TRY(
            state.catalog().read([&](catalog::View& view) { return view.volume(pair.volume); }));
        if (!volume)
            continue;
        if (running)
            TRY(state.parts.hypervisor.rebase(*capture.instance, disk_of(state, *volume)));
        TRY(state.parts.volumes.keep_overlays(pair.volume, volume->layers.overlays));
    }
    return {};
}

} // namespace

Result<Image> Engine::create_image(Caller const& caller, CreateImage const& request)
{
    TRY(check_image_name(request.name));
    TRY(check_description(request.description));
    TRY(check_tags(request.image_tags));
    TRY(check_tags(request.snapshot_tags));
    auto& state = *state_;
    return state.catalog().change(
        {caller.account.text(), "CreateImage"}, [&](catalog::Change& change) -> Result<Image> {
            auto const instance = TRY(find_own_instance(change, caller, request.instance));
            if (instance.state != InstanceState::running &&
                instance.state != InstanceState::stopped)
                return Error{
                    Fault::wrong_state, Noun::instance,
                    fmt::format("Instance is not in state 'running' or 'stopped': {} is {}",
                                instance.id.text(), word(instance.state))};
            Image image{.id = ImageId::generate(state.env().chance),
                        .owner = caller.account,
                        .region = caller.region,
                        .name = request.name,
                        .description = request.description,
                        .created = state.now(),
                        .architecture = instance.architecture,
                        .root_device_name = instance.root_device_name};
            image.boot_mode = instance.boot_mode;
            image.ena_support = true;
            image.source_instance = instance.id;
            image.source_image = instance.image;
            image.source_image_region = instance.region;
            image.tags = request.image_tags;
            if (auto const source = TRY(change.image(instance.image)))
                image.imds_support = source->imds_support;

            auto const volumes = TRY(change.volumes_of(instance.id));
            Json pairs = Json::object();
            for (auto const& volume : volumes) {
                auto const& device_name = volume.attachment->device_name;
                auto const asked = std::find_if(
                    request.devices.begin(), request.devices.end(),
                    [&](DeviceRequest const& one) { return one.device_name == device_name; });
                bool const listed = asked != request.devices.end();
                if (listed && asked->no_device) {
                    if (device_name == instance.root_device_name)
                        return Error{
                            Fault::invalid, Noun::block_device,
                            fmt::format("The root device {} cannot be left out", device_name)};
                    continue;
                }
                auto const snapshot = new_snapshot(state, caller, volume,
                                                   fmt::format("Created by CreateImage({}) for {}",
                                                               instance.id.text(), image.id.text()),
                                                   request.snapshot_tags);
                TRY(change.save(snapshot));
                pairs[volume.id.text()] = snapshot.id.text();
                BlockDevice device{.device_name = device_name, .snapshot = snapshot.id};
                device.size_gib =
                    listed ? asked->size_gib.value_or(volume.size_gib) : volume.size_gib;
                device.volume_type =
                    listed ? asked->volume_type.value_or(volume.type) : volume.type;
                device.delete_on_termination = listed
                                                   ? asked->delete_on_termination.value_or(
                                                         volume.attachment->delete_on_termination)
                                                   : volume.attachment->delete_on_termination;
                if (device.size_gib < volume.size_gib)
                    return Error{Fault::invalid, Noun::block_device,
                                 fmt::format("The volume of {} cannot be smaller than its {} GiB",
                                             device_name, volume.size_gib)};
                image.devices.push_back(std::move(device));
            }
            TRY(rehearse(request.dry_run));
            TRY(change.save(image));
            Json const payload{{"image", image.id.text()},
                               {"no_reboot", request.no_reboot},
                               {"phase", "quiesce"},
                               {"pairs", pairs}};
            TRY(change.enqueue(new_task(state, "capture", instance.id.text(), payload.dump())));
            return image;
        });
}

Result<Next> step_capture(Engine::State& state, Task& task)
{
    auto capture = TRY(read_capture(task));
    if (capture.phase == "quiesce") {
        bool const quiet = TRY(quiesce(state, task, capture));
        if (!quiet)
            return again_after(kPoll);
        TRY(enter(state, task, capture, "freeze"));
    }
    if (capture.phase == "freeze") {
        TRY(freeze(state, task, capture));
        TRY(enter(state, task, capture, "store"));
    }
    if (capture.was_running && capture.instance) {
        auto const instance = TRY(state.catalog().read(
            [&](catalog::View& view) { return view.instance(*capture.instance); }));
        if (instance && instance->state == InstanceState::running)
            TRY(start_machine(state, *instance)); // back up before the bytes are stored
    }
    if (capture.phase == "store") {
        TRY(store(state, task, capture));
        if (capture.image)
            TRY(publish_image(state, *capture.image));
        TRY(enter(state, task, capture, "settle"));
    }
    TRY(drop_frozen(state, capture));
    return finished();
}

/// The image failed, and so did the snapshots that were not completed; the volumes keep their
/// longer chains, which read the same.
Result<void> give_up_capture(Engine::State& state, Task const& task, Error const& error)
{
    auto const capture = TRY(read_capture(task));
    return state.catalog().change(
        {"worker", "task.capture"}, [&](catalog::Change& change) -> Result<void> {
            for (auto const& pair : capture.pairs) {
                auto snapshot = TRY(change.snapshot(pair.snapshot));
                if (!snapshot || snapshot->state != SnapshotState::pending)
                    continue;
                TRY(become(*snapshot, SnapshotState::error));
                snapshot->state_message = error.message;
                TRY(change.save(*snapshot));
            }
            if (!capture.image)
                return {};
            auto image = TRY(change.image(*capture.image));
            if (!image || image->state != ImageState::pending)
                return {};
            TRY(become(*image, ImageState::failed));
            image->state_reason = {"Server.InternalError", error.message};
            return change.save(*image);
        });
}

} // namespace karat::engine
