// SPDX-License-Identifier: Apache-2.0
// What an operator does after an upgrade: processes that outlived the daemon make room for new
// ones.
#include "state.hpp"

namespace karat::engine {

Result<void> Engine::exchange_blk() { return state_->parts.volumes.exchange_server(); }

Result<int> Engine::exchange_nets(std::optional<InstanceId> const& only)
{
    auto& hypervisor = state_->parts.hypervisor;
    auto const ids = only ? std::vector{*only} : TRY(hypervisor.running());
    Result<void> outcome;
    for (auto const& id : ids) {
        auto exchanged = hypervisor.exchange_network(id);
        bool const ended_meanwhile =
            !only && !exchanged.ok() && exchanged.error().fault == Fault::not_found;
        if (!exchanged.ok() && !ended_meanwhile && outcome.ok())
            outcome = std::move(exchanged);
    }
    TRY(std::move(outcome));
    return static_cast<int>(ids.size());
}

} // namespace karat::engine
