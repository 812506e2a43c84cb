// SPDX-License-Identifier: Apache-2.0
// Limits of names and texts (EC2 API reference: ImageNameRequest, ImageDescriptionRequest, TagKey,
// TagValue), and who may see what.
#include "listing.hpp"
#include "state.hpp"

#include "karat/disk_is_full.hpp"
#include "karat/text.hpp"
#include "karat/utf8.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxDescription = 255;
constexpr std::size_t kMaxTags = 50;
constexpr std::size_t kMaxTagKey = 128;
constexpr std::size_t kMaxTagValue = 256;
constexpr std::size_t kMaxGroupText = 255;
constexpr std::size_t kMaxKeyPairName = 255;
constexpr std::size_t kMaxUserData = 16384;
constexpr std::string_view kReserved = "aws:";

bool is_letter_or_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool fits_image_name(char c)
{
    return is_letter_or_digit(c) ||
           std::string_view("()[] ./-'@_").find(c) != std::string_view::npos;
}

/// The first 32 code points, DEL, and U+0080 to U+009F.
bool has_control_characters(std::string_view text)
{
    while (!text.empty()) {
        auto const point = first_code_point(text);
        if (!point || point->value < 0x20 || (point->value >= 0x7f && point->value < 0xa0))
            return true;
        text.remove_prefix(point->length_bytes);
    }
    return false;
}

/// The beginning of a text that is refused, safe to show.
std::string shown_text(std::string_view text)
{
    std::string shown;
    for (char const c : text.substr(0, kQuoted))
        shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    while (!shown.empty() && !is_whole_utf8(shown))
        shown.pop_back(); // the cut may be within a character
    return shown;
}

} // namespace

Result<Account> account_of(catalog::View& view, Caller const& caller)
{
    auto account = TRY(view.account(caller.account));
    if (!account) // it signed the request
        return impossible_row(caller.account.text(), "it is not there");
    return std::move(*account);
}

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
    if (count_code_points(text) > kMaxDescription)
        return fail(Fault::invalid,
                    fmt::format("A description has at most {} characters", kMaxDescription));
    if (has_control_characters(text))
        return fail(Fault::invalid,
                    fmt::format("Value ({}) for parameter description is invalid. It may not "
                                "contain control characters",
                                shown_text(text)));
    return {};
}

Result<void> check_key_pair_name(std::string const& name)
{
    bool const printable = std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; });
    if (name.empty() || name.size() > kMaxKeyPairName || !printable || name.front() == ' ' ||
        name.back() == ' ')
        return Error{Fault::invalid, Noun::key_pair_name,
                     "A key pair's name has 1 to 255 ASCII characters, and does not begin or end "
                     "with a blank"};
    return {};
}

Result<void> check_group_text(std::string_view what, std::string const& text)
{
    constexpr std::string_view kMarks = " ._-:/()#,@[]+=&;{}!$*";
    bool const fits = std::ranges::all_of(text, [&](char c) {
        return is_letter_or_digit(c) || kMarks.find(c) != std::string_view::npos;
    });
    if (text.size() > kMaxGroupText || !fits)
        return fail(Fault::invalid,
                    fmt::format("Invalid {} '{}': it has at most {} characters from the set a-z, "
                                "A-Z, 0-9 and{}",
                                what, shown_text(text), kMaxGroupText, kMarks));
    return {};
}

Result<void> check_not_reserved(std::string const& tag_key)
{
    if (equal_in_any_case(std::string_view(tag_key).substr(0, kReserved.size()), kReserved))
        return Error{
            Fault::invalid, Noun::tag,
            fmt::format("Tag keys starting with 'aws:' are reserved: '{}'", shown_text(tag_key))};
    return {};
}

