// SPDX-License-Identifier: Apache-2.0
// The kinds of long work: what each is told, and what it lays claim to. A task row carries one of
// these (karat/tasks.hpp); how the work is done is the engine's business.
#pragma once

#include "karat/ids.hpp"
#include "karat/states.hpp"

#include "karat/env.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace karat {

/// What a task lays claim to while it is open.
struct Claim {
    std::string subject; ///< What it is about, for people.
    /// Resources that it alone works on: tasks that share one run one after the other.
    std::vector<std::string> on;
    std::vector<std::string> keeps; ///< Snapshots whose rows must stay.
    Lane lane = Lane::machines;
};

// ---- Machines

struct LaunchWork {
    static constexpr char const* kKind = "launch";
    InstanceId instance;
    bool start = false; ///< It was stopped, not new.
};

struct StopWork {
    static constexpr char const* kKind = "stop";
    InstanceId instance;
    bool force = false;
    Time asked{}; ///< When the guest was last asked to shut down.
};

struct RebootWork {
    static constexpr char const* kKind = "reboot";
    InstanceId instance;
};

struct TerminateWork {
    static constexpr char const* kKind = "terminate";
    InstanceId instance;
    bool force = false;
    Time asked{}; ///< When the guest was last asked to shut down.
};

/// A machine ended by itself.
struct EndedWork {
    static constexpr char const* kKind = "ended";
    InstanceId instance;
    bool shut_down = false; ///< The guest did it.
};

/// Removes the row of a terminated instance.
struct ReapWork {
    static constexpr char const* kKind = "reap";
    InstanceId instance;
};

// ---- Volumes

struct AttachWork {
    static constexpr char const* kKind = "attach";
    VolumeId volume;
    InstanceId instance;
};

struct DetachWork {
    static constexpr char const* kKind = "detach";
    VolumeId volume;
    InstanceId instance;
    bool force = false;
    int looks = 0; ///< How often the guest was asked.
    Time since{};
};

struct ModifyVolumeWork {
    static constexpr char const* kKind = "modify_volume";
    VolumeId volume;
    std::optional<InstanceId> instance; ///< Which has the volume.
};

struct DeleteVolumeWork {
    static constexpr char const* kKind = "delete_volume";
    VolumeId volume;
};

/// Lets a running guest read a cached snapshot from its file.
struct PromoteWork {
    static constexpr char const* kKind = "promote";
    VolumeId volume;
    InstanceId instance;
};

// ---- Snapshots and images

/// A volume and the snapshot that is made of it.
struct CapturePair {
    VolumeId volume;
    SnapshotId snapshot;
};

/// Makes snapshots of volumes, all at one instant.
struct CaptureWork {
    static constexpr char const* kKind = "capture";
    std::optional<InstanceId> instance; ///< Which has the volumes.
    std::optional<ImageId> image;       ///< Available when the snapshots are.
    bool no_reboot = true;
    bool merge = false; ///< Only shortens the chain of the one volume.
    CapturePhase phase = CapturePhase::quiesce;
    bool was_running = false; ///< The machine was shut down for this, and is started again.
    Time until{};             ///< When a guest that does not shut down is switched off.
    std::vector<CapturePair> pairs;
    std::vector<InstanceId> holders; ///< Those that have the volumes when it settles.
};

struct CopySnapshotWork {
    static constexpr char const* kKind = "copy_snapshot";
    SnapshotId snapshot;
    SnapshotId source;
    std::optional<ImageId> image = {}; ///< The copied image that waits for it.
};

struct CompleteSnapshotWork {
    static constexpr char const* kKind = "complete_snapshot";
    SnapshotId snapshot;
};

/// Gives up a snapshot for which no block comes any more.
struct SnapshotTimeoutWork {
    static constexpr char const* kKind = "snapshot_timeout";
    SnapshotId snapshot;
};

struct ImportWork {
    static constexpr char const* kKind = "import";
    std::string path;
    std::string format;
    ImageId image;
    SnapshotId snapshot;
};

struct ExportWork {
    static constexpr char const* kKind = "export";
    SnapshotId snapshot;
    std::string path;
    std::string form;
    bool cancelled = false;
};

// ---- The block store

struct CollectWork {
    static constexpr char const* kKind = "collect";
};

struct ScrubWork {
    static constexpr char const* kKind = "scrub";
    std::uint64_t mib_per_second = 0; ///< 0: no bound.
    bool anew = false;
};

/// The resource that collections take in turn.
inline constexpr char const* kStoreResource = "store";
/// The resource of who reads the frozen layers of a volume.
std::string frozen_layers_of(VolumeId const& volume);

/// Every kind of work, for what is said of each.
#define KARAT_EACH_WORK(say)                                                                       \
    say(LaunchWork);                                                                               \
    say(StopWork);                                                                                 \
    say(RebootWork);                                                                               \
    say(TerminateWork);                                                                            \
    say(EndedWork);                                                                                \
    say(ReapWork);                                                                                 \
    say(AttachWork);                                                                               \
    say(DetachWork);                                                                               \
    say(ModifyVolumeWork);                                                                         \
    say(DeleteVolumeWork);                                                                         \
    say(PromoteWork);                                                                              \
    say(CaptureWork);                                                                              \
    say(CopySnapshotWork);                                                                         \
    say(CompleteSnapshotWork);                                                                     \
    say(SnapshotTimeoutWork);                                                                      \
    say(ImportWork);                                                                               \
    say(ExportWork);                                                                               \
    say(CollectWork);                                                                              \
    say(ScrubWork)

/// What the work lays claim to. While a capture stores bytes, which takes long, its instance and
/// its volumes are free for other work.
#define KARAT_CLAIM(Work) Claim claim_of(Work const&)
KARAT_EACH_WORK(KARAT_CLAIM);
#undef KARAT_CLAIM

/// Calls `visit.template operator()<Work>()` for each kind of work until one answers true.
bool any_work(auto&& visit)
{
    bool is_answered = false;
#define KARAT_VISIT(Work) is_answered = is_answered || visit.template operator()<Work>()
    KARAT_EACH_WORK(KARAT_VISIT);
#undef KARAT_VISIT
    return is_answered;
}

} // namespace karat
