// SPDX-License-Identifier: Apache-2.0
// Start-up: what a crash of the daemon, of a machine or of the host left is put in order before the
// first call is answered.
#include "state.hpp"

#include "karat/log.hpp"

#include <set>

namespace karat::engine {
namespace {

constexpr char const* kHost = "local";

bool should_run(InstanceState state)
{
    switch (state) {
    case InstanceState::pending:
    case InstanceState::running:
    case InstanceState::stopping:
    case InstanceState::shutting_down:
        return true; // the last two: their tasks end the machine
    case InstanceState::stopped:
    case InstanceState::terminated:
        return false;
    }
    return false;
}

/// Machines that the catalog does not want are ended; those that it does keep their metadata.
Result<void> settle_machines(Engine::State& state, std::vector<Instance> const& instances)
{
    std::set<InstanceId> wanted;
    for (auto const& instance : instances)
        if (should_run(instance.state))
            wanted.insert(instance.id);
    auto const running = TRY(state.parts.hypervisor.running());
    for (auto const& id : running) {
        if (wanted.contains(id))
            continue;
        log(Level::warn, "machine.orphan", {{"instance", id.text()}});
        TRY(state.parts.hypervisor.kill(id));
    }
    return {};
}

Result<void> settle_instance(Engine::State& state, Instance const& instance)
{
    if (instance.state != InstanceState::running)
        return {};
    auto const power = TRY(state.parts.hypervisor.power(instance.id));
    if (power == compute::Power::off) {
        machine_ended(state, instance.id, compute::Event::died);
        return {};
    }
    auto const machine = TRY(machine_of(state, instance));
    return state.parts.metadata.open(instance.id, machine.nic.imds_socket);
}

/// Folders of volumes that have no row.
Result<void> remove_orphan_volumes(Engine::State& state)
{
    auto const folders = TRY(state.parts.volumes.list());
    for (auto const& id : folders) {
        auto const row =
            TRY(state.catalog().read([&](catalog::View& view) { return view.volume(id); }));
        if (row)
            continue;
        log(Level::warn, "volume.orphan", {{"volume", id.text()}});
        TRY(state.parts.volumes.remove(id));
    }
    return {};
}

} // namespace

Result<void> Engine::recover()
{
    auto& state = *state_;
    TRY(state.catalog().release_tasks(kHost));
    TRY(state.parts.hypervisor.adopt());
    auto const instances =
        TRY(state.catalog().read([](catalog::View& view) { return view.instances({}); }));
    TRY(settle_machines(state, instances));
    for (auto const& instance : instances)
        TRY(settle_instance(state, instance));
    TRY(remove_orphan_volumes(state));
    return state.catalog().change({"worker", "Recover"},
                                  [&](catalog::Change& change) -> Result<void> {
                                      TRY(change.remove_expired_tokens(state.now()));
                                      return enqueue_collect(state, change);
                                  });
}

} // namespace karat::engine
