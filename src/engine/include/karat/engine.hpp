// SPDX-License-Identifier: Apache-2.0
// The verbs of Karat: everything that a caller, an operator or a guest can make happen. Each verb
// checks, changes the catalog in one transaction and answers; long work is a task row that a worker
// finishes (karat/work.hpp). Knows no wire: api/ translates.
#pragma once

#include "karat/blocks.hpp"
#include "karat/catalog.hpp"
#include "karat/compute.hpp"
#include "karat/direct_blocks.hpp"
#include "karat/image_requests.hpp"
#include "karat/instance_types.hpp"
#include "karat/keys.hpp"
#include "karat/launch_requests.hpp"
#include "karat/listings.hpp"
#include "karat/nouns.hpp"
#include "karat/operator_requests.hpp"
#include "karat/overview.hpp"
#include "karat/parts.hpp"
#include "karat/upkeep.hpp"
#include "karat/volumes.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace karat::engine {

/// Who calls, and in which region (from the credential scope, never from the address).
struct Caller {
    AccountId account;
    std::string region;
    std::string request = {}; ///< The id of the call, for the log and for the tasks it causes.
    bool dry_run = false; ///< Then no verb changes anything: Fault::dry_run if it would succeed.
};

// ---- What the verbs are given. Optional members that are absent mean EC2's default.

struct RegisterImage {
    std::string name;
    std::string description;
    std::string architecture = "i386"; ///< EC2's default; we run x86_64 only and say so.
    std::string root_device_name;
    std::vector<DeviceRequest> devices;
    std::string virtualization = "hvm";
    std::string boot_mode;
    std::string imds_support;
    bool ena_support = false;
    std::string sriov_net_support;
    Tags image_tags;
    bool dry_run = false;
};

struct CreateImage {
    InstanceId instance;
    std::string name;
    std::string description;
    bool no_reboot = false;
    std::string boot_mode; ///< Instead of the instance's; empty: that one.
    std::vector<DeviceRequest> devices;
    Tags image_tags;
    Tags snapshot_tags;
    bool dry_run = false;
};

/// What became of a snapshot that was to go with its image.
struct SnapshotDeletion {
    SnapshotId snapshot;
    std::optional<Fault> fault; ///< Why it is still there; nothing when it is gone.
};

struct CreateVolume {
    std::string zone;
    std::optional<std::uint64_t> size_gib;
    std::optional<SnapshotId> snapshot;
    std::string type = "gp2";
    std::optional<int> iops;
    std::optional<int> throughput_mibps;
    EncryptionRequest encryption;
    std::string client_token;
    std::string fingerprint;
    Tags tags;
    bool dry_run = false;
};

struct AttachVolume {
    VolumeId volume;
    InstanceId instance;
    std::string device_name;
    bool dry_run = false;
};

struct DetachVolume {
    VolumeId volume;
    std::optional<InstanceId> instance; ///< When given, it must be the one.
    std::optional<std::string> device_name;
    bool force = false; ///< Do not wait for the guest.
    bool dry_run = false;
};

/// What is absent stays as it is (ModifyVolume) or as in the source (CopyVolumes).
struct ShapeRequest {
    std::optional<std::uint64_t> size_gib;
    std::optional<std::string> type;
    std::optional<int> iops;
    std::optional<int> throughput_mibps;
};

struct CopyVolume {
    VolumeId source;
    ShapeRequest shape;
    EncryptionRequest encryption;
    std::string client_token;
    std::string fingerprint;
    Tags tags;
    bool dry_run = false;
};

struct CreateSnapshots {
    InstanceId instance;
    bool exclude_boot_volume = false;
    std::vector<VolumeId> exclude;
    std::string description;
    bool copy_volume_tags = false;
    Tags tags;
    bool dry_run = false;
};

struct CopySnapshot {
    SnapshotId source;
    std::string source_region;
    std::string description;
    EncryptionRequest encryption;
    Tags tags;
    bool dry_run = false;
};

/// Who may make volumes of a snapshot: what to add and take away.
struct VolumePermissionChange {
    std::vector<AccountId> add;
    std::vector<AccountId> remove;
    std::optional<bool> everyone; ///< true: add the group "all"; false: remove it.
    bool reset = false;           ///< First of all, take everything away.
};

