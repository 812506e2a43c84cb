// SPDX-License-Identifier: Apache-2.0
// AttachVolume and DetachVolume. Both are tasks behind the instance's other tasks, so that a disk
// comes and goes between starts, stops and snapshots, never within one. An instance that is off
// finds the disk at its next start.
#include "devices.hpp"
#include "steps.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kFirstLook{50}; // guests let go within a tenth of a second
constexpr std::chrono::milliseconds kLongestLook{5'000};
constexpr std::chrono::seconds kPatience{20}; // after which a detaching disk is called busy

Error volume_is(Volume const& volume)
{
    return {Fault::wrong_state, Noun::none,
            fmt::format("Volume '{}' is in the '{}' state.", volume.id.text(), word(volume.state))};
}

Result<void> check_volume(Volume const& volume)
{
    if (volume.attachment)
        return Error{Fault::in_use, Noun::volume,
                     fmt::format("{} is already attached to an instance", volume.id.text())};
    if (volume.state != VolumeState::available)
        return volume_is(volume);
    return {};
}

Result<void> check_instance(Instance const& instance, Volume const& volume)
{
    if (instance.state != InstanceState::running && instance.state != InstanceState::stopped)
        return Error{Fault::wrong_state, Noun::none,
                     fmt::format("Instance '{}' is not 'running' or 'stopped': it is {}",
                                 instance.id.text(), word(instance.state))};
    if (instance.zone != volume.zone)
        return Error{Fault::mismatch, Noun::volume,
                     fmt::format("The volume '{}' is not in the same availability zone as instance "
                                 "'{}': {} and {}",
                                 volume.id.text(), instance.id.text(), volume.zone, instance.zone)};
    return {};
}

Result<void> check_device(catalog::View& view, Instance const& instance, std::string const& device)
{
    if (!is_device_name(device))
        return fail(Fault::invalid,
                    fmt::format("Value ({}) for parameter device is invalid. {} is not a valid EBS "
                                "device name.",
                                device, device));
    auto const others = TRY(view.volumes_of(instance.id));
    for (auto const& other : others)
        if (other.attachment->device_name == device)
            return Error{Fault::in_use, Noun::device_name,
                         fmt::format("Invalid value '{}' for unixDevice. Attachment point {} is "
                                     "already in use",
                                     device, device)};
    if (others.size() >= compute::kMaxDisks)
        return Error{Fault::exhausted, Noun::attachment,
                     fmt::format("The instance '{}' has {} volumes, and no place for more",
                                 instance.id.text(), others.size())};
    return {};
}

/// The volume of a task while its attachment is still that of the task; nothing otherwise.
template <class Work>
Result<std::optional<Volume>> volume_being_attached(catalog::View& view, Work const& work)
{
    auto volume = TRY(view.volume(work.volume));
    if (!volume || !volume->attachment || volume->attachment->instance != work.instance)
        return std::optional<Volume>();
    return volume;
}

template <class Work>
Result<std::optional<Volume>> volume_being_attached(Engine::State& state, Work const& work)
{
    return state.catalog().read(
        [&](catalog::View& view) { return volume_being_attached(view, work); });
}

/// Changes the row if the attachment is still that of the task.
template <class Work, class Edit>
Result<void> settle(catalog::Change& change, Work const& work, Edit edit)
{
    auto volume = TRY(volume_being_attached(change, work));
    if (!volume)
        return {};
    TRY(edit(*volume));
    return change.save(*volume);
}

Result<void> let_go(Volume& volume)
{
    volume.attachment.reset();
    return become(volume, VolumeState::available);
}

VolumeEvent attachment_failed(Engine::State& state, Volume const& volume, Error const& error)
{
    auto const& attachment = *volume.attachment;
    auto const digits = VolumeId::generate(state.env().chance).text().substr(4);
    return {.id = "evol-" + digits,
            .type = "attachment-failed",
            .description = fmt::format("The volume could not be attached to {} as {}: {}",
                                       attachment.instance.text(), attachment.device_name,
                                       message_for_caller(error)),
            .instance = attachment.instance,
            .at = state.now()};
}

bool is_leaving(AttachmentState state)
{
    return state == AttachmentState::detaching || state == AttachmentState::busy;
}

Result<void> check_detachable(catalog::View& view, Volume const& volume,
                              DetachVolume const& request)
{
    if (!volume.attachment)
        return volume_is(volume);
    auto const& attachment = *volume.attachment;
    if ((request.instance && *request.instance != attachment.instance) ||
        (request.device_name && *request.device_name != attachment.device_name))
        return Error{Fault::not_found, Noun::attachment,
                     fmt::format("The volume '{}' is attached to '{}' as {}", volume.id.text(),
                                 attachment.instance.text(), attachment.device_name)};
    if (is_leaving(attachment.state) && !request.force)
        return Error{
            Fault::wrong_state, Noun::none,
            fmt::format("The volume '{}' is {} already", volume.id.text(), word(attachment.state))};
    auto const instance = TRY(view.instance(attachment.instance));
    if (instance && instance->root_device_name == attachment.device_name &&
        instance->state != InstanceState::stopped)
        return Error{Fault::denied, Noun::none,
                     fmt::format("Unable to detach root volume '{}' from instance '{}': it is {}",
                                 attachment.device_name, instance->id.text(),
                                 word(instance->state))};
    return {};
}

/// Whether the machine has let go of the disk.
Result<bool> unplugged(Engine::State& state, Volume const& volume, bool force)
{
    auto& hypervisor = state.parts.hypervisor;
    auto const& instance = volume.attachment->instance;
    auto const power = TRY(hypervisor.power(instance));
    if (power == compute::Power::off)
        return true;
    auto gone = hypervisor.detach_disk(instance, volume.id,
                                       force ? compute::Unplug::by_force : compute::Unplug::asking);
    if (!gone.ok() && gone.error().fault == Fault::not_found)
        return true; // it ended just now
    return gone;
}

} // namespace

