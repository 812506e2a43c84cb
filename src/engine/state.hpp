// SPDX-License-Identifier: Apache-2.0
// What the verbs share. Private to the room.
#pragma once

#include "at_work.hpp"
#include "clock_watch.hpp"

#include "karat/engine.hpp"
#include "karat/log.hpp"
#include "karat/mutex.hpp"
#include "karat/thread.hpp"

#include <array>
#include <condition_variable>
#include <list>
#include <mutex>
#include <set>
#include <stop_token>
#include <utility>

namespace karat::engine {

/// One host for now; the leases of tasks carry the name already.
inline constexpr char const* kHost = "local";
/// The volume that EC2 names for a snapshot that was made of none: a copy, or block by block.
inline constexpr char const* kNoVolume = "vol-ffffffff";

/// How long a worker that does not renew its lease keeps its task.
inline constexpr std::chrono::milliseconds kLease{60'000};
/// So often a task fails before it is given up, or counts as stuck if its kind never is.
inline constexpr int kMaxFailures = 6;
inline constexpr std::size_t kQuoted = 64; ///< So much of a caller's text stands in a message.

/// The snapshots whose blocks were read last, kept open: opening one reads its whole table of
/// pages. Thread-safe.
class OpenViews {
public:
    Result<std::shared_ptr<blocks::View const>> get(blocks::Store& store, SnapshotId const& id);
    void forget(std::string const& name);

private:
    std::shared_ptr<blocks::View const> find(std::string const& name) REQUIRES(mutex_);

    Mutex mutex_;
    /// The one used last is at the front.
    std::list<std::shared_ptr<blocks::View const>> recent_ GUARDED_BY(mutex_);
};

/// Who changes the catalog for a caller's request.
inline catalog::Actor actor(Caller const& caller, std::string action)
{
    return {caller.account.text(), std::move(action), caller.request};
}

struct Engine::State {
    explicit State(Parts p)
        : parts(std::move(p))
    {
    }

    Parts parts;

    Mutex mutex;
    /// The workers of a lane that have nothing to do.
    struct Sleepers {
        std::condition_variable_any wake;
        bool woken = false; ///< Guarded by the mutex above.
    };
    std::array<Sleepers, std::size(kLanes)> sleepers;
    std::condition_variable_any beat; ///< Nobody notifies it: the heartbeat waits for its time.
    /// When a worker next removes old history from the catalog.
    std::chrono::nanoseconds forget_at GUARDED_BY(mutex){};
    /// When a worker next looks for damage in the catalog, and how much was found the last time.
    std::chrono::nanoseconds check_at GUARDED_BY(mutex){};
    std::size_t catalog_damage GUARDED_BY(mutex) = 0;
    /// Volumes of running instances that read through a whole file of the cache, or will when the
    /// task that was queued for each is done; of this process. Only promote() looks at it.
    std::set<std::pair<VolumeId, SnapshotId>> promoted;

    std::stop_source ending;     ///< Asked when the workers shall end.
    std::vector<Thread> workers; ///< Only start_workers() and stop_workers() look at them.
    OpenViews views;
    AtWork at_work;
    ClockWatch clock_watch;

    Env& env() { return parts.env; }
    Time now() { return parts.env.clock.now(); }
    catalog::Catalog& catalog() { return parts.catalog; }
};

/// Fault::corrupt about a row that holds what no release wrote.
inline Error impossible_row(std::string const& which, std::string_view what)
{
    return fail(Fault::corrupt, "The catalog's row of " + which + " cannot be right: " +
                                    std::string(what) + "; run 'karat store check'");
}

/// Fault::dry_run when only asked: the last check before a verb changes anything.
Result<void> rehearse(bool dry_run);

/// The one door through which verbs change the catalog for a caller: on a dry run it drops what
/// `work` did and answers Fault::dry_run, also when a verb forgets rehearse().
template <class Work>
auto change_for(Engine::State& state, Caller const& caller, std::string action, Work&& work)
    -> std::invoke_result_t<Work, catalog::Change&>
{
    return state.catalog().change(
        actor(caller, std::move(action)),
        [&](catalog::Change& change) -> std::invoke_result_t<Work, catalog::Change&> {
            auto answer = work(change);
            if (answer.ok())
                TRY(rehearse(caller.dry_run));
            return answer;
        });
}

/// Fault::full about `noun` (an instance, or a volume for everything else) when less than
/// keep_free_mib is free. Asked before a verb that would take room changes anything; what makes
/// room, or changes rows only, does not ask.
Result<void> check_room(Engine::State& state, Noun noun);

/// What a caller may read of an error that a task met: what is about this host, its files and its
/// programs is for the log only.
std::string message_for_caller(Error const& error);

/// The row of the caller, whose request was signed by it.
Result<Account> account_of(catalog::View& view, Caller const& caller);

/// Checks that names and texts given by callers fit EC2's limits, which count characters.
Result<void> check_image_name(std::string const& name);
Result<void> check_description(std::string const& text);
Result<void> check_key_pair_name(std::string const& name);
/// A name or a description of a security group or of a rule; `what` is "group name" and so on.
Result<void> check_group_text(std::string_view what, std::string const& text);
Result<void> check_tags(Tags const& tags);
Result<void> check_tag_count(Tags const& tags);
/// "aws:" in any case: callers neither set nor delete such tags.
Result<void> check_not_reserved(std::string const& tag_key);
Result<void> check_boot_mode(std::string const& mode);
Result<void> check_user_data(std::string const& bytes);
/// Fault::wrong_state unless the instance has a volume at its root device.
Result<void> check_root(catalog::View& view, Instance const& instance);

/// Whether the caller may see and launch the image.
bool may_launch(Image const& image, AccountId const& account);
/// Of an image that was deregistered.
Error no_longer_available(ImageId const& id);
/// The image, if it exists in the caller's region and the caller owns it; Fault::not_found
/// otherwise.
Result<Image> find_own_image(catalog::View& view, Caller const& caller, ImageId const& id);
Result<Instance> find_own_instance(catalog::View& view, Caller const& caller, InstanceId const& id);
Result<Volume> find_own_volume(catalog::View& view, Caller const& caller, VolumeId const& id);
Result<Snapshot> find_own_snapshot(catalog::View& view, Caller const& caller, SnapshotId const& id);
/// Deletes a snapshot that no image needs; its bytes go with the next collections.
Result<void> drop_snapshot(Engine::State& state, catalog::Change& change, Caller const& caller,
                           SnapshotId const& id);
/// Whether the snapshot's owner lets the account make volumes of it.
bool may_use(Snapshot const& snapshot, AccountId const& account);
/// The snapshot if it is completed and the caller may make volumes of it.
Result<Snapshot> find_usable_snapshot(catalog::View& view, Caller const& caller,
                                      SnapshotId const& id);

/// The ARN of the key for what is made of `source` (or of nothing) by the caller, who owns it or
/// not; empty: it is not encrypted. Errors are those of EC2's rules.
struct EncryptionSource {
    AccountId owner;
    std::string region;
    std::string kms_key;   ///< Empty: it is not encrypted.
    bool passes_on = true; ///< Its owner's new thing has the same key, unless another is named.
};
Result<std::string> key_for(Engine::State& state, catalog::View& view, Caller const& caller,
                            EncryptionRequest const& asked,
                            std::optional<EncryptionSource> const& source);
/// The ARN of the key that a dry run chose: it names the default key by its alias until there is
/// one, and here it is made.
Result<std::string> made_key(Engine::State& state, Caller const& caller, std::string const& key);
inline EncryptionSource encryption_of(Snapshot const& snapshot)
{
    return {snapshot.owner, snapshot.region, snapshot.kms_key};
}
/// Fault::denied when the owner may not share the snapshot: with nobody if it is encrypted with
/// alias/aws/ebs, not with everybody if it is encrypted at all.
Result<void> check_sharing(Engine::State& state, Snapshot const& snapshot, bool with_everybody);
/// Whether what the volume is made of can be read now: its key may be gone, and a guest would wait
/// for its disk for ever. Fault::denied, Noun::encryption_key.
Result<void> check_key(Engine::State& state, Volume const& volume);
Result<void> check_keys(Engine::State& state, Instance const& instance); ///< Of all its volumes.
StateReason why_not_launched(Error const& error);
/// Gives a disk of a launch its key: as asked, as its snapshot's, or as the image says of an empty
/// one.
Result<void> choose_key(Engine::State& state, catalog::View& view, Caller const& caller,
                        RunInstances const& request, BlockDevice& device);

/// Moves a thing to another state; Fault::wrong_state when the matrix forbids it.
template <class Thing, class StateWord>
Result<void> become(Thing& thing, StateWord to)
{
    if (!can_become(thing.state, to))
        return Error{Fault::wrong_state, Noun::none,
                     "The " + thing.id.text() + " is " + std::string(word(thing.state)) +
                         " and cannot become " + std::string(word(to))};
    thing.state = to;
    return {};
}

/// The default VPC with a subnet a zone and the default security group, made when first needed.
struct Network {
    Vpc vpc;
    std::vector<Subnet> subnets;
    SecurityGroup default_group;
};
Result<Network> default_network(Engine::State& state, catalog::Change& change,
                                Caller const& caller);
Result<Network> default_network(Engine::State& state, Caller const& caller);
/// An address of the subnet that no living instance has; Fault::exhausted when there is none.
/// The first from this host of the subnet on, which it moves there.
Result<std::string> free_private_ip(catalog::View& view, Subnet const& subnet,
                                    std::uint32_t& from_host);
/// The address that a caller asks for, in its one spelling: one that instances may have, and none
/// has.
Result<std::string> wanted_private_ip(catalog::View& view, Subnet const& subnet,
                                      std::string const& asked);
Result<SecurityGroup> find_own_group(catalog::View& view, Caller const& caller,
                                     SecurityGroupId const& id);
/// A loopback address that no living instance of this host has.
Result<std::string> free_public_ip(Engine::State& state, catalog::View& view);
/// The ports that a set of groups opens to this host.
Result<std::vector<compute::OpenPorts>> open_ports(catalog::View& view,
                                                   std::vector<SecurityGroupId> const& groups);

/// The metadata options of a new instance: each as the request says, else as the account prefers,
/// else as the image needs, else EC2's own default. Fault::unsupported for tokens that the account
/// enforces and the request does not want.
Result<MetadataOptions> launch_metadata(catalog::View& view, Caller const& caller,
                                        Image const& image, RunInstances const& request);

/// The machine that an instance is, from the catalog's rows.
Result<compute::Machine> machine_of(Engine::State& state, Instance const& instance);
compute::Disk disk_of(Engine::State& state, Volume const& volume);
/// Opens an instance's metadata socket, for its network process alone.
Result<void> open_metadata(Engine::State& state, InstanceId const& id);
/// Starts an instance's machine with its metadata socket.
Result<void> start_machine(Engine::State& state, Instance const& instance);
/// Fault::corrupt unless a machine may be given the volume's overlays: the one that wrote them may
/// have been taken over since.
Result<void> check_overlays(Engine::State& state, Volume const& volume);

/// What tells a repeated call from a new one. Without a token no call is a repeated one.
struct Idempotency {
    char const* action;
    std::string const& token;
    std::string const& fingerprint; ///< Of what the call asks for; another one is a mismatch.
};
/// The ids that a call with the same client token made; nothing when the token is new.
Result<std::optional<std::vector<std::string>>> repeated(catalog::View& view, Caller const& caller,
                                                         Idempotency const& call);
/// Keeps the ids for repeated(), if the call has a token.
Result<void> remember(Engine::State& state, catalog::Change& change, Caller const& caller,
                      Idempotency const& call, std::vector<std::string> const& ids);

/// Checks that EC2 has volumes of this type and size.
Result<void> check_shape(VolumeShape const& shape);
VolumeShape shape_of(Volume const& volume);
/// `shape` with what the request asks for instead.
VolumeShape changed_shape(VolumeShape shape, ShapeRequest const& request);
void set_shape(Volume& volume, VolumeShape const& shape);

/// The instance that has the volume: work on the volume queues behind that of the instance.
std::optional<InstanceId> holder_of(Volume const& volume);
/// Gives a volume that was never attached the overlay that will be written. Returns the row.
Result<Volume> ensure_overlay(Engine::State& state, Task const& task, Volume const& volume);
/// Queues the shortening of a volume's chain if it is long and nothing is about to shorten it.
Result<void> enqueue_merge(Engine::State& state, catalog::Change& change, Volume const& volume,
                           std::chrono::milliseconds delay);
/// A snapshot for this one purpose, which nobody sees; it goes when no volume reads through it.
Snapshot hidden_snapshot(Engine::State& state, Volume const& volume);

/// The facts that a snapshot's manifest carries, so that its row can be rebuilt from the store.
/// `completed` is when its bytes were handed over.
blocks::Facts facts_of(Snapshot const& snapshot, Time completed);

/// The name of an account of which only the id is known.
inline std::string rebuilt_name(AccountId const& id) { return "rebuilt-" + id.text(); }

/// A snapshot row, pending: of no volume, or of one.
Snapshot new_snapshot(Engine::State& state, Caller const& caller, std::uint64_t size_gib,
                      std::string description, Tags tags);
Snapshot new_snapshot(Engine::State& state, Caller const& caller, Volume const& volume,
                      std::string description, Tags tags);
/// The row; nothing when it is gone or no longer pending.
Result<std::optional<Snapshot>> pending_snapshot(Engine::State& state, SnapshotId const& id);
/// Says in a snapshot's row what the store has of it since `now`. Its state is the caller's to
/// change.
void set_stored(Snapshot& snapshot, blocks::Committed const& stored, Time now);

/// Queues a collection unless one is queued already.
Result<void> enqueue_collect(Engine::State& state, catalog::Change& change);
/// A copy of a snapshot, pending, and the task that fills it. `image` is the copied image that
/// waits for it.
Result<Snapshot> begin_copy(Engine::State& state, catalog::Change& change, Caller const& caller,
                            Snapshot const& source, CopySnapshot const& request,
                            std::optional<ImageId> const& image);
/// After snapshots that a pending image waits for have ended: it is available when all are
/// completed, and failed when there is a failure.
Result<void> settle_image(catalog::Change& change, std::optional<ImageId> const& id,
                          std::optional<std::string> const& failure);
/// After a volume stopped reading through `base`: a deleted one goes with its last reader.
Result<void> collect_if_deleted(Engine::State& state, catalog::Change& change,
                                std::optional<SnapshotId> const& base);
/// Moves the times of open tasks along when the clock was set since the last call.
Result<void> follow_clock(Engine::State& state);
/// At the start: the same when the clock was set back while no daemon ran.
Result<void> settle_clock(Engine::State& state);

/// Drops what is staged for snapshots that are no longer pending.
Result<void> settle_staged(Engine::State& state);

/// What the hypervisor said an instance did by itself.
void machine_ended(Engine::State& state, InstanceId const& id, compute::Event event);

} // namespace karat::engine
