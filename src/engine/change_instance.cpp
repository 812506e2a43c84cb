// SPDX-License-Identifier: Apache-2.0
// ModifyInstanceAttribute: what an instance is told after it was launched.
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

Result<void> check_state(Instance const& instance, InstanceChange const& request)
{
    bool const ends = instance.state == InstanceState::shutting_down ||
                      instance.state == InstanceState::terminated;
    bool const when_stopped = request.type || request.user_data || request.ebs_optimized;
    if (ends || (when_stopped && instance.state != InstanceState::stopped))
        return Error{Fault::wrong_state, Noun::instance,
                     fmt::format("The instance '{}' is {}{}", instance.id.text(),
                                 word(instance.state),
                                 ends ? "" : "; this attribute is changed when it is 'stopped'")};
    return {};
}

Result<void> set_type(Instance& instance, std::string const& name)
{
    if (find_instance_type(name) == nullptr)
        return Error{Fault::invalid, Noun::instance_type,
                     fmt::format("Invalid value '{}' for InstanceType.", name.substr(0, kQuoted))};
    instance.type = name;
    return {};
}

Result<void> set_groups(catalog::View& view, Caller const& caller, Instance& instance,
                        std::vector<SecurityGroupId> const& groups)
{
    for (auto const& id : groups)
        TRY(find_own_group(view, caller, id));
    if (!groups.empty())
        instance.interface.groups = groups;
    return {};
}

Result<void> change_devices(catalog::Change& change, Instance const& instance,
                            std::vector<InstanceChange::Device> const& devices)
{
    auto volumes = TRY(change.volumes_of(instance.id));
    for (auto const& device : devices) {
        auto const volume = std::ranges::find_if(volumes, [&](Volume const& one) {
            return one.attachment->device_name == device.device_name &&
                   (!device.volume || *device.volume == one.id);
        });
        if (volume == volumes.end())
            return fail(Fault::invalid, fmt::format("No device is currently mapped at {}{}",
                                                    device.device_name.substr(0, kQuoted),
                                                    device.volume ? " with this VolumeId" : ""));
        volume->attachment->delete_on_termination = device.delete_on_termination;
        TRY(change.save(*volume));
    }
    return {};
}

Result<Instance> apply(catalog::Change& change, Caller const& caller, InstanceId const& id,
                       InstanceChange const& request)
{
    auto instance = TRY(find_own_instance(change, caller, id));
    TRY(check_state(instance, request));
    if (request.type)
        TRY(set_type(instance, *request.type));
    TRY(set_groups(change, caller, instance, request.groups));
    TRY(change_devices(change, instance, request.devices));
    instance.user_data = request.user_data.value_or(instance.user_data);
    instance.ebs_optimized = request.ebs_optimized.value_or(instance.ebs_optimized);
    instance.shutdown_behavior = request.shutdown_behavior.value_or(instance.shutdown_behavior);
    instance.disable_api_stop = request.disable_api_stop.value_or(instance.disable_api_stop);
    instance.disable_api_termination =
        request.disable_api_termination.value_or(instance.disable_api_termination);
    TRY(rehearse(request.dry_run));
    TRY(change.save(instance));
    return instance;
}

} // namespace

Result<void> Engine::change_instance(Caller const& caller, InstanceId const& id,
                                     InstanceChange const& request)
{
    TRY(check_user_data(request.user_data.value_or("")));
    auto const instance =
        TRY(change_for(*state_, caller, "ModifyInstanceAttribute", [&](catalog::Change& change) {
            return apply(change, caller, id, request);
        }));
    if (request.groups.empty() || instance.state != InstanceState::running)
        return {};
    auto const ports = TRY(state_->catalog().read(
        [&](catalog::View& view) { return open_ports(view, instance.interface.groups); }));
    auto const opened = state_->parts.hypervisor.set_open_ports(id, ports);
    // A machine that ends just now needs no ports; its next start reads the groups again.
    return opened.ok() || opened.error().fault == Fault::not_found ? Result<void>()
                                                                   : Result<void>(opened.error());
}

} // namespace karat::engine