Result<Volume> Engine::attach_volume(Caller const& caller, AttachVolume const& request)
{
    return change_for(
        *state_, caller, "AttachVolume", [&](catalog::Change& change) -> Result<Volume> {
            auto volume = TRY(find_own_volume(change, caller, request.volume));
            auto const instance = TRY(find_own_instance(change, caller, request.instance));
            TRY(check_volume(volume));
            TRY(check_instance(instance, volume));
            TRY(check_device(change, instance, request.device_name));
            TRY(check_room(*state_, Noun::volume));
            TRY(rehearse(request.dry_run));
            TRY(become(volume, VolumeState::in_use));
            volume.attachment = Attachment{.instance = instance.id,
                                           .device_name = request.device_name,
                                           .delete_on_termination = false,
                                           .attached = state_->now()};
            TRY(change.save(volume));
            TRY(enqueue(*state_, change, AttachWork{volume.id, instance.id}));
            return volume;
        });
}

Result<Volume> Engine::detach_volume(Caller const& caller, DetachVolume const& request)
{
    return change_for(*state_, caller, "DetachVolume",
                      [&](catalog::Change& change) -> Result<Volume> {
                          auto volume = TRY(find_own_volume(change, caller, request.volume));
                          TRY(check_detachable(change, volume, request));
                          TRY(rehearse(request.dry_run));
                          if (!is_leaving(volume.attachment->state)) {
                              volume.attachment->state = AttachmentState::detaching;
                              TRY(change.save(volume));
                          }
                          TRY(enqueue(*state_, change,
                                      DetachWork{.volume = volume.id,
                                                 .instance = volume.attachment->instance,
                                                 .force = request.force,
                                                 .since = state_->now()}));
                          return volume;
                      });
}

Result<Next> step_attach(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<AttachWork>(task));
    auto const found = TRY(volume_being_attached(state, work));
    if (!found || found->attachment->state != AttachmentState::attaching)
        return finished();
    auto const volume = TRY(ensure_overlay(state, task, *found));
    auto& hypervisor = state.parts.hypervisor;
    auto const power = TRY(hypervisor.power(work.instance));
    if (power == compute::Power::running) {
        TRY(check_key(state, volume));
        TRY(check_overlays(state, volume));
        auto plugged = hypervisor.attach_disk(work.instance, disk_of(state, volume));
        // A machine that ended just now finds the disk when it is started.
        if (!plugged.ok() && plugged.error().fault != Fault::not_found)
            return plugged.take_error();
    }
    auto const next = TRY(finish(state, task, [&](catalog::Change& change) {
        return settle(change, work, [](Volume& row) -> Result<void> {
            if (row.attachment->state == AttachmentState::attaching)
                row.attachment->state = AttachmentState::attached;
            row.event.reset();
            return {};
        });
    }));
    log(Level::info, "volume.attached",
        {{"volume", volume.id.text()},
         {"instance", work.instance.text()},
         {"request", task.request}});
    return next;
}

Result<void> give_up_attach(Engine::State& state, Task const& task, Error const& error)
{
    auto const work = TRY(work_of<AttachWork>(task));
    return fail_task(state, task, error, [&](catalog::Change& change) -> Result<void> {
        auto row = TRY(volume_being_attached(change, work));
        if (!row || row->attachment->state != AttachmentState::attaching)
            return {};
        row->event = attachment_failed(state, *row, error);
        TRY(let_go(*row));
        return change.save(*row);
    });
}

namespace {

/// A later task looks again while the guest keeps the disk: what is queued meanwhile for the
/// instance, a stop for one, must not wait for a guest that does not listen.
Result<void> look_later(Engine::State& state, catalog::Change& change, DetachWork work)
{
    auto row = TRY(volume_being_attached(change, work));
    if (!row)
        return {};
    bool const is_late = state.now() - work.since > kPatience;
    if (row->attachment->state == AttachmentState::detaching && is_late)
        row->attachment->state = AttachmentState::busy;
    TRY(change.save(*row));
    auto const delay = std::min(kLongestLook, kFirstLook * (1 << std::min(work.looks, 8)));
    ++work.looks;
    TRY(enqueue(state, change, work, delay));
    return {};
}

} // namespace

Result<Next> step_detach(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<DetachWork>(task));
    auto const volume = TRY(volume_being_attached(state, work));
    if (!volume || !is_leaving(volume->attachment->state))
        return finished();
    bool const gone = TRY(unplugged(state, *volume, work.force));
    if (!gone)
        return finish(state, task,
                      [&](catalog::Change& change) { return look_later(state, change, work); });
    auto const next = TRY(
        finish(state, task, [&](catalog::Change& change) { return settle(change, work, let_go); }));
    log(Level::info, "volume.detached",
        {{"volume", work.volume.text()},
         {"instance", work.instance.text()},
         {"request", task.request}});
    return next;
}

} // namespace karat::engine
