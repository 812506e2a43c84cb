// SPDX-License-Identifier: Apache-2.0
// What instances tell: describe, console, metadata.
#include "listing.hpp"
#include "state.hpp"

#include "karat/log.hpp"

namespace karat::engine {
namespace {

constexpr std::size_t kConsoleBytes = 64 * 1024; // what GetConsoleOutput answers at most

} // namespace

Result<void> Engine::instances(Caller const& caller, OwnSelection<InstanceId> const& selection,
                               Visit<Instance> const& visit)
{
    return state_->catalog().read([&](catalog::View& view) {
        return visit_own<Instance>(
            view, caller, selection, [](Instance const&) { return true; }, visit);
    });
}

Result<Instance> Engine::own_instance(Caller const& caller, InstanceId const& id)
{
    return state_->catalog().read(
        [&](catalog::View& view) { return find_own_instance(view, caller, id); });
}

std::map<InstanceId, Time> Engine::waiting_for_room()
{
    std::map<InstanceId, Time> all;
    for (auto const& stall : state_->parts.hypervisor.stalls())
        all.emplace(stall.id, stall.since);
    return all;
}

Result<catalog::Refs<Volume>> Engine::volumes_of(InstanceId const& id)
{
    return state_->catalog().read(
        [&](catalog::View& view) { return view.list<Volume>(catalog::attached_to(id)); });
}

Result<std::string> Engine::console_output(Caller const& caller, InstanceId const& id)
{
    TRY(state_->catalog().read(
        [&](catalog::View& view) { return find_own_instance(view, caller, id); }));
    return state_->parts.hypervisor.console(id, kConsoleBytes);
}

Result<InstanceFacts> Engine::instance_facts(InstanceId const& id)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<InstanceFacts> {
        auto instance = TRY(view.instance(id));
        if (!instance)
            return not_found(id);
        auto image = TRY(view.image(instance->image));
        if (!image) // deregistered long ago: what the instance itself remembers of it
            image = Image{.id = instance->image,
                          .owner = instance->owner,
                          .region = instance->region,
                          .root_device_name = instance->root_device_name};
        auto volumes = TRY(view.volumes_of(id));
        std::vector<SecurityGroup> groups;
        for (auto const& group_id : instance->interface.groups)
            if (auto group = TRY(view.security_group(group_id)))
                groups.push_back(std::move(*group));
        auto const vpcs = TRY(view.vpcs({instance->region, instance->owner}));
        auto const subnets = TRY(view.subnets({instance->region, instance->owner}));
        for (auto const& vpc : vpcs)
            for (auto const& subnet : subnets)
                if (vpc.id == instance->interface.vpc && subnet.id == instance->interface.subnet)
                    return InstanceFacts{std::move(*instance),
                                         std::move(*image),
                                         std::move(volumes),
                                         std::move(groups),
                                         vpc,
                                         subnet};
        return not_found(instance->interface.subnet);
    });
}

} // namespace karat::engine
