// SPDX-License-Identifier: Apache-2.0
// What the verbs that launch and change instances are given (karat/engine.hpp). Optional members
// that are absent mean EC2's default.
#pragma once

#include "karat/nouns.hpp"
#include "karat/operator_requests.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace karat::engine {

/// One block device mapping of a request, before it meets the image's.
struct DeviceRequest {
    std::string device_name;
    bool no_device = false;
    std::string virtual_name; ///< "ephemeral0": no instance type here has such a disk, so a launch
                              ///< makes none; an image lists it.
    std::optional<SnapshotId> snapshot;
    std::optional<std::uint64_t> size_gib;
    std::optional<std::string> volume_type;
    std::optional<int> iops;
    std::optional<int> throughput_mibps;
    std::optional<bool> delete_on_termination;
    EncryptionRequest encryption;
};

struct RunInstances {
    int min_count = 1;
    int max_count = 1;
    std::string image; ///< An image id, or "resolve:ssm:" and a parameter's name.
    std::string type;  ///< Empty: "m1.small" is EC2's default; ours is "t3.micro".
    std::string key_name;
    std::string user_data; ///< Raw bytes.
    std::string client_token;
    std::string
        fingerprint; ///< SHA-256 of the request, to tell a repeated call from a changed one.
    std::optional<std::string> zone;
    std::optional<SubnetId> subnet;
    std::vector<SecurityGroupId> groups;
    std::vector<std::string> group_names;
    std::optional<std::string> private_ip;
    std::vector<DeviceRequest> devices;
    std::optional<std::string> shutdown_behavior;
    bool disable_api_termination = false;
    bool disable_api_stop = false;
    bool ebs_optimized = false;
    bool monitoring = false;
    std::optional<std::string> auto_recovery;
    std::optional<std::string> http_tokens;
    std::optional<std::string> http_endpoint;
    std::optional<int> http_put_response_hop_limit;
    std::optional<std::string> instance_metadata_tags;
    Tags instance_tags;
    Tags volume_tags;
    Tags interface_tags;
    std::string interface_description;
    bool dry_run = false;
};

/// ModifyInstanceAttribute: what is absent stays as it is.
struct InstanceChange {
    std::optional<bool> disable_api_termination;
    std::optional<bool> disable_api_stop;
    std::optional<std::string> shutdown_behavior;
    std::optional<bool> ebs_optimized; ///< This and the next two: of a stopped instance.
    std::optional<std::string> type;
    std::optional<std::string> user_data; ///< Raw bytes.
    std::vector<SecurityGroupId> groups;  ///< Instead of those it has; empty: no change.
    struct Device {
        std::string device_name;
        std::optional<VolumeId> volume; ///< When given, it must be the one.
        bool delete_on_termination = true;
    };
    std::vector<Device> devices;
    bool dry_run = false;
};

/// What ModifyInstanceMetadataOptions asks for; what is absent stays.
struct MetadataOptionsChange {
    std::optional<std::string> http_tokens;
    std::optional<std::string> http_endpoint;
    std::optional<int> http_put_response_hop_limit; ///< 1 to 64.
    std::optional<std::string> instance_metadata_tags;
};

} // namespace karat::engine