/// Before and after of a state change, as Start/Stop/TerminateInstances answer.
struct Transition {
    InstanceId instance;
    InstanceState before;
    InstanceState after;
};

struct StopOptions {
    bool force = false; ///< Do not wait for the guest.
};

/// Everything that the metadata service says about an instance.
struct InstanceFacts {
    Instance instance;
    Image image;
    std::vector<Volume> volumes;
    std::vector<SecurityGroup> groups;
    Vpc vpc;
    Subnet subnet;
};

/// A created key pair; the private half is shown once.
struct CreatedKeyPair {
    KeyPair pair;
    Secret private_key; ///< Text, in the format that was asked for.
};

/// Of private keys: for OpenSSH, or for PuTTY.
enum class KeyFormat : unsigned char { pem, ppk };

struct NewKeyPair {
    std::string name;
    std::string type = "rsa";
    KeyFormat format = KeyFormat::pem;
    Tags tags;
    bool dry_run = false;
};

struct Credentials {
    AccessKey key;
    Account account;
};

/// A thing with tags, as DescribeTags lists it.
struct TaggedThing {
    std::string id;
    std::string type;        ///< "instance", "image", …
    std::int64_t number = 0; ///< The order of the list.
    Tags tags;
};

struct Status {
    std::string accelerator;
    std::string accelerator_reason;
    std::vector<std::string> isolated = {};     ///< What holds for guests' processes.
    std::vector<std::string> not_isolated = {}; ///< What does not, and why.
    std::size_t instances = 0;                  ///< Machines that run.
    TaskCounts tasks;
    std::size_t catalog_damage = 0; ///< What the last check of the catalog found.
    blocks::Stats store;
    std::vector<std::string> problems; ///< What a person must look at: a sentence each.
};

/// Thread-safe. Verbs that take a Caller see only what the caller may see: absent and forbidden
/// look alike. Verbs without one are the operator's, reached through the admin socket.
class Engine {
public:
    struct State; ///< Defined inside the room.

    explicit Engine(Parts parts);
    ~Engine();

    /// Takes up where a crash left off: releases this host's tasks, adopts running machines, queues
    /// work for instances whose machine is gone. What the catalog does not know is reported, never
    /// removed.
    Result<void> recover();

    // ---- Operators
    /// With an id it takes that one: an account that rebuild() made is given its name so.
    Result<Account> create_account(std::string const& name, std::string const& alias,
                                   std::optional<AccountId> const& id = {});
    Result<std::vector<Account>> accounts();
    Result<Account> account_named(std::string const& name);
    Result<AccessKey> create_access_key(AccountId const& account);
    Result<std::vector<AccessKey>> access_keys(AccountId const& account);
    Result<ImportedImage> import_image(Caller const& caller, ImportImage const& request);
    /// Begins to write a disk to a file; a task does it. Fault::duplicate when the file is there.
    Result<StartedExport> export_image(ExportImage const& request);
    /// Ends an export that runs or waits; its file does not appear. Fault::wrong_state when it is
    /// through.
    Result<void> cancel_export(std::int64_t task);
    /// Progress and outcome of a task; Fault::not_found when it is done and forgotten.
    Result<Task> task(std::int64_t id);
    /// Frees what deleted snapshots held: the first collection condemns it, the third in a row
    /// frees it. `epochs` of them run one after the other.
    static constexpr int kEpochsToFree = 3;
    Result<blocks::CollectReport> collect(int epochs = kEpochsToFree);
    /// The operator has looked at the store's alarm.
    Result<void> clear_store_alarm();
    /// Queues a scrub; the result is its task, which fails when there is damage.
    Result<std::int64_t> start_scrub(ScrubOptions const&);
    /// Makes rows for the snapshots that the store has and the catalog does not, and for the
    /// accounts that own them: after the catalog was lost. Mends the catalog before: rows that are
    /// damaged for good leave it, and snapshots come back from their manifests.
    Result<Rebuilt> rebuild();
    Result<blocks::CheckReport> check_store(std::function<bool(double)> progress);
    /// Every row, and that the snapshots which rows name are there and in the store.
    Result<catalog::Checked> check_catalog();
    /// Copies the catalog to a new file: Catalog::back_up().
    Result<void> back_up_catalog(std::string const& path);
    Result<Status> status();
    /// Tasks that are not finished, by id; or those that were given up, the newest first.
    Result<TaskPage> tasks(TaskQuery const& query);
    /// Instances of all accounts and regions.
    Result<InstancePage> every_instance(InstanceQuery const& query);
    /// What the host cache holds.
    Result<std::vector<blk::Cached>> cached();
    /// Puts a new karat-blk in the place of the one that serves. Guests' reads wait for it.
    Result<void> exchange_blk();
    /// Puts new network processes in the place of those of one instance, or of all; returns of how
    /// many. Goes on where one fails, and returns the first failure.
    Result<int> exchange_nets(std::optional<InstanceId> const& only);
    /// Queues the move of running guests onto files that the host cache has whole. Called now and
    /// then.
    Result<void> promote();

