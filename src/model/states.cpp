// SPDX-License-Identifier: Apache-2.0
#include "karat/states.hpp"

#include <array>
#include <fmt/format.h>

namespace karat {
namespace {

// The words in the order of the enumerators.
constexpr std::array<std::string_view, 5> kImage{"pending", "available", "failed", "disabled",
                                                 "deregistered"};
constexpr std::array<std::string_view, 4> kSnapshot{"pending", "completed", "error", "deleted"};
constexpr std::array<std::string_view, 6> kVolume{"creating", "available", "in-use",
                                                  "deleting", "deleted",   "error"};
constexpr std::array<std::string_view, 5> kAttachment{"attaching", "attached", "detaching",
                                                      "detached", "busy"};
constexpr std::array<std::string_view, 4> kModification{"modifying", "optimizing", "completed",
                                                        "failed"};
constexpr std::array<std::string_view, 6> kInstance{"pending", "running",       "stopping",
                                                    "stopped", "shutting-down", "terminated"};
constexpr std::array<std::string_view, 4> kTask{"queued", "running", "done", "failed"};
constexpr std::array<std::string_view, 2> kLane{"machines", "bulk"};
constexpr std::array<std::string_view, 4> kCapture{"quiesce", "freeze", "store", "settle"};

template <class State, std::size_t count>
Result<State> find(std::array<std::string_view, count> const& words, std::string_view text)
{
    for (std::size_t i = 0; i < count; ++i)
        if (words[i] == text)
            return static_cast<State>(i);
    return fail(Fault::invalid, fmt::format("'{}' is not a state", text));
}

} // namespace

std::string_view word(ImageState state) { return kImage[static_cast<std::size_t>(state)]; }
std::string_view word(SnapshotState state) { return kSnapshot[static_cast<std::size_t>(state)]; }
std::string_view word(VolumeState state) { return kVolume[static_cast<std::size_t>(state)]; }
std::string_view word(AttachmentState state)
{
    return kAttachment[static_cast<std::size_t>(state)];
}
std::string_view word(ModificationState state)
{
    return kModification[static_cast<std::size_t>(state)];
}
std::string_view word(InstanceState state) { return kInstance[static_cast<std::size_t>(state)]; }
std::string_view word(TaskState state) { return kTask[static_cast<std::size_t>(state)]; }
std::string_view word(Lane lane) { return kLane[static_cast<std::size_t>(lane)]; }
std::string_view word(CapturePhase phase) { return kCapture[static_cast<std::size_t>(phase)]; }

template <>
Result<ImageState> parse_state(std::string_view text)
{
    return find<ImageState>(kImage, text);
}
template <>
Result<SnapshotState> parse_state(std::string_view text)
{
    return find<SnapshotState>(kSnapshot, text);
}
template <>
Result<VolumeState> parse_state(std::string_view text)
{
    return find<VolumeState>(kVolume, text);
}
template <>
Result<AttachmentState> parse_state(std::string_view text)
{
    return find<AttachmentState>(kAttachment, text);
}
template <>
Result<ModificationState> parse_state(std::string_view text)
{
    return find<ModificationState>(kModification, text);
}
template <>
Result<InstanceState> parse_state(std::string_view text)
{
    return find<InstanceState>(kInstance, text);
}
template <>
Result<TaskState> parse_state(std::string_view text)
{
    return find<TaskState>(kTask, text);
}
template <>
Result<Lane> parse_state(std::string_view text)
{
    return find<Lane>(kLane, text);
}
template <>
Result<CapturePhase> parse_state(std::string_view text)
{
    return find<CapturePhase>(kCapture, text);
}

int code(InstanceState state)
{
    switch (state) {
    case InstanceState::pending:
        return 0;
    case InstanceState::running:
        return 16;
    case InstanceState::shutting_down:
        return 32;
    case InstanceState::terminated:
        return 48;
    case InstanceState::stopping:
        return 64;
    case InstanceState::stopped:
        return 80;
    }
    return -1;
}

} // namespace karat