namespace {

Result<void> check_tag(std::string const& key, std::string const& value)
{
    auto const bad = [](std::string message) {
        return Error{Fault::invalid, Noun::tag, std::move(message)};
    };
    if (key.empty() || count_code_points(key) > kMaxTagKey)
        return bad(fmt::format("A tag key has 1 to {} characters", kMaxTagKey));
    TRY(check_not_reserved(key));
    if (count_code_points(value) > kMaxTagValue)
        return bad(fmt::format("The value of tag '{}' has more than {} characters", shown_text(key),
                               kMaxTagValue));
    if (has_control_characters(key) || has_control_characters(value))
        return bad(fmt::format("The tag '{}' contains control characters", shown_text(key)));
    return {};
}

} // namespace

Result<void> check_tag_count(Tags const& tags)
{
    if (tags.size() > kMaxTags)
        return Error{Fault::exhausted, Noun::tag,
                     fmt::format("A resource has at most {} tags", kMaxTags)};
    return {};
}

Result<void> check_tags(Tags const& tags)
{
    TRY(check_tag_count(tags));
    for (auto const& [key, value] : tags)
        TRY(check_tag(key, value));
    return {};
}

Result<void> check_boot_mode(std::string const& mode)
{
    if (!mode.empty() && mode != "legacy-bios" && mode != "uefi" && mode != "uefi-preferred")
        return fail(Fault::invalid,
                    fmt::format("The boot mode '{}' is not legacy-bios, uefi or uefi-preferred",
                                shown_text(mode)));
    return {};
}

Result<void> check_user_data(std::string const& bytes)
{
    if (bytes.size() > kMaxUserData)
        return Error{Fault::invalid, Noun::user_data,
                     fmt::format("User data is limited to {} bytes", kMaxUserData)};
    return {};
}

Result<void> check_root(catalog::View& view, Instance const& instance)
{
    auto const volumes = TRY(view.volumes_of(instance.id));
    bool const there = std::ranges::any_of(volumes, [&](Volume const& volume) {
        return volume.attachment->device_name == instance.root_device_name;
    });
    if (!there)
        return Error{Fault::wrong_state, Noun::instance,
                     fmt::format("Instance '{}' does not have a volume attached at root ({})",
                                 instance.id.text(), instance.root_device_name)};
    return {};
}

std::string message_for_caller(Error const& error)
{
    if (error.fault == Fault::io || error.fault == Fault::corrupt ||
        error.fault == Fault::unavailable)
        return "Internal error; the operator's log has the details";
    if (error.fault == Fault::full)
        return kDiskIsFull;
    return error.message;
}

Result<void> check_room(Engine::State& state, Noun noun)
{
    if (!state.parts.store.is_short_of_room())
        return {};
    return Error{Fault::full, noun, kDiskIsFull};
}

bool may_launch(Image const& image, AccountId const& account)
{
    return image.owner == account || image.is_public || image.launch_permissions.contains(account);
}

Error no_longer_available(ImageId const& id)
{
    return {Fault::wrong_state, Noun::image,
            fmt::format("The image id '[{}]' is no longer available", id.text())};
}

Result<Image> find_own_image(catalog::View& view, Caller const& caller, ImageId const& id)
{
    auto image = TRY(view.image(id));
    if (!image || image->region != caller.region || !may_launch(*image, caller.account))
        return not_found(id);
    if (image->state == ImageState::deregistered)
        return no_longer_available(id);
    if (image->owner != caller.account)
        return Error{
            Fault::denied, Noun::image,
            fmt::format("Not authorized for image {}: only its owner may change it", id.text())};
    return std::move(*image);
}

Result<Instance> find_own_instance(catalog::View& view, Caller const& caller, InstanceId const& id)
{
    return *TRY(find_own<Instance>(view, caller, id));
}

Result<Volume> find_own_volume(catalog::View& view, Caller const& caller, VolumeId const& id)
{
    auto const volume = TRY(find_own<Volume>(view, caller, id));
    if (!is_there(*volume))
        return not_found(id);
    return *volume;
}

Result<Snapshot> find_own_snapshot(catalog::View& view, Caller const& caller, SnapshotId const& id)
{
    auto const snapshot = TRY(find_own<Snapshot>(view, caller, id));
    if (snapshot->state == SnapshotState::deleted)
        return not_found(id);
    return *snapshot;
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
