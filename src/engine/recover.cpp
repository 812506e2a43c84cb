// SPDX-License-Identifier: Apache-2.0
// Start-up: what a crash of the daemon, of a machine or of the host left is put in order before the
// first call is answered.
#include "state.hpp"

#include "karat/log.hpp"

#include <map>

namespace karat::engine {
namespace {

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

/// Machines of instances that should be off are ended. One that the catalog does not know at all is
/// left alone: rows outlive their machines, so it means that the catalog is older than the machine.
Result<void> settle_machines(Engine::State& state, catalog::Refs<Instance> const& instances)
{
    std::map<InstanceId, bool> wanted;
    for (auto const& instance : instances)
        wanted[instance->id] = should_run(instance->state);
    auto const running = TRY(state.parts.hypervisor.running());
    for (auto const& id : running) {
        auto const known = wanted.find(id);
        if (known == wanted.end()) {
            log(Level::error, "machine.unknown", {{"instance", id.text()}});
        } else if (!known->second) {
            log(Level::warn, "machine.unwanted", {{"instance", id.text()}});
            TRY(state.parts.hypervisor.kill(id));
        }
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
    return open_metadata(state, instance.id);
}

/// A volume's row is written before its files and removed after them, so a folder without a row
/// means that the catalog is older than the folder. It may be somebody's only copy: never removed
/// here.
Result<void> report_unknown_volumes(Engine::State& state)
{
    auto const folders = TRY(state.parts.volumes.list());
    for (auto const& id : folders) {
        auto found = state.catalog().read([&](catalog::View& view) { return view.volume(id); });
        if (!found.ok() && found.error().fault == Fault::corrupt) {
            log(Level::error, "catalog.row_damaged", found.error());
            continue;
        }
        auto const row = TRY(std::move(found));
        if (!row)
            log(Level::error, "volume.unknown", {{"volume", id.text()}});
    }
    return {};
}

} // namespace

Result<void> Engine::recover()
{
    auto& state = *state_;
    TRY(state.catalog().release_tasks(kHost));
    TRY(settle_clock(state));
    TRY(state.parts.hypervisor.adopt());
    auto const instances = TRY(state.catalog().read([](catalog::View& view) {
        catalog::PassOverDamaged const passing(view); // the others must not wait for them
        return view.list<Instance>(catalog::within({}));
    }));
    TRY(settle_machines(state, instances));
    for (auto const& instance : instances)
        TRY(settle_instance(state, *instance));
    TRY(report_unknown_volumes(state));
    TRY(settle_staged(state));
    return state.catalog().change({"worker", "Recover"}, [&](catalog::Change& change) {
        return enqueue_collect(state, change);
    });
}

} // namespace karat::engine
