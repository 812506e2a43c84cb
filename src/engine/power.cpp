// SPDX-License-Identifier: Apache-2.0
// Start, stop, reboot and terminate, and what machines do by themselves.
#include "steps.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kPowerPoll{250};
constexpr std::chrono::seconds kAskAgain{5}; // a guest that is still booting misses the first press

std::string user_initiated(Time now)
{
    auto const seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    return fmt::format("User initiated ({:%Y-%m-%d %H:%M:%S} GMT)", fmt::gmtime(seconds));
}

/// Runs `verb` on every named instance in one change: all of them or none.
template <class Verb>
Result<std::vector<Transition>>
for_each_instance(Engine::State& state, Caller const& caller, char const* action,
                  std::vector<InstanceId> const& ids, bool dry_run, Verb verb)
{
    return change_for(state, caller, action,
                      [&](catalog::Change& change) -> Result<std::vector<Transition>> {
                          std::vector<Instance> instances;
                          for (auto const& id : ids)
                              instances.push_back(TRY(find_own_instance(change, caller, id)));
                          std::vector<Transition> transitions;
                          for (auto& instance : instances) {
                              auto const before = instance.state;
                              TRY(verb(change, instance));
                              transitions.push_back({instance.id, before, instance.state});
                          }
                          TRY(rehearse(dry_run));
                          return transitions;
                      });
}

Error wrong_state(Instance const& instance, std::string_view verb)
{
    return {Fault::wrong_state, Noun::instance,
            fmt::format("The instance '{}' is {}, not in a state from which it can be {}",
                        instance.id.text(), word(instance.state), verb)};
}

Result<std::optional<Instance>> find_instance(Engine::State& state, InstanceId const& id)
{
    return state.catalog().read([&](catalog::View& view) { return view.instance(id); });
}

bool given_time_is_over(Engine::State& state, Task const& task)
{
    return state.now() >= task.created + state.parts.settings.shutdown_timeout;
}

/// Asks the guest to shut down, now and then, and waits for it in small steps; kills it when
/// `force` or when it took too long. True when the machine is off.
template <class Work>
Result<bool> power_off(Engine::State& state, Task& task, Work work, bool force)
{
    auto& hypervisor = state.parts.hypervisor;
    auto const& id = work.instance;
    auto const power = TRY(hypervisor.power(id));
    if (power == compute::Power::off)
        return true;
    if (force || given_time_is_over(state, task)) {
        TRY(hypervisor.kill(id));
        return true;
    }
    if (work.asked <= state.now() && state.now() < work.asked + kAskAgain)
        return false;
    work.asked = state.now();
    TRY(set_work(task, work)); // in memory only: after a crash the guest is asked again
    auto asked = hypervisor.request_shutdown(id);
    if (!asked.ok() && asked.error().fault != Fault::not_found) // it may have ended just now
        return asked.take_error();
    return false;
}

Result<void> delete_volumes_of(catalog::Change& change, Engine::State& state,
                               Instance const& instance)
{
    auto volumes = TRY(change.volumes_of(instance.id));
    for (auto& volume : volumes) {
        bool const goes = volume.attachment->delete_on_termination;
        volume.attachment.reset();
        TRY(become(volume, goes ? VolumeState::deleting : VolumeState::available));
        TRY(change.save(volume));
        if (goes)
            TRY(enqueue(state, change, DeleteVolumeWork{volume.id}));
    }
    return {};
}

/// The one place where a guest's own shutdown or a dead machine changes the catalog.
Result<void> note_end(Engine::State& state, catalog::Change& change, Instance& instance,
                      bool shut_down)
{
    bool const terminates = shut_down && instance.shutdown_behavior == "terminate";
    instance.state_reason =
        shut_down ? StateReason{"Client.InstanceInitiatedShutdown",
                                "Client.InstanceInitiatedShutdown: Instance initiated shutdown"}
                  : StateReason{
                        "Server.InternalError",
                        "Server.InternalError: The machine's process ended unexpectedly; start the "
                        "instance again"};
    TRY(become(instance, terminates ? InstanceState::shutting_down : InstanceState::stopped));
    TRY(change.save(instance));
    if (terminates)
        TRY(enqueue(state, change, TerminateWork{instance.id}));
    return {};
}

} // namespace

