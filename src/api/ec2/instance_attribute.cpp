// SPDX-License-Identifier: Apache-2.0
// DescribeInstanceAttribute: one member of an instance at a time.
#include "handlers.hpp"
#include "instance_reply.hpp"

#include "karat/hash.hpp"
#include "karat/wire/ec2/instances.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace karat::api::ec2 {
namespace {

using Reply = wire::ec2::InstanceAttribute;

wire::ec2::AttributeValue word_value(std::string const& text)
{
    // EC2 answers an attribute that is not set with an element without a value.
    wire::ec2::AttributeValue value;
    if (!text.empty())
        value.value = text;
    return value;
}

struct Attribute {
    std::string_view name;
    void (*fill)(Reply&, ShownInstance const&);
};

constexpr Attribute kAttributes[] = {
    {"blockDeviceMapping",
     [](Reply& reply, ShownInstance const& shown) {
         reply.block_device_mappings = wire_instance(shown).block_device_mappings;
     }},
    {"disableApiStop",
     [](Reply& reply, ShownInstance const& shown) {
         reply.disable_api_stop = wire::ec2::AttributeBooleanValue{shown.instance.disable_api_stop};
     }},
    {"disableApiTermination",
     [](Reply& reply, ShownInstance const& shown) {
         reply.disable_api_termination =
             wire::ec2::AttributeBooleanValue{shown.instance.disable_api_termination};
     }},
    {"ebsOptimized",
     [](Reply& reply, ShownInstance const& shown) {
         reply.ebs_optimized = wire::ec2::AttributeBooleanValue{shown.instance.ebs_optimized};
     }},
    {"enaSupport",
     [](Reply& reply, ShownInstance const&) {
         reply.ena_support = wire::ec2::AttributeBooleanValue{true};
     }},
    {"enclaveOptions",
     [](Reply& reply, ShownInstance const&) {
         reply.enclave_options = wire::ec2::EnclaveOptions{.enabled = false};
     }},
    {"groupSet", [](Reply& reply, ShownInstance const& shown) { reply.groups = shown.groups; }},
    {"instanceInitiatedShutdownBehavior",
     [](Reply& reply, ShownInstance const& shown) {
         reply.instance_initiated_shutdown_behavior = word_value(shown.instance.shutdown_behavior);
     }},
    {"instanceType",
     [](Reply& reply, ShownInstance const& shown) {
         reply.instance_type = word_value(shown.instance.type);
     }},
    {"kernel", [](Reply& reply, ShownInstance const&) { reply.kernel_id = word_value(""); }},
    {"productCodes", [](Reply&, ShownInstance const&) {}},
    {"ramdisk", [](Reply& reply, ShownInstance const&) { reply.ramdisk_id = word_value(""); }},
    {"rootDeviceName",
     [](Reply& reply, ShownInstance const& shown) {
         reply.root_device_name = word_value(shown.instance.root_device_name);
     }},
    {"sourceDestCheck",
     [](Reply& reply, ShownInstance const&) {
         reply.source_dest_check = wire::ec2::AttributeBooleanValue{true};
     }},
    {"sriovNetSupport",
     [](Reply& reply, ShownInstance const&) { reply.sriov_net_support = word_value(""); }},
    {"userData",
     [](Reply& reply, ShownInstance const& shown) {
         reply.user_data = word_value(to_base64(as_bytes(shown.instance.user_data)));
     }},
};

} // namespace

Result<wire::ec2::DescribeInstanceAttributeResult>
describe_instance_attribute(Desk const& desk,
                            wire::ec2::DescribeInstanceAttributeRequest const& request)
{
    auto const id = TRY(InstanceId::parse(request.instance_id));
    auto const* const attribute =
        std::find_if(std::begin(kAttributes), std::end(kAttributes),
                     [&](Attribute const& one) { return one.name == request.attribute; });
    if (attribute == std::end(kAttributes))
        return fail(Fault::invalid, fmt::format("The instance attribute '{}' is invalid",
                                                request.attribute.substr(0, 128)));
    auto const instance = TRY(desk.engine.own_instance(desk.caller, id));
    auto const groups = TRY(desk.engine.security_groups(desk.caller));
    auto const shown = TRY(show(desk.engine, groups, instance));
    Reply reply;
    reply.instance_id = id.text();
    attribute->fill(reply, shown);
    return reply;
}

} // namespace karat::api::ec2
