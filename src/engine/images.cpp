// SPDX-License-Identifier: Apache-2.0
// Images: register, describe, change, deregister.
#include "devices.hpp"
#include "listing.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace karat::engine {
namespace {

/// So long a deregistered image is left out of what is asked for by its id; then the id is unknown.
/// As long as a terminated instance is shown.
constexpr auto kRemembered = std::chrono::hours(1);

bool is_long_gone(Image const& image, Time now)
{
    return image.state == ImageState::deregistered &&
           (!image.deregistered || now - *image.deregistered >= kRemembered);
}

/// The root device of a request: the one that root_device_name names, or the first with a snapshot.
Result<std::string> root_device(RegisterImage const& request)
{
    if (request.devices.empty())
        return Error{Fault::missing, Noun::none,
                     "The request must contain the parameter BlockDeviceMapping: the snapshot of "
                     "the root volume"};
    for (auto const& device : request.devices)
        if (device.device_name == request.root_device_name && device.snapshot)
            return request.root_device_name;
    if (request.root_device_name.empty() && request.devices.front().snapshot)
        return request.devices.front().device_name;
    return Error{Fault::invalid, Noun::block_device,
                 fmt::format("No block device mapping with a snapshot for the root device '{}'",
                             request.root_device_name)};
}

Result<std::vector<BlockDevice>> image_devices(catalog::View& view, Caller const& caller,
                                               std::vector<DeviceRequest> const& asked,
                                               std::string const& root)
{
    std::vector<BlockDevice> devices;
    Layout const layout{Base::nothing, root, "standard"}; // RegisterImage's own default
    for (auto const& one : asked)
        TRY(lay_over(view, caller, layout, devices, one));
    TRY(check_disk_count(devices));
    return devices;
}

/// The images with these ids that a listing shows: none for one that was just deregistered.
Result<catalog::Refs<Image>> images_with_ids(catalog::View& view, Caller const& caller,
                                             std::vector<ImageId> const& ids, Time now)
{
    catalog::Refs<Image> found;
    for (auto const& id : ids) {
        auto const image = TRY(view.find<Image>(id));
        if (!image || image->region != caller.region || !may_launch(*image, caller.account) ||
            is_long_gone(*image, now))
            return not_found(id);
        if (image->state != ImageState::deregistered)
            found.push_back(image);
    }
    return found;
}

bool executable_by_any(Image const& image, Caller const& caller,
                       std::vector<std::string> const& who)
{
    if (who.empty())
        return true;
    return std::any_of(who.begin(), who.end(), [&](std::string const& one) {
        if (one == "all")
            return image.is_public;
        auto const wanted = one == "self" ? caller.account.text() : one;
        return std::any_of(image.launch_permissions.begin(), image.launch_permissions.end(),
                           [&](AccountId const& account) { return account.text() == wanted; });
    });
}

/// Whether the disks of an image may be shared as is asked.
Result<void> check_devices(Engine::State& state, catalog::View& view, Image const& image,
                           Engine::LaunchPermissionChange const& permissions)
{
    bool const with_everybody = permissions.everyone.value_or(false);
    if (!with_everybody && permissions.add.empty())
        return {};
    for (auto const& device : image.devices) {
        auto const snapshot =
            device.snapshot ? TRY(view.snapshot(*device.snapshot)) : std::optional<Snapshot>();
        if (snapshot)
            TRY(check_sharing(state, *snapshot, with_everybody));
    }
    return {};
}

} // namespace

Result<Image> Engine::register_image(Caller const& caller, RegisterImage const& request)
{
    TRY(check_image_name(request.name));
    TRY(check_description(request.description));
    TRY(check_tags(request.image_tags));
    if (request.architecture != "x86_64")
        return fail(Fault::unsupported,
                    fmt::format("The architecture '{}' does not run here; x86_64 does",
                                request.architecture));
    TRY(check_boot_mode(request.boot_mode));
    TRY(check_mappings(request.devices));
    auto const root = TRY(root_device(request));
    return change_for(*state_, caller, "RegisterImage",
                      [&](catalog::Change& change) -> Result<Image> {
                          Image image{.id = ImageId::generate(state_->env().chance),
                                      .owner = caller.account,
                                      .region = caller.region,
                                      .name = request.name,
                                      .description = request.description,
                                      .state = ImageState::available,
                                      .created = state_->now(),
                                      .architecture = request.architecture,
                                      .root_device_name = root};
                          image.devices = TRY(image_devices(change, caller, request.devices, root));
                          image.virtualization = request.virtualization;
                          image.boot_mode = request.boot_mode;
                          image.imds_support = request.imds_support;
                          image.ena_support = request.ena_support;
                          image.sriov_net_support = request.sriov_net_support;
                          image.tags = request.image_tags;
                          TRY(rehearse(request.dry_run));
                          TRY(change.save(image));
                          return image;
                      });
}

