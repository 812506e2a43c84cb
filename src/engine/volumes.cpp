// SPDX-License-Identifier: Apache-2.0
// Volumes that are not part of a launch: create, copy, delete, describe. A new volume is a row and
// nothing else, so making one costs the same for 1 GiB and for 64 TiB: what is written to it gets
// an overlay when it is first attached.
#include "listing.hpp"
#include "steps.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace karat::engine {
namespace {

constexpr std::size_t kLongChain = 4; // overlays from which on a chain is shortened

Result<void> check_zone(std::vector<std::string> const& zones, std::string const& zone)
{
    if (std::find(zones.begin(), zones.end(), zone) == zones.end())
        return Error{Fault::not_found, Noun::zone,
                     fmt::format("The zone '{}' does not exist.", zone)};
    return {};
}

/// The volumes that an earlier call with the same token made; nothing when there was none.
Result<std::optional<Volume>> made_before(catalog::View& view, Caller const& caller,
                                          Idempotency const& call)
{
    auto const ids = TRY(repeated(view, caller, call));
    if (!ids)
        return std::optional<Volume>();
    if (ids->size() != 1)
        return impossible_row("this client token", "it made not one volume");
    auto const id = TRY(VolumeId::parse(ids->front()));
    auto volume = TRY(find_own_volume(view, caller, id));
    return std::optional(std::move(volume));
}

Result<VolumeShape> shape_to_create(CreateVolume const& request,
                                    std::optional<Snapshot> const& snapshot)
{
    auto const least = snapshot ? snapshot->size_gib : 0;
    VolumeShape const shape{.size_gib = request.size_gib.value_or(least),
                            .type = request.type,
                            .iops = request.iops,
                            .throughput_mibps = request.throughput_mibps};
    if (shape.size_gib == 0)
        return fail(Fault::missing, "The request must contain the parameter size or snapshotId");
    if (shape.size_gib < least)
        return fail(Fault::invalid,
                    fmt::format("The size {} GiB is less than the snapshot's {} GiB",
                                shape.size_gib, least));
    TRY(check_shape(shape));
    return shape;
}

Volume new_volume(Engine::State& state, Caller const& caller, std::string zone,
                  VolumeShape const& shape)
{
    Volume volume{.id = VolumeId::generate(state.env().chance),
                  .owner = caller.account,
                  .region = caller.region,
                  .zone = std::move(zone)};
    volume.created = state.now();
    set_shape(volume, shape);
    return volume;
}

} // namespace

std::optional<InstanceId> holder_of(Volume const& volume)
{
    return volume.attachment ? std::optional(volume.attachment->instance) : std::nullopt;
}

Result<Volume> ensure_overlay(Engine::State& state, Task const& task, Volume const& volume)
{
    if (!volume.layers.overlays.empty())
        return volume;
    auto const name = fmt::format("{}.qcow2", task.id);
    TRY(state.parts.volumes.create_overlay(volume.id, name, volume.size_gib * kGiB));
    return commit(state, task, [&](catalog::Change& change) -> Result<Volume> {
        auto row = TRY(change.volume(volume.id));
        if (!row)
            return not_found(volume.id);
        if (row->layers.overlays.empty())
            row->layers.overlays = {name};
        TRY(change.save(*row));
        return std::move(*row);
    });
}

Result<void> collect_if_deleted(Engine::State& state, catalog::Change& change,
                                std::optional<SnapshotId> const& base)
{
    auto const snapshot = base ? TRY(change.snapshot(*base)) : std::optional<Snapshot>();
    if (!snapshot || snapshot->state != SnapshotState::deleted)
        return {};
    return enqueue_collect(state, change);
}

Snapshot hidden_snapshot(Engine::State& state, Volume const& volume)
{
    auto snapshot = new_snapshot(state, {volume.owner, volume.region}, volume, "", {});
    snapshot.state = SnapshotState::deleted; // callers see none that is
    return snapshot;
}

Result<void> enqueue_merge(Engine::State& state, catalog::Change& change, Volume const& volume,
                           std::chrono::milliseconds delay)
{
    if (volume.layers.overlays.size() < kLongChain)
        return {};
    auto open = TRY(change.tasks_on(volume.id.text()));
    std::ranges::move(TRY(change.tasks_on(frozen_layers_of(volume.id))), std::back_inserter(open));
    bool const captured = std::any_of(open.begin(), open.end(), [](auto const& task) {
        return task->kind == CaptureWork::kKind && task->state == TaskState::queued;
    });
    if (captured)
        return {}; // which shortens the chain too
    auto const snapshot = hidden_snapshot(state, volume);
    TRY(change.save(snapshot));
    CaptureWork work{.instance = holder_of(volume), .merge = true};
    work.pairs.push_back({volume.id, snapshot.id});
    TRY(enqueue(state, change, work, delay));
    return {};
}

