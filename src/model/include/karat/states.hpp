// SPDX-License-Identifier: Apache-2.0
// The states of things and which may follow which. Spelt as EC2 spells them; the matrices are
// goldens (tests/golden/states.txt), so a change of rule is a change of picture.
#pragma once

#include "karat/result.hpp"

#include <span>
#include <string>
#include <string_view>

namespace karat {

enum class ImageState : unsigned char { pending, available, failed, disabled, deregistered };
enum class SnapshotState : unsigned char { pending, completed, error, deleted };
enum class VolumeState : unsigned char { creating, available, in_use, deleting, deleted, error };
/// busy: the guest was asked to let go and has not for a while.
enum class AttachmentState : unsigned char { attaching, attached, detaching, detached, busy };
enum class ModificationState : unsigned char { modifying, optimizing, completed, failed };
enum class InstanceState : unsigned char {
    pending,
    running,
    stopping,
    stopped,
    shutting_down,
    terminated
};
enum class TaskState : unsigned char { queued, running, done, failed };
/// Who works on a task: each lane has workers of its own, so that long work never holds up short.
enum class Lane : unsigned char {
    machines, ///< Seconds: what callers and guests wait for.
    bulk,     ///< Minutes to hours: what moves the bytes of disks.
};
inline constexpr Lane kLanes[] = {Lane::machines, Lane::bulk};
enum class CapturePhase : unsigned char { quiesce, freeze, store, settle };

constexpr bool can_become(ImageState from, ImageState to)
{
    switch (from) {
    case ImageState::pending:
        return to == ImageState::available || to == ImageState::failed ||
               to == ImageState::deregistered;
    case ImageState::available:
        return to == ImageState::disabled || to == ImageState::deregistered;
    case ImageState::failed:
        return to == ImageState::deregistered;
    case ImageState::disabled:
        return to == ImageState::available || to == ImageState::deregistered;
    case ImageState::deregistered:
        return false;
    }
    return false;
}

constexpr bool can_become(SnapshotState from, SnapshotState to)
{
    switch (from) {
    case SnapshotState::pending:
        return to == SnapshotState::completed || to == SnapshotState::error ||
               to == SnapshotState::deleted;
    case SnapshotState::completed:
        return to == SnapshotState::deleted;
    case SnapshotState::error:
        return to == SnapshotState::deleted;
    case SnapshotState::deleted:
        return false;
    }
    return false;
}

constexpr bool can_become(VolumeState from, VolumeState to)
{
    switch (from) {
    case VolumeState::creating:
        return to == VolumeState::available || to == VolumeState::in_use ||
               to == VolumeState::error || to == VolumeState::deleting;
    case VolumeState::available:
        return to == VolumeState::in_use || to == VolumeState::deleting;
    case VolumeState::in_use:
        return to == VolumeState::available || to == VolumeState::deleting;
    case VolumeState::deleting:
        return to == VolumeState::deleted;
    case VolumeState::deleted:
        return false;
    case VolumeState::error:
        return to == VolumeState::deleting;
    }
    return false;
}

constexpr bool can_become(AttachmentState from, AttachmentState to)
{
    switch (from) {
    case AttachmentState::attaching:
        return to == AttachmentState::attached || to == AttachmentState::detaching ||
               to == AttachmentState::detached;
    case AttachmentState::attached:
        return to == AttachmentState::detaching || to == AttachmentState::detached;
    case AttachmentState::detaching:
        return to == AttachmentState::detached || to == AttachmentState::busy;
    case AttachmentState::busy:
        return to == AttachmentState::detached;
    case AttachmentState::detached:
        return false;
    }
    return false;
}

constexpr bool can_become(ModificationState from, ModificationState to)
{
    switch (from) {
    case ModificationState::modifying:
        return to == ModificationState::optimizing || to == ModificationState::completed ||
               to == ModificationState::failed;
    case ModificationState::optimizing:
        return to == ModificationState::completed || to == ModificationState::failed;
    case ModificationState::completed:
        return false;
    case ModificationState::failed:
        return false;
    }
    return false;
}

constexpr bool can_become(InstanceState from, InstanceState to)
{
    switch (from) {
    case InstanceState::pending:
        return to == InstanceState::running || to == InstanceState::stopping ||
               to == InstanceState::stopped || to == InstanceState::shutting_down ||
               to == InstanceState::terminated;
    case InstanceState::running:
        return to == InstanceState::stopping || to == InstanceState::stopped ||
               to == InstanceState::shutting_down || to == InstanceState::terminated;
    case InstanceState::stopping:
        return to == InstanceState::stopped || to == InstanceState::shutting_down;
    case InstanceState::stopped:
        return to == InstanceState::pending || to == InstanceState::shutting_down ||
               to == InstanceState::terminated;
    case InstanceState::shutting_down:
        return to == InstanceState::terminated;
    case InstanceState::terminated:
        return false;
    }
    return false;
}

/// EC2's word for a state ("shutting-down"), and back (Fault::invalid for another word).
std::string_view word(ImageState);
std::string_view word(SnapshotState);
std::string_view word(VolumeState);
std::string_view word(AttachmentState);
std::string_view word(ModificationState);
std::string_view word(InstanceState);
std::string_view word(TaskState);
std::string_view word(Lane);
std::string_view word(CapturePhase);
template <class State>
Result<State> parse_state(std::string_view text);

/// EC2's code of an instance state: 0, 16, 64, 80, 32, 48.
int code(InstanceState);

} // namespace karat
