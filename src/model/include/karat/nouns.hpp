// SPDX-License-Identifier: Apache-2.0
// The things that Karat keeps: plain values, no I/O, no clock. Sizes carry their unit in the name.
// Strings are EC2's own values ("gp3", "x86_64") unless said.
#pragma once

#include "karat/env.hpp"
#include "karat/hash.hpp"
#include "karat/ids.hpp"
#include "karat/states.hpp"

#include <boost/container/flat_map.hpp>
#include <boost/container/flat_set.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace karat {

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// Tag keys are case-sensitive and unique per thing.
using Tags = boost::container::flat_map<std::string, std::string>;

/// A secret access key or a token: has no formatter and no stream operator on purpose.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value)
        : value_(std::move(value))
    {
    }
    /// The only way to the text; a grep for this word finds every use.
    std::string const& reveal() const { return value_; }
    bool operator==(Secret const&) const = default;

private:
    std::string value_;
};

/// What an account wants of the metadata options of new instances in a region; nothing where it has
/// no preference.
struct MetadataDefaults {
    std::string region;
    std::optional<std::string> http_tokens; ///< "required" or "optional".
    std::optional<std::string> http_endpoint;
    std::optional<int> http_put_response_hop_limit;
    std::optional<std::string> instance_metadata_tags;
    std::optional<std::string> http_tokens_enforced; ///< "enabled": nothing may be "optional".
    bool operator==(MetadataDefaults const&) const = default;
};

struct Account {
    AccountId id;
    std::string name;
    std::string alias; ///< "amazon" for the publisher of the seed images; empty for others.
    Time created{};
    std::set<std::string> encrypts_in; ///< Regions where every new volume is encrypted.
    Tags default_keys;                 ///< Region to the key that is taken there when none is
                                       ///< named; alias/aws/ebs where there is no entry.
    std::vector<MetadataDefaults> metadata_defaults; ///< At most one a region.
};

struct AccessKey {
    std::string id; ///< "AKIA" and sixteen upper-case letters or digits.
    AccountId account;
    Secret secret;
    bool active = true;
    Time created{};
};

struct StateReason {
    std::string
        code; ///< "Client.UserInitiatedShutdown", "Server.InternalError", …; empty for none.
    std::string message;
    bool operator==(StateReason const&) const = default;
};

/// One disk of an image, of a launch request, or asked of CreateImage.
struct BlockDevice {
    std::string device_name; ///< "/dev/xvda": a label, not what the guest sees.
    std::optional<SnapshotId> snapshot;
    std::uint64_t size_gib = 0;
    std::string volume_type = "gp3";
    std::optional<int> iops;
    std::optional<int> throughput_mibps;
    bool delete_on_termination = true;
    bool encrypted = false;
    std::string kms_key;      ///< Asked for, of a launch; an image's say nothing but `encrypted`.
    std::string virtual_name; ///< "ephemeral0": an instance store disk, which an image may list.
                              ///< Then the members above but the name say nothing.
};

struct Image {
    ImageId id;
    AccountId owner;
    std::string region;
    std::string name;
    std::string description;
    ImageState state = ImageState::pending;
    StateReason state_reason;
    Time created{};
    std::string architecture = "x86_64";
    std::string virtualization = "hvm"; ///< Or "paravirtual", which no instance type runs.
    std::string root_device_name;
    std::vector<BlockDevice> devices;
    std::string boot_mode;    ///< "legacy-bios", "uefi", "uefi-preferred" or empty.
    std::string imds_support; ///< "v2.0" or empty.
    std::string tpm_support;  ///< "v2.0" or empty.
    bool ena_support = false;
    std::string sriov_net_support; ///< "simple" or empty.
    bool is_public = false;
    boost::container::flat_set<AccountId> launch_permissions;
    std::optional<InstanceId> source_instance;
    std::optional<ImageId> source_image;
    std::string source_image_region;
    std::string ssm_parameter; ///< The public parameter that names this image, or empty.
    std::optional<Time> deregistered;
    Tags tags;
};

/// How a snapshot came over the network, block by block (EBS direct).
struct DirectWrite {
    int timeout_minutes = 60; ///< It is given up when no block came for so long.
    bool sealed = false;      ///< All blocks came; a task makes the snapshot.
    std::uint64_t blocks = 0; ///< So many, once it is sealed.
};