Result<Volume> Engine::create_volume(Caller const& caller, CreateVolume const& request)
{
    TRY(check_tags(request.tags));
    TRY(check_zone(zones(caller.region), request.zone));
    Idempotency const call{"CreateVolume", request.client_token, request.fingerprint};
    return change_for(
        *state_, caller, "CreateVolume", [&](catalog::Change& change) -> Result<Volume> {
            if (auto before = TRY(made_before(change, caller, call)))
                return std::move(*before);
            std::optional<Snapshot> snapshot;
            if (request.snapshot)
                snapshot = TRY(find_usable_snapshot(change, caller, *request.snapshot));
            auto const shape = TRY(shape_to_create(request, snapshot));
            auto const source = snapshot ? std::optional(encryption_of(*snapshot)) : std::nullopt;
            auto const key = TRY(key_for(*state_, change, caller, request.encryption, source));
            TRY(check_room(*state_, Noun::volume));
            TRY(rehearse(request.dry_run));
            auto volume = new_volume(*state_, caller, request.zone, shape);
            volume.kms_key = key;
            volume.snapshot = request.snapshot;
            volume.layers.base = request.snapshot;
            volume.tags = request.tags;
            auto const answer = volume; // "creating", as EC2 says whatever it takes
            TRY(become(volume, VolumeState::available));
            TRY(change.save(volume));
            TRY(remember(*state_, change, caller, call, {volume.id.text()}));
            return answer;
        });
}

Result<Volume> Engine::copy_volume(Caller const& caller, CopyVolume const& request)
{
    TRY(check_tags(request.tags));
    Idempotency const call{"CopyVolumes", request.client_token, request.fingerprint};
    return change_for(
        *state_, caller, "CopyVolumes", [&](catalog::Change& change) -> Result<Volume> {
            if (auto before = TRY(made_before(change, caller, call)))
                return std::move(*before);
            auto const source = TRY(find_own_volume(change, caller, request.source));
            if (source.state != VolumeState::in_use && source.state != VolumeState::available)
                return Error{
                    Fault::wrong_state, Noun::volume,
                    fmt::format("The volume {} is {}", source.id.text(), word(source.state))};
            auto const shape = changed_shape(shape_of(source), request.shape);
            if (shape.size_gib < source.size_gib)
                return fail(Fault::invalid,
                            fmt::format("The size {} GiB is less than the source's {} GiB",
                                        shape.size_gib, source.size_gib));
            TRY(check_shape(shape));
            EncryptionSource const of{source.owner, source.region, source.kms_key};
            auto const key = TRY(key_for(*state_, change, caller, request.encryption, of));
            TRY(check_room(*state_, Noun::volume));
            TRY(rehearse(request.dry_run));
            auto const content = hidden_snapshot(*state_, source);
            TRY(change.save(content));
            auto volume = new_volume(*state_, caller, source.zone, shape);
            volume.source = source.id;
            volume.kms_key = key;
            volume.layers.base = content.id; // available when the capture is done
            volume.tags = request.tags;
            TRY(change.save(volume));
            CaptureWork work{.instance = holder_of(source)};
            work.pairs.push_back({source.id, content.id});
            TRY(enqueue(*state_, change, work));
            TRY(remember(*state_, change, caller, call, {volume.id.text()}));
            return volume;
        });
}

Result<void> Engine::delete_volume(Caller const& caller, VolumeId const& id, bool dry_run)
{
    return change_for(
        *state_, caller, "DeleteVolume", [&](catalog::Change& change) -> Result<void> {
            auto volume = TRY(find_own_volume(change, caller, id));
            if (volume.attachment)
                return Error{Fault::in_use, Noun::volume,
                             fmt::format("Volume {} is currently attached to {}", id.text(),
                                         volume.attachment->instance.text())};
            TRY(rehearse(dry_run));
            TRY(become(volume, VolumeState::deleting));
            TRY(change.save(volume));
            TRY(enqueue(*state_, change, DeleteVolumeWork{id}));
            return {};
        });
}

Result<void> Engine::volumes(Caller const& caller, OwnSelection<VolumeId> const& selection,
                             Visit<Volume> const& visit)
{
    return state_->catalog().read([&](catalog::View& view) {
        return visit_own<Volume>(view, caller, selection, is_there, visit);
    });
}

Result<Volume> Engine::own_volume(Caller const& caller, VolumeId const& id)
{
    return state_->catalog().read(
        [&](catalog::View& view) { return find_own_volume(view, caller, id); });
}

/// The files first: a crash between leaves a row that is deleted again, never files without a row.
Result<Next> step_delete_volume(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<DeleteVolumeWork>(task));
    TRY(state.parts.volumes.remove(work.volume));
    return finish(state, task, [&](catalog::Change& change) -> Result<void> {
        auto const volume = TRY(change.volume(work.volume));
        TRY(change.remove(work.volume));
        return volume ? collect_if_deleted(state, change, volume->layers.base) : Result<void>();
    });
}

} // namespace karat::engine
