// SPDX-License-Identifier: Apache-2.0
// Instances as EC2 shows them, and the filters on them. Private to the room.
#pragma once

#include "describe.hpp"

#include "karat/engine.hpp"
#include "karat/wire/ec2/instances.hpp"

#include <memory>

namespace karat::api::ec2 {

/// An instance with what else its description needs.
struct ShownInstance {
    Instance const& instance;
    catalog::Refs<Volume> volumes;
    std::vector<wire::ec2::GroupIdentifier> groups;
};

/// An instance of the reply, with what its reservation says of it.
struct ListedInstance {
    wire::ec2::Instance reply;
    std::string reservation;
    std::string owner;
    std::vector<wire::ec2::Tag> interface_tags; ///< Which the reply leaves out, and filters know.
};
std::string attachment_id(NetworkInterface const& nic);
/// The ids and names of the groups with these ids; `groups` are the account's.
std::vector<wire::ec2::GroupIdentifier> named_groups(std::vector<SecurityGroupId> const& ids,
                                                     catalog::Refs<SecurityGroup> const& groups);

wire::ec2::Instance wire_instance(ShownInstance const& shown);
wire::ec2::InstanceState wire_state(InstanceState state);
wire::ec2::InstanceMetadataOptionsResponse wire_options(MetadataOptions const& options);
/// Gathers what the description needs. `groups` are the account's; `instance` outlives the result.
Result<ShownInstance> show(engine::Engine& engine, catalog::Refs<SecurityGroup> const& groups,
                           Instance const& instance);

/// What DescribeInstances lists.
Listing<ListedInstance, Instance> const& instance_listing();

} // namespace karat::api::ec2
