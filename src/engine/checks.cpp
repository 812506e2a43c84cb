// SPDX-License-Identifier: Apache-2.0
// Limits of names and texts (EC2 API reference: ImageNameRequest, ImageDescriptionRequest, TagKey,
// TagValue), and who may see what.
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxDescription = 255;
constexpr std::size_t kMaxTags = 50;
constexpr std::size_t kMaxTagKey = 128;
constexpr std::size_t kMaxTagValue = 256;

bool fits_image_name(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("()[] ./-'@_").find(c) != std::string_view::npos;
}

/// Found, in the caller's region, and the caller's own; absent and foreign look alike.
template <class Thing, class ThingId>
Result<Thing> own(Result<std::optional<Thing>> found, Caller const& caller, ThingId const& id)
{
    auto thing = TRY(std::move(found));
    if (!thing || thing->region != caller.region || thing->owner != caller.account)
        return not_found(id);
    return std::move(*thing);
}

} // namespace

Result<void> check_image_name(std::string const& name)
{
    if (name.size() < 3 || name.size() > 128 ||
        !std::all_of(name.begin(), name.end(), fits_image_name))
        return Error{
            Fault::invalid, Noun::image_name,
            "AMI names must be between 3 and 128 characters long, and may contain letters, "
            "numbers, '(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'"};
    return {};
}

Result<void> check_description(std::string const& text)
{
    if (text.size() > kMaxDescription)
        return fail(Fault::invalid,
                    fmt::format("A description has at most {} characters", kMaxDescription));
    return {};
}

Result<void> check_tags(Tags const& tags)
{
    if (tags.size() > kMaxTags)
        return Error{Fault::exhausted, Noun::tag,
                     fmt::format("A resource has at most {} tags", kMaxTags)};
    for (auto const& [key, value] : tags) {
        if (key.empty() || key.size() > kMaxTagKey)
            return Error{Fault::invalid, Noun::tag,
                         fmt::format("A tag key has 1 to {} characters", kMaxTagKey)};
        if (key.starts_with("aws:"))
            return Error{Fault::invalid, Noun::tag,
                         fmt::format("Tag keys starting with 'aws:' are reserved: '{}'", key)};
        if (value.size() > kMaxTagValue)
            return Error{Fault::invalid, Noun::tag,
                         fmt::format("The value of tag '{}' has more than {} characters", key,
                                     kMaxTagValue)};
    }
    return {};
}

bool may_launch(Image const& image, AccountId const& account)
{
    return image.owner == account || image.is_public || image.launch_permissions.contains(account);
}

Result<Image> find_own_image(catalog::View& view, Caller const& caller, ImageId const& id)
{
    auto image = TRY(view.image(id));
    if (!image || image->region != caller.region || image->state == ImageState::deregistered ||
        !may_launch(*image, caller.account))
        return not_found(id);
    if (image->owner != caller.account)
        return Error{
            Fault::denied, Noun::image,
            fmt::format("Not authorized for image {}: only its owner may change it", id.text())};
    return std::move(*image);
}

Result<Instance> find_own_instance(catalog::View& view, Caller const& caller, InstanceId const& id)
{
    return own<Instance>(view.instance(id), caller, id);
}

Result<Volume> find_own_volume(catalog::View& view, Caller const& caller, VolumeId const& id)
{
    auto volume = TRY(own<Volume>(view.volume(id), caller, id));
    if (volume.state == VolumeState::deleted || volume.state == VolumeState::deleting)
        return not_found(id);
    return volume;
}

Result<Snapshot> find_own_snapshot(catalog::View& view, Caller const& caller, SnapshotId const& id)
{
    auto snapshot = TRY(own<Snapshot>(view.snapshot(id), caller, id));
    if (snapshot.state == SnapshotState::deleted)
        return not_found(id);
    return snapshot;
}

bool may_use(Snapshot const& snapshot, AccountId const& account)
{
    return snapshot.owner == account || snapshot.is_public ||
           snapshot.volume_permissions.contains(account);
}

Result<Snapshot> find_usable_snapshot(catalog::View& view, Caller const& caller,
                                      SnapshotId const& id)
{
    auto snapshot = TRY(view.snapshot(id));
    if (!snapshot || snapshot->region != caller.region ||
        snapshot->state == SnapshotState::deleted || !may_use(*snapshot, caller.account))
        return not_found(id);
    if (snapshot->state != SnapshotState::completed)
        return Error{Fault::wrong_state, Noun::snapshot,
                     fmt::format("The snapshot {} is {}; it can be used when it is completed",
                                 id.text(), word(snapshot->state))};
    return std::move(*snapshot);
}

} // namespace karat::engine