/// A point-in-time copy of a volume. `content` is what the block store holds for it, set when
/// completed. A deleted snapshot's row stays while a volume still reads through it.
struct Snapshot {
    SnapshotId id;
    AccountId owner;
    std::string region;
    SnapshotState state = SnapshotState::pending;
    std::string state_message;
    int progress_percent = 0;
    std::string volume; ///< The source volume's id as text; "vol-ffffffff" when there is none.
    std::uint64_t size_gib = 0;
    std::uint64_t full_size_bytes = 0; ///< Of all blocks ever written; 0 until completed.
    std::string description;
    Time started{};
    std::optional<Time> completed;
    std::optional<Hash> content; ///< The manifest's root hash.
    std::optional<SnapshotId> parent;
    bool is_public = false;
    boost::container::flat_set<AccountId>
        volume_permissions; ///< Who else may make volumes of it, and copy it.
    std::string kms_key;    ///< ARN of the key that it is encrypted with; empty: it is not.
    std::optional<DirectWrite> direct; ///< Of one that StartSnapshot began.
    Tags tags;
};

struct Attachment {
    InstanceId instance;
    std::string device_name;
    AttachmentState state = AttachmentState::attaching;
    bool delete_on_termination = true;
    Time attached{};
};

/// What a volume's bytes are made of: a snapshot (or nothing, all zeroes) under qcow2 overlays,
/// bottom first. The last overlay is the one that is written; a volume that was never attached has
/// none. An overlay may be smaller than those above it: beyond its end it reads as zeroes.
struct Layers {
    std::optional<SnapshotId> base;
    std::vector<std::string> overlays; ///< File names inside the volume's own directory.
    bool operator==(Layers const&) const = default;
};

/// What ModifyVolume changes.
struct VolumeShape {
    std::uint64_t size_gib = 0;
    std::string type;
    std::optional<int> iops;
    std::optional<int> throughput_mibps;
    bool operator==(VolumeShape const&) const = default;
};

/// The last change of a volume's shape.
struct VolumeModification {
    ModificationState state = ModificationState::modifying;
    std::string message; ///< Why it failed; empty while it has not.
    VolumeShape original;
    VolumeShape target;
    Time started{};
    std::optional<Time> ended;
};

/// What went wrong with a volume and has not gone right since, as DescribeVolumeStatus tells it.
struct VolumeEvent {
    std::string id;   ///< "evol-" and seventeen digits.
    std::string type; ///< "attachment-failed".
    std::string description;
    std::optional<InstanceId> instance;
    Time at{};
};

struct Volume {
    VolumeId id;
    AccountId owner;
    std::string region;
    std::string zone;
    std::uint64_t size_gib = 0;
    std::string type = "gp3";
    std::optional<int> iops;
    std::optional<int> throughput_mibps;
    VolumeState state = VolumeState::creating;
    Time created{};
    std::optional<SnapshotId> snapshot; ///< What it was created from, as DescribeVolumes shows it.
    std::optional<VolumeId> source;     ///< What it was copied from, by CopyVolumes.
    Layers layers;
    std::optional<Attachment> attachment;
    std::optional<VolumeModification> modification;
    std::vector<Time> modified; ///< When its shape was changed, newest last: there is a rate.
    std::optional<VolumeEvent> event;
    std::string kms_key; ///< ARN of the key that its snapshots are encrypted with; empty: none.
    Tags tags;
};

/// IMDS options of an instance, in EC2's words.
struct MetadataOptions {
    std::string http_tokens = "required"; ///< "required" or "optional".
    std::string http_endpoint = "enabled";
    int http_put_response_hop_limit = 1;
    std::string instance_metadata_tags = "disabled";
    bool operator==(MetadataOptions const&) const = default;
};

/// Where an instance is on the network; one interface per instance for now.
struct NetworkInterface {
    NetworkInterfaceId id;
    VpcId vpc;
    SubnetId subnet;
    std::vector<SecurityGroupId> groups;
    std::string mac;        ///< "06:…", lower case.
    std::string private_ip; ///< As the guest sees it.
    std::string public_ip;  ///< Where clients of this host reach its allowed ports.
    std::string description;
    Tags tags;
};

