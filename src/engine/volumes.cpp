// SPDX-License-Identifier: Apache-2.0
// Volumes that are not part of a launch: create, delete, describe.
#include "state.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::engine {
namespace {

/// Sizes by type in GiB (EC2 API reference, EbsBlockDevice).
struct TypeLimits {
    std::string_view name;
    std::uint64_t least;
    std::uint64_t most;
};
constexpr std::array kTypeLimits{
    TypeLimits{"gp2", 1, 16384},     TypeLimits{"gp3", 1, 65536},   TypeLimits{"io1", 4, 16384},
    TypeLimits{"io2", 4, 65536},     TypeLimits{"st1", 125, 16384}, TypeLimits{"sc1", 125, 16384},
    TypeLimits{"standard", 1, 1024},
};

Result<void> check_size(std::string const& type, std::uint64_t size_gib)
{
    auto const limits = std::find_if(kTypeLimits.begin(), kTypeLimits.end(),
                                     [&](TypeLimits const& one) { return one.name == type; });
    if (limits == kTypeLimits.end())
        return Error{Fault::invalid, Noun::volume, fmt::format("Unknown volume type '{}'", type)};
    if (size_gib < limits->least || size_gib > limits->most)
        return fail(Fault::invalid,
                    fmt::format("Volume of {}GiB is invalid for volume type {}; it takes {} to {}",
                                size_gib, type, limits->least, limits->most));
    return {};
}

} // namespace

Result<Volume> Engine::create_volume(Caller const& caller, CreateVolume const& request)
{
    TRY(check_tags(request.tags));
    auto const all_zones = zones(caller.region);
    if (std::find(all_zones.begin(), all_zones.end(), request.zone) == all_zones.end())
        return Error{Fault::not_found, Noun::zone,
                     fmt::format("The zone '{}' does not exist.", request.zone)};
    return state_->catalog().change(
        {caller.account.text(), "CreateVolume"}, [&](catalog::Change& change) -> Result<Volume> {
            std::uint64_t least = 0;
            if (request.snapshot) {
                auto const snapshot = TRY(find_usable_snapshot(change, caller, *request.snapshot));
                least = snapshot.size_gib;
            }
            auto const size_gib = request.size_gib.value_or(least);
            if (size_gib == 0)
                return fail(Fault::missing,
                            "The request must contain the parameter size or snapshotId");
            if (size_gib < least)
                return fail(Fault::invalid,
                            fmt::format("The size {} GiB is less than the snapshot's {} GiB",
                                        size_gib, least));
            TRY(check_size(request.type, size_gib));
            TRY(rehearse(request.dry_run));
            Volume volume{.id = VolumeId::generate(state_->env().chance),
                          .owner = caller.account,
                          .region = caller.region,
                          .zone = request.zone,
                          .size_gib = size_gib,
                          .type = request.type,
                          .iops = request.iops,
                          .throughput_mibps = request.throughput_mibps};
            volume.created = state_->now();
            volume.snapshot = request.snapshot;
            volume.layers = {.base = request.snapshot, .overlays = {"0.qcow2"}};
            volume.tags = request.tags;
            TRY(change.save(volume));
            TRY(change.enqueue(new_task(*state_, "create_volume", volume.id.text(), "{}")));
            return volume;
        });
}

Result<void> Engine::delete_volume(Caller const& caller, VolumeId const& id, bool dry_run)
{
    return state_->catalog().change(
        {caller.account.text(), "DeleteVolume"}, [&](catalog::Change& change) -> Result<void> {
            auto volume = TRY(find_own_volume(change, caller, id));
            if (volume.attachment)
                return Error{Fault::in_use, Noun::volume,
                             fmt::format("Volume {} is currently attached to {}", id.text(),
                                         volume.attachment->instance.text())};
            TRY(rehearse(dry_run));
            TRY(become(volume, VolumeState::deleting));
            TRY(change.save(volume));
            TRY(change.enqueue(new_task(*state_, "delete_volume", id.text(), "{}")));
            return {};
        });
}

Result<std::vector<Volume>> Engine::volumes(Caller const& caller, std::vector<VolumeId> const& ids)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<std::vector<Volume>> {
        if (ids.empty())
            return view.volumes({caller.region, caller.account});
        std::vector<Volume> found;
        for (auto const& id : ids)
            found.push_back(TRY(find_own_volume(view, caller, id)));
        return found;
    });
}

Result<Next> step_create_volume(Engine::State& state, Task& task)
{
    auto const id = TRY(VolumeId::parse(task.subject));
    auto const found =
        TRY(state.catalog().read([&](catalog::View& view) { return view.volume(id); }));
    if (!found || found->state != VolumeState::creating)
        return finished();
    TRY(state.parts.volumes.create_overlay(id, found->layers.overlays.front(),
                                           found->size_gib * kGiB));
    TRY(state.catalog().change({"worker", "task.create_volume"},
                               [&](catalog::Change& change) -> Result<void> {
                                   auto volume = TRY(change.volume(id));
                                   if (!volume || volume->state != VolumeState::creating)
                                       return {};
                                   TRY(become(*volume, VolumeState::available));
                                   return change.save(*volume);
                               }));
    return finished();
}

Result<void> give_up_create_volume(Engine::State& state, Task const& task, Error const&)
{
    auto const id = TRY(VolumeId::parse(task.subject));
    return state.catalog().change({"worker", "task.create_volume"},
                                  [&](catalog::Change& change) -> Result<void> {
                                      auto volume = TRY(change.volume(id));
                                      if (!volume || volume->state != VolumeState::creating)
                                          return {};
                                      TRY(become(*volume, VolumeState::error));
                                      return change.save(*volume);
                                  });
}

/// The files first: a crash between leaves a row that is deleted again, never files without a row.
Result<Next> step_delete_volume(Engine::State& state, Task& task)
{
    auto const id = TRY(VolumeId::parse(task.subject));
    TRY(state.parts.volumes.remove(id));
    TRY(state.catalog().change(
        {"worker", "task.delete_volume"}, [&](catalog::Change& change) -> Result<void> {
            auto const volume = TRY(change.volume(id));
            TRY(change.remove(id));
            if (!volume || !volume->layers.base)
                return {};
            auto const base = TRY(change.snapshot(*volume->layers.base));
            if (base && base->state == SnapshotState::deleted)
                TRY(enqueue_collect(state, change)); // this may have been its last reader
            return {};
        }));
    return finished();
}

} // namespace karat::engine
