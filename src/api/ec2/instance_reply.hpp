// SPDX-License-Identifier: Apache-2.0
// Instances as EC2 shows them, and the filters on them. Private to the room.
#pragma once

#include "common.hpp"

#include "karat/engine.hpp"

namespace karat::api::ec2 {

/// An instance with what else its description needs.
struct ShownInstance {
    Instance instance;
    std::vector<Volume> volumes;
    std::vector<SecurityGroup> groups; ///< Of the account; looked up by id.
    Tags tags; ///< A copy of the instance's, where filtered() looks for them.
};

wire::ec2::Instance wire_instance(ShownInstance const& shown);
wire::ec2::InstanceState wire_state(InstanceState state);
wire::ec2::InstanceMetadataOptionsResponse wire_options(MetadataOptions const& options);
std::vector<wire::ec2::GroupIdentifier> wire_groups(ShownInstance const& shown);

/// Gathers what the descriptions need.
Result<std::vector<ShownInstance>> show(engine::Engine& engine, engine::Caller const& caller,
                                        std::vector<Instance> instances);

/// The filters of DescribeInstances that have data here.
std::span<FilterRule<ShownInstance> const> instance_filters();

} // namespace karat::api::ec2
