// SPDX-License-Identifier: Apache-2.0
// ModifyVolume: a volume's size, type and speeds. A running guest sees the new size at once; a
// volume that is not in a running machine gets a larger, empty overlay on top of what it has.
#include "steps.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxChanges = 4; // within kWindow, as EC2 has it
constexpr std::chrono::hours kWindow{24};

struct Bounds {
    int least = 0;
    int most = 0; ///< 0: the type has no such number.
};
/// By type (EC2 API reference, EbsBlockDevice); sizes in GiB.
struct TypeLimits {
    std::string_view name;
    std::uint64_t least;
    std::uint64_t most;
    Bounds iops;
    Bounds throughput;
    int iops_per_gib = 0;    ///< At most so many; 0: no such bound.
    bool needs_iops = false; ///< There is no default.
};
constexpr std::array kTypeLimits{
    TypeLimits{"gp2", 1, 16384, {}, {}},
    TypeLimits{"gp3", 1, 65536, {3000, 80000}, {125, 2000}, 500},
    TypeLimits{"io1", 4, 16384, {100, 64000}, {}, 50, true},
    TypeLimits{"io2", 4, 65536, {100, 256000}, {}, 1000, true},
    TypeLimits{"st1", 125, 16384, {}, {}},
    TypeLimits{"sc1", 125, 16384, {}, {}},
    TypeLimits{"standard", 1, 1024, {}, {}},
};

TypeLimits const* find_limits(std::string const& type)
{
    auto const limits = std::find_if(kTypeLimits.begin(), kTypeLimits.end(),
                                     [&](TypeLimits const& one) { return one.name == type; });
    return limits == kTypeLimits.end() ? nullptr : &*limits;
}

Result<void> check_speed(std::string const& type, char const* what, std::optional<int> value,
                         Bounds bounds)
{
    if (!value)
        return {};
    if (bounds.most == 0)
        return Error{Fault::invalid, Noun::combination,
                     fmt::format("The parameter {} is not supported for {} volumes.", what, type)};
    if (*value < bounds.least || *value > bounds.most)
        return fail(Fault::invalid,
                    fmt::format("Volume {} of {} is invalid for volume type {}; it takes {} to {}",
                                what, *value, type, bounds.least, bounds.most));
    return {};
}

constexpr int kIopsPerMibps = 4; // of gp3: a quarter of a MiB/s for each

/// What bounds one number by another.
Result<void> check_ratios(VolumeShape const& shape, TypeLimits const& limits)
{
    auto const iops = shape.iops.value_or(limits.iops.least);
    auto const most = static_cast<std::uint64_t>(limits.iops_per_gib) * shape.size_gib;
    bool const more_than_default = iops > limits.iops.least;
    if (limits.iops_per_gib != 0 && more_than_default && static_cast<std::uint64_t>(iops) > most)
        return fail(Fault::invalid,
                    fmt::format("Iops to volume size ratio is too high: {} iops for {} GiB; "
                                "maximum is {} iops per GiB",
                                iops, shape.size_gib, limits.iops_per_gib));
    if (shape.throughput_mibps.value_or(0) * kIopsPerMibps > iops)
        return fail(Fault::invalid,
                    fmt::format("Throughput to iops ratio is too high: {} MiB/s for {} iops; "
                                "maximum is 0.25 MiB/s per iops",
                                *shape.throughput_mibps, iops));
    return {};
}

Result<void> check_modifiable(Engine::State& state, Volume& volume)
{
    if (volume.state != VolumeState::in_use && volume.state != VolumeState::available)
        return Error{
            Fault::wrong_state, Noun::none,
            fmt::format("Volume '{}' is in the '{}' state.", volume.id.text(), word(volume.state))};
    if (volume.modification && (volume.modification->state == ModificationState::modifying ||
                                volume.modification->state == ModificationState::optimizing))
        return Error{Fault::wrong_state, Noun::volume_modification,
                     fmt::format("The volume {} is being modified already: it is {}",
                                 volume.id.text(), word(volume.modification->state))};
    std::erase_if(volume.modified, [&](Time at) { return at + kWindow <= state.now(); });
    if (volume.modified.size() >= kMaxChanges)
        return Error{
            Fault::exhausted, Noun::volume_modification,
            fmt::format("The volume {} was modified {} times within 24 hours; wait for the "
                        "first of them to be a day old",
                        volume.id.text(), volume.modified.size())};
    return {};
}

Result<void> check_change(Volume const& volume, ShapeRequest const& request,
                          VolumeShape const& shape)
{
    if (!request.size_gib && !request.type && !request.iops && !request.throughput_mibps)
        return fail(Fault::missing, "The request must contain the parameter Size, VolumeType, Iops "
                                    "or Throughput");
    if (shape.size_gib < volume.size_gib)
        return fail(Fault::invalid, fmt::format("New size cannot be smaller than existing size: {} "
                                                "GiB is less than {} GiB",
                                                shape.size_gib, volume.size_gib));
    if (shape == shape_of(volume))
        return Error{
            Fault::invalid, Noun::combination,
            fmt::format("The volume {} has this size, type and speed already", volume.id.text())};
    return check_shape(shape);
}