struct Instance {
    InstanceId id;
    AccountId owner;
    std::string region;
    std::string zone;
    ReservationId reservation;
    int launch_index = 0;
    ImageId image;
    std::string type;
    std::string architecture = "x86_64";
    std::string boot_mode; ///< The image's; empty means legacy-bios.
    std::string root_device_name;
    InstanceState state = InstanceState::pending;
    StateReason state_reason;
    std::string transition_reason; ///< "User initiated (2026-01-01 00:00:00 GMT)" or empty.
    Time launched{};
    std::optional<Time> terminated;
    std::string key_name;
    std::string public_key; ///< OpenSSH line of key_name, copied at launch; empty for none.
    std::string user_data;  ///< Raw bytes, at most 16 KiB.
    std::string client_token;
    std::string shutdown_behavior = "stop"; ///< Of a shutdown from inside: "stop" or "terminate".
    bool disable_api_termination = false;
    bool disable_api_stop = false;
    bool ebs_optimized = false;
    bool monitoring = false;
    std::string auto_recovery = "default"; ///< Or "disabled".
    MetadataOptions metadata;
    NetworkInterface interface;
    Tags tags;
};

struct Vpc {
    VpcId id;
    AccountId owner;
    std::string region;
    std::string cidr;
    bool is_default = true;
    Tags tags;
};

struct Subnet {
    SubnetId id;
    AccountId owner;
    std::string region;
    std::string zone;
    VpcId vpc;
    std::string cidr;
    bool is_default = true;
    Tags tags;
};

/// One allowed stretch of ports, as IpPermission flattens: from one source.
struct SecurityGroupRule {
    bool egress = false;
    std::string protocol; ///< "tcp", "udp", "icmp" or "-1" for all.
    int from_port = -1;
    int to_port = -1;
    std::string cidr;  ///< IPv4 or IPv6 block; or empty when `group` is the source.
    std::string group; ///< Source security group id, or empty.
    std::string description;
    /// Two rules are the same rule when all but the description is equal.
    bool same(SecurityGroupRule const& other) const
    {
        return egress == other.egress && protocol == other.protocol &&
               from_port == other.from_port && to_port == other.to_port && cidr == other.cidr &&
               group == other.group;
    }
};

struct SecurityGroup {
    SecurityGroupId id;
    AccountId owner;
    std::string region;
    VpcId vpc;
    std::string name;
    std::string description;
    std::vector<SecurityGroupRule> rules;
    Tags tags;
};

struct KeyPair {
    KeyPairId id;
    AccountId owner;
    std::string region;
    std::string name;
    std::string type; ///< "rsa" or "ed25519".
    std::string fingerprint;
    std::string public_key; ///< One OpenSSH line.
    Time created{};
    Tags tags;
};

/// An SSM parameter. Those under /aws/service are public and belong to a publisher.
struct Parameter {
    std::string name;
    AccountId owner;
    std::string region;
    std::string type = "String";
    std::string data_type = "text"; ///< Or "aws:ec2:image".
    std::string value;
    int version = 1;
    Time modified{};
};

/// A piece of long work (karat/work.hpp has the kinds). May run twice; a crash between two steps
/// repeats the last.
struct Task {
    std::int64_t id = 0; ///< Given by the catalog.
    std::string kind;
    std::string subject;            ///< What it is about, for people.
    std::string payload;            ///< Its arguments (karat/tasks.hpp).
    std::vector<std::string> on;    ///< Resources that it alone works on while it is open.
    std::vector<std::string> keeps; ///< Snapshots whose rows must stay while it is open.
    Lane lane = Lane::machines;
    std::string request; ///< The id of the call that caused it; empty if none did.
    TaskState state = TaskState::queued;
    int attempts = 0; ///< How often it was taken; the lease's own count, given by the catalog.
    int failures = 0; ///< How often a step failed since the last one that did not.
    Time created{};
    Time not_before{};      ///< Not to be picked up earlier (retry delays, timed work).
    std::string lease_host; ///< Who works on it; empty for nobody.
    Time lease_until{};     ///< After this time another worker may take it.
    int progress_percent = 0;
    std::string outcome; ///< Why it failed the last time, for people; empty if it has not.
};

} // namespace karat
