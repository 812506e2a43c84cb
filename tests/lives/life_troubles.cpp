// SPDX-License-Identifier: Apache-2.0
// What happens to a life that no caller asked for, and its end.
#include "life.hpp"

#include <fmt/format.h>

namespace karat::testing {

void Life::guest()
{
    auto const running = world_->hypervisor().running();
    if (!running.ok() || running.value().empty())
        return;
    auto const& id = running.value()[below(running.value().size())];
    note("guest " + id.text());
    if (one_in(2))
        world_->hypervisor().shut_down(id);
    else
        world_->hypervisor().die(id);
}

void Life::work()
{
    auto const count = 1 + below(12);
    note(fmt::format("work {}", count));
    for (std::size_t i = 0; i < count; ++i) {
        auto const worked = world_->engine().work_once();
        if (!worked.ok() && !is_broken_)
            complain("a worker fails: " + worked.error().message);
        if (!worked.ok() || !worked.value())
            break;
    }
}

void Life::pass_time()
{
    static constexpr std::chrono::milliseconds kSpans[] = {
        std::chrono::milliseconds(100), std::chrono::seconds(2), std::chrono::seconds(40),
        std::chrono::minutes(5), std::chrono::hours(2)};
    auto const span = kSpans[below(5)];
    note(fmt::format("time passes: {} ms", span.count()));
    world_->env().clock.advance(span);
}

void Life::restart()
{
    auto const how = one_in(2) ? Stop::daemon : Stop::power;
    note(how == Stop::daemon ? "restart" : "power cut");
    auto const outcome = world_->restart(how);
    if (outcome.ok())
        return;
    if (!is_broken_)
        complain("does not start: " + outcome.error().message);
    heal();
}

void Life::break_something()
{
    is_broken_ = true;
    was_ever_broken_ = true;
    static char const* const operations[] = {"start",         "request_shutdown", "kill",
                                             "swap_overlays", "attach_disk",      "detach_disk",
                                             "rebase",        "grow_disk",        "reset"};
    static constexpr Fault kFaults[] = {Fault::io, Fault::unavailable, Fault::unsupported};
    switch (below(5)) {
    case 0:
        note("the disk is full");
        (void)world_->fill_disk(below(2) == 0 ? 0 : 64 << 10).ok();
        break;
    case 1:
        note("syncs fail");
        world_->break_sync(one_in(2) ? "/data/store" : "/data/volumes");
        break;
    case 2: {
        auto const first = static_cast<int>(below(40));
        note(fmt::format("the disk fails from its operation {} on", first));
        world_->fail_between({.first = first, .length = 1 + static_cast<int>(below(5))});
        break;
    }
    case 3:
        note("guests do not obey");
        world_->hypervisor().set_obedient(false);
        break;
    default:
        auto const* const operation = operations[below(9)];
        note(fmt::format("the next {} fails", operation));
        world_->hypervisor().fail_next(operation, kFaults[below(3)]);
    }
}

void Life::heal()
{
    note("heal");
    world_->heal();
    // What a failed disk left in doubt, only a new start settles.
    auto const outcome = is_broken_ ? world_->restart(Stop::daemon) : Result<void>();
    is_broken_ = false;
    if (!outcome.ok())
        complain("does not start after it was mended: " + outcome.error().message);
}

void Life::collect()
{
    note("collect");
    auto const outcome = world_->engine().collect(1);
    if (!outcome.ok() && !is_broken_ && outcome.error().fault != Fault::unavailable)
        complain("collect: " + outcome.error().message);
}

void Life::settle()
{
    is_broken_ = true; // what fails next was told to fail before
    heal();
    for (int hour = 0; hour < 4 && world_->runs(); ++hour) {
        auto const worked = world_->work();
        if (!worked.ok())
            complain("work does not end: " + worked.error().message);
        world_->env().clock.advance(std::chrono::minutes(61));
    }
}

void Life::check_end()
{
    if (!world_->runs())
        return complain("it does not run");
    auto const damage = world_->damage();
    if (!damage.ok())
        return complain("the check fails: " + damage.error().message);
    for (auto const& sentence : damage.value())
        complain(sentence);
    auto const open = world_->open_tasks();
    if (open.ok())
        for (auto const& task : open.value())
            complain(fmt::format("the task {} on {} never ends: {}", task.kind, task.subject,
                                 task.outcome));
    auto const checked = world_->catalog().read([&](catalog::View& view) -> Result<void> {
        check_states(view);
        check_machines(view);
        check_made(view);
        return {};
    });
    if (!checked.ok())
        complain(checked.error().message);
}

void Life::check_states(catalog::View& view)
{
    for (auto const& image : view.images({}).value())
        if (image.state == ImageState::pending)
            complain(image.id.text() + " stays pending");
    for (auto const& snapshot : view.snapshots({}).value())
        if (snapshot.state == SnapshotState::pending)
            complain(snapshot.id.text() + " stays pending");
    for (auto const& volume : view.volumes({}).value()) {
        bool const is_at_rest = volume.state == VolumeState::available ||
                                volume.state == VolumeState::in_use ||
                                volume.state == VolumeState::error;
        if (!is_at_rest)
            complain(fmt::format("{} stays {}", volume.id.text(), word(volume.state)));
        if (volume.attachment && volume.attachment->state != AttachmentState::attached)
            complain(fmt::format("the attachment of {} stays {}", volume.id.text(),
                                 word(volume.attachment->state)));
        for (auto const& name : volume.layers.overlays)
            if (!world_->env()
                     .files.exists("/data/volumes/" + volume.id.text() + "/" + name)
                     .value())
                complain(volume.id.text() + " has lost " + name);
        if ((volume.state == VolumeState::in_use) != volume.attachment.has_value())
            complain(fmt::format("{} is {} and {}", volume.id.text(), word(volume.state),
                                 volume.attachment ? "attached" : "not attached"));
    }
}

void Life::check_machines(catalog::View& view)
{
    std::set<std::string> addresses;
    for (auto const& instance : view.instances({}).value()) {
        auto const id = instance.id.text();
        auto const machine = world_->hypervisor().machine(instance.id);
        bool const runs = instance.state == InstanceState::running;
        if (!runs && instance.state != InstanceState::stopped &&
            instance.state != InstanceState::terminated)
            complain(fmt::format("{} stays {}", id, word(instance.state)));
        if (runs != machine.has_value())
            complain(fmt::format("{} is {} and its machine {}", id, word(instance.state),
                                 machine ? "runs" : "does not run"));
        if (instance.state != InstanceState::terminated &&
            (!addresses.insert(instance.interface.public_ip).second ||
             !addresses.insert(instance.owner.text() + instance.interface.private_ip).second))
            complain(id + " shares an address");
        if (!machine)
            continue;
        auto const volumes = view.volumes_of(instance.id).value();
        if (machine->disks.size() != volumes.size())
            complain(fmt::format("{} has {} disks and {} volumes", id, machine->disks.size(),
                                 volumes.size()));
        for (auto const& volume : volumes)
            if (!world_->hypervisor().disk(volume.id))
                complain(fmt::format("{} has no disk of {}", id, volume.id.text()));
    }
}

void Life::check_made(catalog::View& view)
{
    for (auto const& [text, made] : made_) {
        if (made.may_be_gone)
            continue;
        if (text.starts_with("ami-") && !view.image(ImageId::parse(text).value()).value())
            complain(text + " was lost");
        if (text.starts_with("snap-") && !view.snapshot(SnapshotId::parse(text).value()).value())
            complain(text + " was lost");
    }
}

} // namespace karat::testing