    /// Keys of an account in a region, the default one among them once it was needed.
    Result<std::vector<keys::KeyFacts>> encryption_keys(Caller const& caller);
    Result<keys::KeyFacts> create_encryption_key(Caller const& caller, std::string const& alias,
                                                 std::string const& description);
    /// `name` as callers name keys. What is encrypted with a disabled key cannot be used.
    Result<keys::KeyFacts> enable_encryption_key(Caller const& caller, std::string const& name,
                                                 bool enabled);

    // ---- Encryption by default
    Result<bool> encrypts_by_default(Caller const& caller);
    Result<void> set_encrypts_by_default(Caller const& caller, bool encrypts, bool dry_run);
    /// The ARN of the key that is taken when none is named. alias/aws/ebs is said by its alias
    /// until something needed it.
    Result<std::string> default_encryption_key(Caller const& caller);
    /// An empty name goes back to alias/aws/ebs. Returns what default_encryption_key() says then.
    Result<std::string> set_default_encryption_key(Caller const& caller, std::string const& name,
                                                   bool dry_run);

    // ---- Signing in
    /// Nothing for an unknown or inactive key.
    Result<std::optional<Credentials>> credentials(std::string const& access_key_id);
    Result<Account> account(AccountId const& id);
    /// The engine's clock, for time stamps in replies.
    Time now() const;
    Result<void> check_region(std::string const& region) const;
    std::vector<std::string> const& regions() const;
    std::vector<std::string> zones(std::string const& region) const;

    // ---- Images
    Result<Image> register_image(Caller const&, RegisterImage const&);
    Result<Image> create_image(Caller const&, CreateImage const&);
    /// With delete_snapshots, returns what became of each of its snapshots.
    Result<std::vector<SnapshotDeletion>> deregister_image(Caller const&, ImageId const&,
                                                           bool delete_snapshots, bool dry_run);
    /// Fault::not_found for an id that the caller cannot see. For an hour after an image was
    /// deregistered its id is known, and gives nothing.
    Result<void> images(Caller const&, ImageSelection const&, Visit<Image> const&);
    Result<Image> own_image(Caller const&, ImageId const&);
    struct LaunchPermissionChange {
        std::vector<AccountId> add;
        std::vector<AccountId> remove;
        std::optional<bool> everyone; ///< true: add the group "all"; false: remove it.
    };
    struct ImageChange {
        std::optional<std::string> description;
        std::optional<std::string> imds_support; ///< "v2.0"; it cannot be taken back.
        LaunchPermissionChange permissions;
    };
    Result<void> change_image(Caller const&, ImageId const&, ImageChange const&, bool dry_run);
    /// The alias ("amazon") of an account, empty for most.
    Result<std::string> owner_alias(AccountId const&);