Result<void> Engine::images(Caller const& caller, ImageSelection const& selection,
                            Visit<Image> const& visit)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<void> {
        auto const owners = TRY(owners_of(view, caller, selection.owners));
        auto const visit_if_seen = [&](catalog::Ref<Image> const& image) -> Result<bool> {
            bool const seen = may_launch(*image, caller.account) &&
                              (!owners || owners->contains(image->owner)) &&
                              executable_by_any(*image, caller, selection.executable_by);
            return seen ? visit(image) : true;
        };
        auto const& narrowing = selection.narrowing;
        if (!selection.ids.empty())
            return visit_found<Image>(
                TRY(images_with_ids(view, caller, selection.ids, state_->now())), narrowing.after,
                visit_if_seen);
        catalog::PassOverDamaged const passing(view, caller.account);
        return view.walk<Image>(visible_things(caller, owners, narrowing), narrowing.after,
                                visit_if_seen);
    });
}

Result<Image> Engine::own_image(Caller const& caller, ImageId const& id)
{
    return state_->catalog().read(
        [&](catalog::View& view) { return find_own_image(view, caller, id); });
}

Result<void> Engine::change_image(Caller const& caller, ImageId const& id,
                                  ImageChange const& wanted, bool dry_run)
{
    if (wanted.description)
        TRY(check_description(*wanted.description));
    auto const& permissions = wanted.permissions;
    return change_for(*state_, caller, "ModifyImageAttribute",
                      [&](catalog::Change& change) -> Result<void> {
                          auto image = TRY(find_own_image(change, caller, id));
                          image.description = wanted.description.value_or(image.description);
                          image.imds_support = wanted.imds_support.value_or(image.imds_support);
                          for (auto const& account : permissions.remove)
                              image.launch_permissions.erase(account);
                          for (auto const& account : permissions.add)
                              image.launch_permissions.insert(account);
                          image.is_public = permissions.everyone.value_or(image.is_public);
                          TRY(check_devices(*state_, change, image, permissions));
                          TRY(rehearse(dry_run));
                          return change.save(image);
                      });
}

namespace {

/// Deletes the snapshots of an image that was deregistered by the same change. One that another
/// image has stays, as EC2 leaves it, and so does another account's.
Result<std::vector<SnapshotDeletion>> drop_snapshots_of(Engine::State& state,
                                                        catalog::Change& change,
                                                        Caller const& caller, Image const& image)
{
    std::vector<SnapshotDeletion> deletions;
    for (auto const& device : image.devices) {
        if (!device.snapshot)
            continue;
        auto const outcome = drop_snapshot(state, change, caller, *device.snapshot);
        auto const fault = outcome.ok() ? std::optional<Fault>() : outcome.error().fault;
        bool const stays = fault == Fault::in_use || fault == Fault::not_found;
        if (fault && !stays)
            return outcome.error();
        deletions.push_back({*device.snapshot, fault});
    }
    return deletions;
}

} // namespace

Result<std::vector<SnapshotDeletion>> Engine::deregister_image(Caller const& caller,
                                                               ImageId const& id,
                                                               bool delete_snapshots, bool dry_run)
{
    return change_for(
        *state_, caller, "DeregisterImage",
        [&](catalog::Change& change) -> Result<std::vector<SnapshotDeletion>> {
            auto image = TRY(find_own_image(change, caller, id));
            TRY(become(image, ImageState::deregistered));
            image.deregistered = state_->now();
            TRY(rehearse(dry_run));
            if (!image.ssm_parameter.empty())
                TRY(change.remove_parameter({caller.region, caller.account}, image.ssm_parameter));
            TRY(change.save(image));
            if (!delete_snapshots)
                return std::vector<SnapshotDeletion>();
            return drop_snapshots_of(*state_, change, caller, image);
        });
}

Result<void> settle_image(catalog::Change& change, std::optional<ImageId> const& id,
                          std::optional<std::string> const& failure)
{
    auto image = id ? TRY(change.image(*id)) : std::nullopt;
    if (!image || image->state != ImageState::pending)
        return {};
    if (failure) {
        TRY(become(*image, ImageState::failed));
        image->state_reason = {"Server.InternalError", *failure};
        return change.save(*image);
    }
    for (auto const& device : image->devices) {
        auto const disk = device.snapshot ? TRY(change.snapshot(*device.snapshot)) : std::nullopt;
        if (disk && disk->state != SnapshotState::completed)
            return {};
    }
    TRY(become(*image, ImageState::available));
    return change.save(*image);
}

} // namespace karat::engine
