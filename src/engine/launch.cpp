// SPDX-License-Identifier: Apache-2.0
// RunInstances: the rows of instances and volumes, and a launch task for each (machines.cpp).
#include "devices.hpp"
#include "steps.hpp"

#include "karat/names.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr int kMaxInstancesPerCall = 100;
constexpr char const* kDefaultVolumeType = "gp3";
constexpr std::string_view kParameterPrefix = "resolve:ssm:";

/// Everything a launch settles before it makes ids: all checks happen while it is filled in.
struct Plan {
    Image image;
    InstanceType const* type = nullptr;
    Subnet subnet;
    std::vector<SecurityGroupId> groups;
    std::string public_key;
    std::vector<BlockDevice> devices;
    MetadataOptions metadata;
    std::optional<std::string> private_ip; ///< Of the one instance, if it was asked for.
    int count = 0;
    std::uint32_t next_host = 0; ///< Of the subnet: those before have instances.
};

Result<void> check_counts(RunInstances const& request)
{
    if (request.min_count < 1 || request.max_count < request.min_count)
        return fail(Fault::invalid, fmt::format("MinCount {} and MaxCount {} must be at least 1, "
                                                "and MaxCount no less than MinCount",
                                                request.min_count, request.max_count));
    if (request.min_count > kMaxInstancesPerCall)
        return fail(Fault::exhausted,
                    fmt::format("One call launches at most {} instances", kMaxInstancesPerCall));
    return {};
}

Result<Image> find_launch_image(catalog::View& view, Caller const& caller, std::string const& asked)
{
    auto text = asked;
    if (text.starts_with(kParameterPrefix)) {
        auto const parameter_name = text.substr(kParameterPrefix.size());
        auto const parameter = TRY(view.parameter({caller.region, {}}, parameter_name));
        if (!parameter)
            return Error{Fault::not_found, Noun::parameter,
                         fmt::format("The parameter {} does not exist", parameter_name)};
        text = parameter->value;
    }
    if (text.empty())
        return fail(Fault::missing, "The request must contain the parameter ImageId");
    auto const id = TRY(ImageId::parse(text));
    auto image = TRY(view.image(id));
    if (!image || image->region != caller.region || !may_launch(*image, caller.account))
        return not_found(id);
    if (image->state == ImageState::deregistered)
        return no_longer_available(id);
    if (image->state != ImageState::available)
        return Error{Fault::wrong_state, Noun::image,
                     fmt::format("The image {} is {}; it can be launched when it is available",
                                 id.text(), word(image->state))};
    return std::move(*image);
}

Result<std::string> find_public_key(catalog::View& view, Caller const& caller,
                                    std::string const& key_name)
{
    if (key_name.empty())
        return std::string();
    auto const pair = TRY(view.key_pair({caller.region, caller.account}, key_name));
    if (!pair)
        return Error{Fault::not_found, Noun::key_pair_name,
                     fmt::format("The key pair '{}' does not exist", key_name)};
    return pair->public_key;
}

Result<Subnet> find_subnet(Network const& network, RunInstances const& request)
{
    for (auto const& subnet : network.subnets) {
        bool const in_zone = !request.zone || subnet.zone == *request.zone;
        if (request.subnet && subnet.id == *request.subnet && !in_zone)
            return fail(Fault::invalid,
                        fmt::format("The subnet {} is in the availability zone {}, not in {}",
                                    subnet.id.text(), subnet.zone, request.zone->substr(0, 64)));
        if (request.subnet ? subnet.id == *request.subnet : in_zone)
            return subnet;
    }
    if (request.subnet)
        return not_found(*request.subnet);
    return fail(Fault::invalid,
                fmt::format("Invalid availability zone: [{}]", request.zone->substr(0, 64)));
}

Result<std::vector<SecurityGroupId>> find_groups(catalog::View& view, Caller const& caller,
                                                 Network const& network,
                                                 RunInstances const& request)
{
    std::vector<SecurityGroupId> groups;
    for (auto const& id : request.groups) {
        auto const group = TRY(view.security_group(id));
        if (!group || group->owner != caller.account || group->region != caller.region)
            return not_found(id);
        groups.push_back(id);
    }
    auto const own = TRY(view.security_groups({caller.region, caller.account}));
    for (auto const& wanted : request.group_names) {
        auto const found = std::find_if(
            own.begin(), own.end(), [&](SecurityGroup const& one) { return one.name == wanted; });
        if (found == own.end())
            return Error{Fault::not_found, Noun::security_group_name,
                         fmt::format("The security group '{}' does not exist", wanted)};
        groups.push_back(found->id);
    }
    if (groups.empty())
        groups.push_back(network.default_group.id);
    return groups;
}