Result<std::vector<Transition>>
Engine::start_instances(Caller const& caller, std::vector<InstanceId> const& ids, bool dry_run)
{
    auto& state = *state_;
    return for_each_instance(
        state, caller, "StartInstances", ids, dry_run,
        [&](catalog::Change& change, Instance& instance) -> Result<void> {
            if (instance.state == InstanceState::running ||
                instance.state == InstanceState::pending)
                return {};
            if (instance.state != InstanceState::stopped)
                return wrong_state(instance, "started");
            TRY(check_root(change, instance));
            TRY(check_room(state, Noun::instance));
            TRY(become(instance, InstanceState::pending));
            instance.launched = state.now();
            instance.state_reason = {};
            instance.transition_reason.clear();
            TRY(change.save(instance));
            TRY(enqueue(state, change, LaunchWork{.instance = instance.id, .start = true}));
            return {};
        });
}

Result<std::vector<Transition>> Engine::stop_instances(Caller const& caller,
                                                       std::vector<InstanceId> const& ids,
                                                       StopOptions options, bool dry_run)
{
    auto& state = *state_;
    return for_each_instance(
        state, caller, "StopInstances", ids, dry_run,
        [&](catalog::Change& change, Instance& instance) -> Result<void> {
            if (instance.state == InstanceState::stopped)
                return {};
            bool const may_stop = instance.state == InstanceState::running ||
                                  instance.state == InstanceState::pending ||
                                  instance.state == InstanceState::stopping;
            if (!may_stop)
                return wrong_state(instance, "stopped");
            if (instance.disable_api_stop)
                return Error{
                    Fault::denied, Noun::instance,
                    fmt::format("The instance '{}' may not be stopped. Modify its 'disableApiStop' "
                                "instance attribute and try again.",
                                instance.id.text())};
            if (instance.state != InstanceState::stopping)
                TRY(become(instance, InstanceState::stopping));
            instance.transition_reason = user_initiated(state.now());
            instance.state_reason = {"Client.UserInitiatedShutdown",
                                     "Client.UserInitiatedShutdown: User initiated shutdown"};
            TRY(change.save(instance));
            TRY(enqueue(state, change, StopWork{instance.id, options.force}));
            return {};
        });
}

Result<void> Engine::reboot_instances(Caller const& caller, std::vector<InstanceId> const& ids,
                                      bool dry_run)
{
    auto& state = *state_;
    TRY(for_each_instance(state, caller, "RebootInstances", ids, dry_run,
                          [&](catalog::Change& change, Instance& instance) -> Result<void> {
                              if (instance.state != InstanceState::running)
                                  return wrong_state(instance, "rebooted");
                              TRY(enqueue(state, change, RebootWork{instance.id}));
                              return {};
                          }));
    return {};
}

Result<std::vector<Transition>> Engine::terminate_instances(Caller const& caller,
                                                            std::vector<InstanceId> const& ids,
                                                            StopOptions options, bool dry_run)
{
    auto& state = *state_;
    return for_each_instance(
        state, caller, "TerminateInstances", ids, dry_run,
        [&](catalog::Change& change, Instance& instance) -> Result<void> {
            if (instance.state == InstanceState::terminated ||
                instance.state == InstanceState::shutting_down)
                return {};
            if (instance.disable_api_termination)
                return Error{
                    Fault::denied, Noun::instance,
                    fmt::format("The instance '{}' may not be terminated. Modify its "
                                "'disableApiTermination' instance attribute and try again.",
                                instance.id.text())};
            TRY(become(instance, InstanceState::shutting_down));
            instance.transition_reason = user_initiated(state.now());
            instance.state_reason = {"Client.UserInitiatedShutdown",
                                     "Client.UserInitiatedShutdown: User initiated shutdown"};
            TRY(change.save(instance));
            TRY(enqueue(state, change, TerminateWork{instance.id, options.force}));
            return {};
        });
}

Result<Next> step_stop(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<StopWork>(task));
    auto const& id = work.instance;
    auto const instance = TRY(find_instance(state, id));
    if (!instance || instance->state != InstanceState::stopping)
        return finished();
    bool const off = TRY(power_off(state, task, work, work.force));
    if (!off)
        return again_after(kPowerPoll);
    state.parts.metadata.close(id);
    auto const next = TRY(finish(state, task, [&](catalog::Change& change) -> Result<void> {
        auto now_stopped = TRY(change.instance(id));
        if (!now_stopped || now_stopped->state != InstanceState::stopping)
            return {};
        TRY(become(*now_stopped, InstanceState::stopped));
        return change.save(*now_stopped);
    }));
    log(Level::info, "instance.stopped", {{"instance", id.text()}, {"request", task.request}});
    return next;
}

