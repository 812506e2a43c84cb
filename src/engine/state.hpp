// SPDX-License-Identifier: Apache-2.0
// What the verbs share. Private to the room.
#pragma once

#include "karat/engine.hpp"
#include "karat/log.hpp"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace karat::engine {

/// What a step of a task came to: done, or to be called again after a while.
struct Next {
    std::optional<std::chrono::milliseconds> again;
};
inline Next finished() { return {}; }
inline Next again_after(std::chrono::milliseconds delay) { return {delay}; }

struct Engine::State {
    explicit State(Parts p)
        : parts(std::move(p))
    {
    }

    Parts parts;

    std::mutex mutex; ///< Guards the members below.
    std::condition_variable_any wake;
    bool woken = false;
    std::set<std::string> busy; ///< Subjects that a worker of this process is at.
    std::vector<std::jthread> threads;
    Time forget_at{}; ///< When a worker next removes old history from the catalog.

    Env& env() { return parts.env; }
    Time now() { return parts.env.clock.now(); }
    catalog::Catalog& catalog() { return parts.catalog; }
};

/// Fault::dry_run when only asked: the last check before a verb changes anything.
Result<void> rehearse(bool dry_run);

/// Checks that names and texts given by callers fit EC2's limits.
Result<void> check_image_name(std::string const& name);
Result<void> check_description(std::string const& text);
Result<void> check_tags(Tags const& tags);

/// Whether the caller may see and launch the image.
bool may_launch(Image const& image, AccountId const& account);
/// The image, if it exists in the caller's region and the caller owns it; Fault::not_found
/// otherwise.
Result<Image> find_own_image(catalog::View& view, Caller const& caller, ImageId const& id);
Result<Instance> find_own_instance(catalog::View& view, Caller const& caller, InstanceId const& id);
Result<Volume> find_own_volume(catalog::View& view, Caller const& caller, VolumeId const& id);
Result<Snapshot> find_own_snapshot(catalog::View& view, Caller const& caller, SnapshotId const& id);
/// The snapshot if the caller may make volumes of it: its owner.
Result<Snapshot> find_usable_snapshot(catalog::View& view, Caller const& caller,
                                      SnapshotId const& id);

/// Moves a thing to another state; Fault::wrong_state when the matrix forbids it.
template <class Thing, class StateWord>
Result<void> become(Thing& thing, StateWord to)
{
    if (!can_become(thing.state, to))
        return Error{Fault::wrong_state, Noun::none,
                     "The " + thing.id.text() + " is " + std::string(word(thing.state)) +
                         " and cannot become " + std::string(word(to))};
    thing.state = to;
    return {};
}

/// The default VPC with a subnet a zone and the default security group, made when first needed.
struct Network {
    Vpc vpc;
    std::vector<Subnet> subnets;
    SecurityGroup default_group;
};
Result<Network> default_network(Engine::State& state, catalog::Change& change,
                                Caller const& caller);
Result<Network> default_network(Engine::State& state, Caller const& caller);
/// An address of the subnet that no living instance has; Fault::exhausted when there is none.
Result<std::string> free_private_ip(catalog::View& view, Subnet const& subnet);
/// A loopback address that no living instance of this host has.
Result<std::string> free_public_ip(Engine::State& state, catalog::View& view);
/// The ports that a set of groups opens to this host.
Result<std::vector<compute::OpenPorts>> open_ports(catalog::View& view,
                                                   std::vector<SecurityGroupId> const& groups);

/// The machine that an instance is, from the catalog's rows.
Result<compute::Machine> machine_of(Engine::State& state, Instance const& instance);
compute::Disk disk_of(Engine::State& state, Volume const& volume);
/// Starts an instance's machine with its metadata socket.
Result<void> start_machine(Engine::State& state, Instance const& instance);

/// What a call with the same client token answered before; nothing when the token is new.
Result<std::optional<std::vector<Instance>>> repeated(catalog::View& view, Caller const& caller,
                                                      RunInstances const& request);
/// Keeps the answer for repeated(), if the call has a token.
Result<void> remember(Engine::State& state, catalog::Change& change, Caller const& caller,
                      RunInstances const& request, std::vector<Instance> const& instances);

/// The facts that a snapshot's manifest carries, so that its row can be rebuilt from the store.
blocks::Facts facts_of(Snapshot const& snapshot);

/// A snapshot row of a volume, pending.
Snapshot new_snapshot(Engine::State& state, Caller const& caller, Volume const& volume,
                      std::string description, Tags tags);

/// A task row that is due now.
Task new_task(Engine::State& state, std::string kind, std::string subject, std::string payload);
/// Queues a collection unless one is queued already.
Result<void> enqueue_collect(Engine::State& state, catalog::Change& change);
/// Reports a task's progress and keeps its lease; false when the lease was lost or the engine
/// stops.
bool report_progress(Engine::State& state, Task& task, double share);

/// Kinds of task: each has a step, and what to do when it fails for good.
struct TaskKind {
    std::string_view name;
    Result<Next> (*step)(Engine::State&, Task&);
    Result<void> (*give_up)(Engine::State&, Task const&, Error const&);
};
TaskKind const* find_task_kind(std::string_view name);

// The steps, each beside its verb.
Result<Next> step_import(Engine::State&, Task&);
Result<void> give_up_import(Engine::State&, Task const&, Error const&);
Result<Next> step_launch(Engine::State&, Task&);
Result<void> give_up_launch(Engine::State&, Task const&, Error const&);
Result<Next> step_stop(Engine::State&, Task&);
Result<Next> step_reboot(Engine::State&, Task&);
Result<Next> step_terminate(Engine::State&, Task&);
Result<Next> step_ended(Engine::State&, Task&);
Result<Next> step_capture(Engine::State&, Task&);
Result<void> give_up_capture(Engine::State&, Task const&, Error const&);
Result<Next> step_create_volume(Engine::State&, Task&);
Result<void> give_up_create_volume(Engine::State&, Task const&, Error const&);
Result<Next> step_delete_volume(Engine::State&, Task&);
Result<Next> step_collect(Engine::State&, Task&);
Result<Next> step_reap(Engine::State&, Task&);
Result<void> give_up_nothing(Engine::State&, Task const&, Error const&);

/// What the hypervisor said an instance did by itself.
void machine_ended(Engine::State& state, InstanceId const& id, compute::Event event);

} // namespace karat::engine
