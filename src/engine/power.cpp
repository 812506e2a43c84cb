// SPDX-License-Identifier: Apache-2.0
// Start, stop, reboot and terminate, and what machines do by themselves.
#include "state.hpp"

#include "karat/json.hpp"
#include "karat/log.hpp"

#include <algorithm>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kPowerPoll{250};

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

/// Asks the guest to shut down, once, and waits for it in small steps; kills it when `force` or
/// when it took too long. True when the machine is off.
Result<bool> power_off(Engine::State& state, Task const& task, InstanceId const& id, bool force)
{
    auto& hypervisor = state.parts.hypervisor;
    auto const power = TRY(hypervisor.power(id));
    if (power == compute::Power::off)
        return true;
    if (force || given_time_is_over(state, task)) {
        TRY(hypervisor.kill(id));
        return true;
    }
    // Repeated on purpose: a guest that is still booting misses the first press.
    if (state.now() - task.created >= kPowerPoll && task.attempts % 20 != 0)
        return false;
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
            TRY(change.enqueue(new_task(state, "delete_volume", volume.id.text(), "{}")));
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
        TRY(change.enqueue(new_task(state, "terminate", instance.id.text(), "{}")));
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
            TRY(change.enqueue(new_task(state, "launch", instance.id.text(), R"({"start":true})")));
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
            auto const payload = options.force ? R"({"force":true})" : "{}";
            TRY(change.enqueue(new_task(state, "stop", instance.id.text(), payload)));
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
                              TRY(change.enqueue(
                                  new_task(state, "reboot", instance.id.text(), "{}")));
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
            auto const payload = options.force ? R"({"force":true})" : "{}";
            TRY(change.enqueue(new_task(state, "terminate", instance.id.text(), payload)));
            return {};
        });
}

Result<Next> step_stop(Engine::State& state, Task& task)
{
    auto const id = TRY(InstanceId::parse(task.subject));
    auto const instance = TRY(find_instance(state, id));
    if (!instance || instance->state != InstanceState::stopping)
        return finished();
    bool const force = nlohmann::json::parse(task.payload).value("force", false);
    bool const off = TRY(power_off(state, task, id, force));
    if (!off)
        return again_after(kPowerPoll);
    state.parts.metadata.close(id);
    TRY(state.catalog().change(
        {"worker", "task.stop"}, [&](catalog::Change& change) -> Result<void> {
            auto now_stopped = TRY(change.instance(id));
            if (!now_stopped || now_stopped->state != InstanceState::stopping)
                return {};
            TRY(become(*now_stopped, InstanceState::stopped));
            return change.save(*now_stopped);
        }));
    log(Level::info, "instance.stopped", {{"instance", id.text()}});
    return finished();
}

Result<Next> step_reboot(Engine::State& state, Task& task)
{
    auto const id = TRY(InstanceId::parse(task.subject));
    auto const power = TRY(state.parts.hypervisor.power(id));
    if (power == compute::Power::running)
        TRY(state.parts.hypervisor.request_reboot(id));
    return finished();
}

Result<Next> step_terminate(Engine::State& state, Task& task)
{
    auto const id = TRY(InstanceId::parse(task.subject));
    auto const instance = TRY(find_instance(state, id));
    if (!instance || instance->state != InstanceState::shutting_down)
        return finished();
    auto const volumes =
        TRY(state.catalog().read([&](catalog::View& view) { return view.volumes_of(id); }));
    // Only a volume that stays is worth waiting for the guest to write back.
    bool const nothing_stays =
        std::all_of(volumes.begin(), volumes.end(),
                    [](Volume const& volume) { return volume.attachment->delete_on_termination; });
    bool const force = nlohmann::json::parse(task.payload).value("force", false);
    bool const off = TRY(power_off(state, task, id, force || nothing_stays));
    if (!off)
        return again_after(kPowerPoll);
    TRY(state.parts.hypervisor.kill(id)); // also what a machine that went by itself left behind
    state.parts.metadata.close(id);
    TRY(state.catalog().change(
        {"worker", "task.terminate"}, [&](catalog::Change& change) -> Result<void> {
            auto gone = TRY(change.instance(id));
            if (!gone || gone->state != InstanceState::shutting_down)
                return {};
            TRY(become(*gone, InstanceState::terminated));
            gone->terminated = state.now();
            TRY(change.save(*gone));
            TRY(delete_volumes_of(change, state, *gone));
            auto reap = new_task(state, "reap", id.text(), "{}");
            reap.not_before = state.now() + state.parts.settings.terminated_for;
            TRY(change.enqueue(reap));
            return {};
        }));
    log(Level::info, "instance.terminated", {{"instance", id.text()}});
    return finished();
}

/// A terminated instance was visible long enough.
Result<Next> step_reap(Engine::State& state, Task& task)
{
    auto const id = TRY(InstanceId::parse(task.subject));
    TRY(state.parts.hypervisor.forget(id));
    TRY(state.catalog().change({"worker", "task.reap"},
                               [&](catalog::Change& change) -> Result<void> {
                                   auto const instance = TRY(change.instance(id));
                                   if (!instance || instance->state != InstanceState::terminated)
                                       return {};
                                   return change.remove(id);
                               }));
    return finished();
}

void machine_ended(Engine::State& state, InstanceId const& id, compute::Event event)
{
    log(Level::info, "machine.ended",
        {{"instance", id.text()},
         {"by", event == compute::Event::shut_down ? "guest" : "accident"}});
    auto const payload = event == compute::Event::shut_down ? R"({"shut_down":true})" : "{}";
    auto const outcome = state.catalog().change(
        {"worker", "machine.ended"}, [&](catalog::Change& change) -> Result<void> {
            TRY(change.enqueue(new_task(state, "ended", id.text(), payload)));
            return {};
        });
    if (!outcome.ok())
        log(Level::error, "machine.ended.lost", outcome.error(), {{"instance", id.text()}});
}

Result<Next> step_ended(Engine::State& state, Task& task)
{
    auto const id = TRY(InstanceId::parse(task.subject));
    auto const power = TRY(state.parts.hypervisor.power(id));
    if (power == compute::Power::running)
        return finished(); // started again meanwhile
    bool const shut_down = nlohmann::json::parse(task.payload).value("shut_down", false);
    TRY(state.catalog().change({"worker", "task.ended"},
                               [&](catalog::Change& change) -> Result<void> {
                                   auto instance = TRY(change.instance(id));
                                   if (!instance || instance->state != InstanceState::running)
                                       return {}; // a stop or terminate task sees to the rest
                                   return note_end(state, change, *instance, shut_down);
                               }));
    auto const instance = TRY(find_instance(state, id));
    if (instance && instance->state == InstanceState::stopped) {
        TRY(state.parts.hypervisor.kill(id)); // ends the network process and the sockets
        state.parts.metadata.close(id);
    }
    return finished();
}

} // namespace karat::engine