    // ---- Snapshots and volumes
    Result<Snapshot> create_snapshot(Caller const&, VolumeId const&, std::string const& description,
                                     Tags const&, bool dry_run);
    Result<void> delete_snapshot(Caller const&, SnapshotId const&, bool dry_run);
    /// Own ones, and those that others share with the caller or with everyone.
    Result<void> snapshots(Caller const&, SnapshotSelection const&, Visit<Snapshot> const&);
    Result<Snapshot> own_snapshot(Caller const&, SnapshotId const&);
    /// All disks of an instance, but those left out, at one instant.
    Result<std::vector<Snapshot>> create_snapshots(Caller const&, CreateSnapshots const&);
    /// A snapshot of the caller's region with the bytes of one of any region; the bytes are shared.
    Result<Snapshot> copy_snapshot(Caller const&, CopySnapshot const&);
    /// Pending until its snapshots are copied.
    Result<Image> copy_image(Caller const&, CopyImage const&);
    Result<Snapshot> start_snapshot(Caller const&, StartSnapshot const&);
    /// Durable when it succeeds. The next checks that all blocks came; a task makes the snapshot.
    Result<void> put_block(Caller const&, NewBlock const&);
    Result<Snapshot> complete_snapshot(Caller const&, CompleteSnapshot const&);
    Result<Hash> read_block(Caller const&, SnapshotId const&, std::uint32_t index,
                            std::span<std::byte> into);
    /// The blocks that hold data, or differ; Fault::mismatch when two are no relatives.
    Result<BlockList> snapshot_blocks(Caller const&, SnapshotId const&, blocks::UnitQuery const&);
    Result<BlockList> changed_blocks(Caller const&, SnapshotPair const&, blocks::UnitQuery const&);
    Result<void> change_volume_permissions(Caller const&, SnapshotId const&,
                                           VolumePermissionChange const&, bool dry_run);
    Result<Volume> create_volume(Caller const&, CreateVolume const&);
    Result<void> delete_volume(Caller const&, VolumeId const&, bool dry_run);
    Result<Volume> attach_volume(Caller const&, AttachVolume const&);
    /// Returns the volume as it was, with its attachment on the way out.
    Result<Volume> detach_volume(Caller const&, DetachVolume const&);
    Result<Volume> modify_volume(Caller const&, VolumeId const&, ShapeRequest const&, bool dry_run);
    /// A volume with the bytes that another one has now; no snapshot is seen.
    Result<Volume> copy_volume(Caller const&, CopyVolume const&);
    Result<void> volumes(Caller const&, OwnSelection<VolumeId> const&, Visit<Volume> const&);
    Result<Volume> own_volume(Caller const&, VolumeId const&);

    // ---- Instances
    Result<std::vector<Instance>> run_instances(Caller const&, RunInstances const&);
    Result<void> instances(Caller const&, OwnSelection<InstanceId> const&, Visit<Instance> const&);
    Result<Instance> own_instance(Caller const&, InstanceId const&);
    Result<catalog::Refs<Volume>> volumes_of(InstanceId const&);
    /// The instances whose guests stand still since then, as this host's disk is full.
    std::map<InstanceId, Time> waiting_for_room();
    Result<std::vector<Transition>> start_instances(Caller const&, std::vector<InstanceId> const&,
                                                    bool dry_run);
    Result<std::vector<Transition>> stop_instances(Caller const&, std::vector<InstanceId> const&,
                                                   StopOptions, bool dry_run);
    Result<void> reboot_instances(Caller const&, std::vector<InstanceId> const&, bool dry_run);
    Result<std::vector<Transition>>
    terminate_instances(Caller const&, std::vector<InstanceId> const&, StopOptions, bool dry_run);
    /// The newest serial output of an instance, at most 64 KiB.
    Result<std::string> console_output(Caller const&, InstanceId const&);
    Result<void> change_instance(Caller const&, InstanceId const&, InstanceChange const&);
    Result<Instance> change_metadata_options(Caller const&, InstanceId const&,
                                             MetadataOptionsChange const&, bool dry_run);
    /// The account's defaults for new instances in the caller's region.
    Result<MetadataDefaults> metadata_defaults(Caller const&);
    /// Members that are not asked for stay; an empty one takes the preference away.
    struct MetadataDefaultsChange {
        std::optional<std::string> http_tokens;
        std::optional<std::string> http_endpoint;
        std::optional<int> http_put_response_hop_limit; ///< -1 takes it away.
        std::optional<std::string> instance_metadata_tags;
        std::optional<std::string> http_tokens_enforced;
    };
    Result<void> change_metadata_defaults(Caller const&, MetadataDefaultsChange const&,
                                          bool dry_run);
    /// For the metadata service: no caller, the socket says who asks.
    Result<InstanceFacts> instance_facts(InstanceId const&);