Result<std::vector<BlockDevice>> launch_devices(Engine::State& state, catalog::View& view,
                                                Caller const& caller, Image const& image,
                                                RunInstances const& request)
{
    auto devices = image.devices;
    Layout const layout{Base::image, image.root_device_name, kDefaultVolumeType};
    for (auto const& asked : request.devices)
        TRY(lay_over(view, caller, layout, devices, asked));
    std::erase_if(devices, [](BlockDevice const& one) { return !one.virtual_name.empty(); });
    TRY(check_disk_count(devices));
    for (auto& device : devices)
        TRY(choose_key(state, view, caller, request, device));
    auto const root = std::find_if(devices.begin(), devices.end(), [&](BlockDevice const& one) {
        return one.device_name == image.root_device_name;
    });
    if (root == devices.end())
        return Error{Fault::invalid, Noun::block_device,
                     fmt::format("The image {} has no root device {}", image.id.text(),
                                 image.root_device_name)};
    std::rotate(devices.begin(), root, root + 1); // the first disk boots
    return devices;
}

/// No type runs an image that was registered as paravirtual, as EC2's later types do not.
Result<void> check_virtualization(Image const& image, InstanceType const& type)
{
    if (image.virtualization == "hvm")
        return {};
    return Error{Fault::invalid, Noun::combination,
                 fmt::format("Virtualization type 'hvm' is required for instances of type '{}'. "
                             "Ensure that you are using an AMI with virtualization type 'hvm'.",
                             type.name)};
}

/// How many of the wanted instances the host's memory still holds.
Result<int> affordable(Engine::State& state, catalog::View& view, InstanceType const& type,
                       RunInstances const& request)
{
    auto const bound = state.parts.settings.memory_mib;
    auto const wanted = std::min(request.max_count, kMaxInstancesPerCall);
    if (bound == 0)
        return wanted;
    std::uint64_t used = 0;
    catalog::PassOverDamaged const passing(view);
    for (auto const& other : instance_types())
        used += other.memory_mib *
                TRY(view.count<Instance>(catalog::holding_memory(std::string(other.name))));
    auto const fit = used >= bound ? 0 : (bound - used) / type.memory_mib;
    auto const count =
        static_cast<int>(std::min<std::uint64_t>(fit, static_cast<std::uint64_t>(wanted)));
    if (count < request.min_count)
        return Error{
            Fault::exhausted, Noun::instance,
            fmt::format("This host has room for {} more {} instances, not {}; stop or terminate "
                        "others, or choose a smaller type",
                        fit, type.name, request.min_count)};
    return count;
}

Result<Plan> plan_launch(Engine::State& state, catalog::Change& change, Caller const& caller,
                         RunInstances const& request)
{
    auto image = TRY(find_launch_image(change, caller, request.image));
    auto const type_name = request.type.empty() ? "t3.micro" : request.type;
    auto const* const type = find_instance_type(type_name);
    if (type == nullptr)
        return Error{Fault::invalid, Noun::instance_type,
                     fmt::format("Invalid value '{}' for InstanceType.", type_name)};
    TRY(check_virtualization(image, *type));
    auto const network = TRY(default_network(state, change, caller));
    auto const subnet = TRY(find_subnet(network, request));
    Plan plan{.image = std::move(image), .type = type, .subnet = subnet};
    plan.groups = TRY(find_groups(change, caller, network, request));
    plan.public_key = TRY(find_public_key(change, caller, request.key_name));
    plan.devices = TRY(launch_devices(state, change, caller, plan.image, request));
    plan.metadata = TRY(launch_metadata(change, caller, plan.image, request));
    plan.count = TRY(affordable(state, change, *type, request));
    if (request.private_ip && plan.count != 1)
        return Error{Fault::invalid, Noun::combination,
                     "PrivateIpAddress goes with one instance only"};
    if (request.private_ip)
        plan.private_ip = TRY(wanted_private_ip(change, subnet, *request.private_ip));
    return plan;
}

Result<NetworkInterface> make_interface(Engine::State& state, catalog::View& view, Plan& plan,
                                        RunInstances const& request)
{
    auto const private_ip = plan.private_ip
                                ? *plan.private_ip
                                : TRY(free_private_ip(view, plan.subnet, plan.next_host));
    auto const public_ip = TRY(free_public_ip(state, view));
    auto const digits = random_hex(state.env().chance, 5);
    std::string mac = "06";
    for (std::size_t i = 0; i < digits.size(); i += 2)
        mac += ":" + digits.substr(i, 2);
    return NetworkInterface{.id = NetworkInterfaceId::generate(state.env().chance),
                            .vpc = plan.subnet.vpc,
                            .subnet = plan.subnet.id,
                            .groups = plan.groups,
                            .mac = mac,
                            .private_ip = private_ip,
                            .public_ip = public_ip,
                            .description = request.interface_description,
                            .tags = request.interface_tags};
}