/// Makes room for the new size; the catalog says it afterwards. Returns the overlay to add, or "".
Result<std::string> grow(Engine::State& state, Task const& task, Volume const& volume,
                         std::uint64_t size_bytes)
{
    auto& hypervisor = state.parts.hypervisor;
    if (volume.attachment) {
        auto const& instance = volume.attachment->instance;
        auto const power = TRY(hypervisor.power(instance));
        if (power == compute::Power::running) {
            TRY(hypervisor.grow_disk(instance, volume.id, size_bytes));
            return std::string();
        }
    }
    if (volume.layers.overlays.empty())
        return std::string(); // it gets its first overlay later, in its size of then
    auto name = fmt::format("{}.qcow2", task.id);
    TRY(state.parts.volumes.create_overlay(volume.id, name, size_bytes));
    return name;
}

Result<std::optional<Volume>> volume_being_modified(Engine::State& state, Task const& task)
{
    auto const work = TRY(work_of<ModifyVolumeWork>(task));
    auto volume =
        TRY(state.catalog().read([&](catalog::View& view) { return view.volume(work.volume); }));
    if (!volume || !volume->modification ||
        volume->modification->state != ModificationState::modifying)
        return std::optional<Volume>();
    return volume;
}

} // namespace

Result<void> check_shape(VolumeShape const& shape)
{
    auto const* const limits = find_limits(shape.type);
    if (limits == nullptr)
        return Error{Fault::invalid, Noun::volume_type,
                     fmt::format("Unknown volume type '{}'", shape.type)};
    if (shape.size_gib < limits->least || shape.size_gib > limits->most)
        return fail(Fault::invalid,
                    fmt::format("Volume of {}GiB is invalid for volume type {}; it takes {} to {}",
                                shape.size_gib, shape.type, limits->least, limits->most));
    if (limits->needs_iops && !shape.iops)
        return Error{
            Fault::invalid, Noun::combination,
            fmt::format("The parameter iops must be specified for {} volumes.", shape.type)};
    TRY(check_speed(shape.type, "iops", shape.iops, limits->iops));
    TRY(check_speed(shape.type, "throughput", shape.throughput_mibps, limits->throughput));
    return check_ratios(shape, *limits);
}

VolumeShape shape_of(Volume const& volume)
{
    return {volume.size_gib, volume.type, volume.iops, volume.throughput_mibps};
}

VolumeShape changed_shape(VolumeShape shape, ShapeRequest const& request)
{
    if (request.type && *request.type != shape.type) { // the speeds of one type are not another's
        shape.type = *request.type;
        shape.iops.reset();
        shape.throughput_mibps.reset();
    }
    shape.size_gib = request.size_gib.value_or(shape.size_gib);
    shape.iops = request.iops ? request.iops : shape.iops;
    shape.throughput_mibps =
        request.throughput_mibps ? request.throughput_mibps : shape.throughput_mibps;
    return shape;
}

void set_shape(Volume& volume, VolumeShape const& shape)
{
    volume.size_gib = shape.size_gib;
    volume.type = shape.type;
    volume.iops = shape.iops;
    volume.throughput_mibps = shape.throughput_mibps;
}

Result<Volume> Engine::modify_volume(Caller const& caller, VolumeId const& id,
                                     ShapeRequest const& request, bool dry_run)
{
    return change_for(
        *state_, caller, "ModifyVolume", [&](catalog::Change& change) -> Result<Volume> {
            auto volume = TRY(find_own_volume(change, caller, id));
            auto const shape = changed_shape(shape_of(volume), request);
            TRY(check_change(volume, request, shape));
            TRY(check_modifiable(*state_, volume));
            if (shape.size_gib > volume.size_gib)
                TRY(check_room(*state_, Noun::volume));
            TRY(rehearse(dry_run));
            volume.modification = VolumeModification{
                .original = shape_of(volume), .target = shape, .started = state_->now()};
            volume.modified.push_back(state_->now());
            TRY(change.save(volume));
            TRY(enqueue(*state_, change, ModifyVolumeWork{id, holder_of(volume)}));
            return volume;
        });
}

Result<Next> step_modify_volume(Engine::State& state, Task& task)
{
    auto const found = TRY(volume_being_modified(state, task));
    if (!found)
        return finished();
    auto const& target = found->modification->target;
    std::string overlay;
    if (target.size_gib > found->size_gib)
        overlay = TRY(grow(state, task, *found, target.size_gib * kGiB));
    auto const next = TRY(finish(state, task, [&](catalog::Change& change) -> Result<void> {
        auto volume = TRY(change.volume(found->id));
        if (!volume)
            return {};
        set_shape(*volume, target);
        if (!overlay.empty())
            volume->layers.overlays.push_back(overlay);
        if (!volume->modification ||
            !can_become(volume->modification->state, ModificationState::completed))
            return impossible_row(volume->id.text(), "it is not being modified");
        volume->modification->state = ModificationState::completed;
        volume->modification->ended = state.now();
        TRY(change.save(*volume));
        return enqueue_merge(state, change, *volume, {});
    }));
    log(Level::info, "volume.modified",
        {{"volume", found->id.text()},
         {"size_gib", target.size_gib},
         {"type", target.type},
         {"request", task.request}});
    return next;
}

Result<void> give_up_modify_volume(Engine::State& state, Task const& task, Error const& error)
{
    auto const found = TRY(volume_being_modified(state, task));
    return fail_task(state, task, error, [&](catalog::Change& change) -> Result<void> {
        auto volume = found ? TRY(change.volume(found->id)) : std::nullopt;
        if (!volume)
            return {};
        volume->modification->state = ModificationState::failed;
        volume->modification->message = message_for_caller(error);
        volume->modification->ended = state.now();
        return change.save(*volume);
    });
}

} // namespace karat::engine