    // ---- Keys, groups, network, tags, parameters
    Result<CreatedKeyPair> create_key_pair(Caller const&, NewKeyPair const&);
    /// `public_key`: an OpenSSH line, RFC 4716's form, or a PEM or base64 DER public key.
    Result<KeyPair> import_key_pair(Caller const&, NewKeyPair const&,
                                    std::string const& public_key);
    /// Success also when there is none, as EC2 answers. Returns the id of what was deleted.
    Result<std::optional<KeyPairId>> delete_key_pair(Caller const&, std::string const& name,
                                                     std::optional<KeyPairId> const& id,
                                                     bool dry_run);
    Result<catalog::Refs<KeyPair>> key_pairs(Caller const&);

    struct NewSecurityGroup {
        std::string name;
        std::string description;
        std::optional<VpcId> vpc;
        Tags tags;
        bool dry_run = false;
    };
    Result<SecurityGroup> create_security_group(Caller const&, NewSecurityGroup const&);
    Result<void> delete_security_group(Caller const&, std::optional<SecurityGroupId> const&,
                                       std::string const& name, bool dry_run);
    /// Ensures the defaults exist first.
    Result<catalog::Refs<SecurityGroup>> security_groups(Caller const&);
    Result<SecurityGroup> security_group(Caller const&, std::optional<SecurityGroupId> const&,
                                         std::string const& name);
    /// Adds rules (Fault::duplicate if one is there) and opens the ports of running instances.
    /// Returns the rules as they are kept.
    Result<std::vector<SecurityGroupRule>> authorize(Caller const&, SecurityGroupId const&,
                                                     std::vector<SecurityGroupRule> const& asked,
                                                     bool dry_run);
    /// Returns the rules that are gone.
    Result<std::vector<SecurityGroupRule>> revoke(Caller const&, SecurityGroupId const&,
                                                  std::vector<SecurityGroupRule> const& asked,
                                                  bool dry_run);
    Result<catalog::Refs<Vpc>> vpcs(Caller const&);
    Result<catalog::Refs<Subnet>> subnets(Caller const&);

    Result<void> create_tags(Caller const&, std::vector<std::string> const& resource_ids,
                             Tags const&, bool dry_run);
    /// A tag to delete: with a value only if the thing's tag has that value.
    struct TagToDelete {
        std::string key;
        std::optional<std::string> value;
    };
    /// All tags when `tags` is empty.
    Result<void> delete_tags(Caller const&, std::vector<std::string> const& resource_ids,
                             std::vector<TagToDelete> const& tags, bool dry_run);
    /// Things that have tags, from the one with the number `after` on, until `visit` answers false.
    Result<void> tagged(Caller const&, std::int64_t after,
                        std::function<Result<bool>(TaggedThing const&)> const& visit);

    /// Public parameters (/aws/service/…) only, for now.
    Result<std::optional<Parameter>> parameter(Caller const&, std::string const& name);
    /// By name, those after `after`.
    Result<void> parameters_below(Caller const&, std::string const& path, bool recursive,
                                  std::string const& after, Visit<Parameter> const&);

    // ---- The worker's side
    /// Runs a step of one due task of the lane (of any, without one); false when none was due. For
    /// tests that want to step.
    Result<bool> work_once(std::optional<Lane> lane = {});
    /// Extends the leases of all tasks that are at work here, if that is due. A thread does it.
    void renew_leases();
    /// When work_once() may have something to do, as far as time decides.
    Result<std::optional<Time>> next_work_due();
    /// Runs worker threads, some for each lane, and one that renews their leases, until the engine
    /// is destroyed or stop_workers() is called.
    void start_workers();
    void stop_workers();

private:
    std::unique_ptr<State> state_;
};

} // namespace karat::engine