Result<void> make_volumes(Engine::State& state, catalog::Change& change, Plan const& plan,
                          Instance const& instance, Tags const& tags)
{
    for (auto const& device : plan.devices) {
        Volume volume{.id = VolumeId::generate(state.env().chance),
                      .owner = instance.owner,
                      .region = instance.region,
                      .zone = instance.zone,
                      .size_gib = device.size_gib,
                      .type = device.volume_type,
                      .iops = device.iops,
                      .throughput_mibps = device.throughput_mibps};
        volume.state = VolumeState::in_use;
        volume.created = state.now();
        volume.snapshot = device.snapshot;
        volume.layers = {.base = device.snapshot, .overlays = {"0.qcow2"}};
        volume.attachment = Attachment{.instance = instance.id,
                                       .device_name = device.device_name,
                                       .delete_on_termination = device.delete_on_termination,
                                       .attached = state.now()};
        volume.kms_key = device.kms_key;
        volume.tags = tags;
        TRY(change.save(volume));
    }
    return {};
}

Result<Instance> make_instance(Engine::State& state, catalog::Change& change, Caller const& caller,
                               Plan& plan, RunInstances const& request,
                               ReservationId const& reservation, int index)
{
    auto const interface = TRY(make_interface(state, change, plan, request));
    Instance instance{.id = InstanceId::generate(state.env().chance),
                      .owner = caller.account,
                      .region = caller.region,
                      .zone = plan.subnet.zone,
                      .reservation = reservation,
                      .launch_index = index,
                      .image = plan.image.id,
                      .type = std::string(plan.type->name),
                      .architecture = plan.image.architecture,
                      .boot_mode = plan.image.boot_mode,
                      .root_device_name = plan.image.root_device_name,
                      .interface = interface};
    instance.launched = state.now();
    instance.key_name = request.key_name;
    instance.public_key = plan.public_key;
    instance.user_data = request.user_data;
    instance.client_token = request.client_token;
    instance.shutdown_behavior = request.shutdown_behavior.value_or("stop");
    instance.disable_api_termination = request.disable_api_termination;
    instance.disable_api_stop = request.disable_api_stop;
    instance.ebs_optimized = request.ebs_optimized;
    instance.monitoring = request.monitoring;
    instance.auto_recovery = request.auto_recovery.value_or(instance.auto_recovery);
    instance.metadata = plan.metadata;
    instance.tags = request.instance_tags;
    TRY(change.save(instance));
    TRY(make_volumes(state, change, plan, instance, request.volume_tags));
    TRY(enqueue(state, change, LaunchWork{instance.id}));
    return instance;
}

/// The instances that an earlier call with the same token made; nothing when there was none.
Result<std::optional<std::vector<Instance>>>
launched_before(catalog::View& view, Caller const& caller, Idempotency const& call)
{
    auto const ids = TRY(repeated(view, caller, call));
    if (!ids)
        return std::optional<std::vector<Instance>>();
    std::vector<Instance> instances;
    for (auto const& text : *ids) {
        auto const id = TRY(InstanceId::parse(text));
        if (auto instance = TRY(view.instance(id)))
            instances.push_back(std::move(*instance));
    }
    if (instances.empty())
        return Error{Fault::mismatch, Noun::instance,
                     "The request uses the same client token as a previous request whose instances "
                     "have been terminated"};
    return std::optional(std::move(instances));
}

} // namespace

Result<std::vector<Instance>> Engine::run_instances(Caller const& caller,
                                                    RunInstances const& request)
{
    TRY(check_counts(request));
    TRY(check_tags(request.instance_tags));
    TRY(check_tags(request.volume_tags));
    TRY(check_tags(request.interface_tags));
    TRY(check_description(request.interface_description));
    TRY(check_user_data(request.user_data));
    TRY(check_mappings(request.devices));
    auto& state = *state_;
    Idempotency const call{"RunInstances", request.client_token, request.fingerprint};
    return change_for(state, caller, "RunInstances",
                      [&](catalog::Change& change) -> Result<std::vector<Instance>> {
                          if (auto before = TRY(launched_before(change, caller, call)))
                              return std::move(*before);
                          auto plan = TRY(plan_launch(state, change, caller, request));
                          TRY(check_room(state, Noun::instance));
                          TRY(rehearse(request.dry_run));
                          auto const reservation = ReservationId::generate(state.env().chance);
                          std::vector<Instance> instances;
                          std::vector<std::string> ids;
                          for (int index = 0; index < plan.count; ++index) {
                              instances.push_back(TRY(make_instance(state, change, caller, plan,
                                                                    request, reservation, index)));
                              ids.push_back(instances.back().id.text());
                          }
                          TRY(remember(state, change, caller, call, ids));
                          return instances;
                      });
}

} // namespace karat::engine