Result<Next> step_reboot(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<RebootWork>(task));
    auto const power = TRY(state.parts.hypervisor.power(work.instance));
    if (power == compute::Power::running)
        TRY(state.parts.hypervisor.request_reboot(work.instance));
    return finished();
}

namespace {

/// Only a volume that stays is worth waiting for the guest to write back.
Result<bool> all_volumes_go(Engine::State& state, InstanceId const& id)
{
    auto const volumes =
        TRY(state.catalog().read([&](catalog::View& view) { return view.volumes_of(id); }));
    return std::all_of(volumes.begin(), volumes.end(), [](Volume const& volume) {
        return volume.attachment->delete_on_termination;
    });
}

Result<void> note_terminated(Engine::State& state, catalog::Change& change, InstanceId const& id)
{
    auto gone = TRY(change.instance(id));
    if (!gone || gone->state != InstanceState::shutting_down)
        return {};
    TRY(become(*gone, InstanceState::terminated));
    gone->terminated = state.now();
    TRY(change.save(*gone));
    TRY(delete_volumes_of(change, state, *gone));
    TRY(enqueue(state, change, ReapWork{id}, state.parts.settings.terminated_for));
    return {};
}

} // namespace

Result<Next> step_terminate(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<TerminateWork>(task));
    auto const& id = work.instance;
    auto const instance = TRY(find_instance(state, id));
    if (!instance || instance->state != InstanceState::shutting_down)
        return finished();
    bool const nothing_stays = TRY(all_volumes_go(state, id));
    bool const off = TRY(power_off(state, task, work, work.force || nothing_stays));
    if (!off)
        return again_after(kPowerPoll);
    TRY(state.parts.hypervisor.kill(id)); // also what a machine that went by itself left behind
    state.parts.metadata.close(id);
    auto const next = TRY(finish(
        state, task, [&](catalog::Change& change) { return note_terminated(state, change, id); }));
    log(Level::info, "instance.terminated", {{"instance", id.text()}, {"request", task.request}});
    return next;
}

/// A terminated instance was visible long enough.
Result<Next> step_reap(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<ReapWork>(task));
    TRY(state.parts.hypervisor.forget(work.instance));
    return finish(state, task, [&](catalog::Change& change) -> Result<void> {
        auto const instance = TRY(change.instance(work.instance));
        if (!instance || instance->state != InstanceState::terminated)
            return {};
        return change.remove(work.instance);
    });
}

void machine_ended(Engine::State& state, InstanceId const& id, compute::Event event)
{
    log(Level::info, "machine.ended",
        {{"instance", id.text()},
         {"by", event == compute::Event::shut_down ? "guest" : "accident"}});
    bool const shut_down = event == compute::Event::shut_down;
    auto const outcome = state.catalog().change(
        {"worker", "machine.ended"}, [&](catalog::Change& change) -> Result<void> {
            TRY(enqueue(state, change, EndedWork{id, shut_down}));
            return {};
        });
    if (!outcome.ok())
        log(Level::error, "machine.ended.lost", outcome.error(), {{"instance", id.text()}});
}

Result<Next> step_ended(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<EndedWork>(task));
    auto const& id = work.instance;
    auto const power = TRY(state.parts.hypervisor.power(id));
    if (power == compute::Power::running)
        return finished(); // started again meanwhile
    TRY(commit(state, task, [&](catalog::Change& change) -> Result<void> {
        auto instance = TRY(change.instance(id));
        if (!instance || instance->state != InstanceState::running)
            return {}; // a stop or terminate task sees to the rest
        return note_end(state, change, *instance, work.shut_down);
    }));
    auto const instance = TRY(find_instance(state, id));
    if (instance && instance->state == InstanceState::stopped) {
        TRY(state.parts.hypervisor.kill(id)); // ends the network process and the sockets
        state.parts.metadata.close(id);
    }
    return finished();
}

} // namespace karat::engine
