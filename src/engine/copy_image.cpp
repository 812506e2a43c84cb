// SPDX-License-Identifier: Apache-2.0
// CopyImage: an image over copies of another one's snapshots, which tasks fill
// (share_snapshot.cpp).
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

Result<Image> find_source(catalog::View& view, Caller const& caller, CopyImage const& request)
{
    auto image = TRY(view.image(request.source));
    if (!image || image->region != request.source_region || !may_launch(*image, caller.account))
        return not_found(request.source);
    if (image->state == ImageState::deregistered)
        return no_longer_available(request.source);
    if (image->state != ImageState::available)
        return Error{Fault::wrong_state, Noun::image,
                     fmt::format("The image {} is {}; it can be copied when it is available",
                                 image->id.text(), word(image->state))};
    return std::move(*image);
}

/// What the copy does not share with its source.
Result<Image> copy_of(Engine::State& state, Caller const& caller, Image const& source,
                      CopyImage const& request)
{
    auto copy = source;
    copy.id = ImageId::generate(state.env().chance);
    copy.owner = caller.account;
    copy.region = caller.region;
    copy.name = request.name;
    copy.description = request.description;
    copy.state = ImageState::pending;
    copy.created = state.now();
    copy.is_public = false;
    copy.launch_permissions.clear();
    copy.source_instance.reset();
    copy.source_image = source.id;
    copy.source_image_region = source.region;
    copy.ssm_parameter.clear();
    copy.tags = request.image_tags;
    if (request.copy_tags && source.owner == caller.account)
        copy.tags.insert(source.tags.begin(), source.tags.end());
    TRY(check_tag_count(copy.tags));
    return copy;
}

} // namespace

Result<Image> Engine::copy_image(Caller const& caller, CopyImage const& request)
{
    TRY(check_image_name(request.name));
    TRY(check_description(request.description));
    TRY(check_tags(request.image_tags));
    TRY(check_tags(request.snapshot_tags));
    TRY(check_region(request.source_region));
    Idempotency const call{"CopyImage", request.client_token, request.fingerprint};
    auto const work = [&](catalog::Change& change) -> Result<Image> {
        if (auto const before = TRY(repeated(change, caller, call))) {
            auto const id = TRY(ImageId::parse(before->front()));
            return find_own_image(change, caller, id);
        }
        auto const source = TRY(find_source(change, caller, request));
        auto copy = TRY(copy_of(*state_, caller, source, request));
        Caller const there{caller.account, source.region};
        for (auto& device : copy.devices) {
            if (!device.snapshot)
                continue;
            auto const disk = TRY(find_usable_snapshot(change, there, *device.snapshot));
            CopySnapshot const wanted{.source = disk.id,
                                      .source_region = source.region,
                                      .description =
                                          fmt::format("Copied for {} from {}, {}", copy.id.text(),
                                                      source.id.text(), disk.id.text()),
                                      .encryption = request.encryption,
                                      .tags = request.snapshot_tags};
            auto const made = TRY(begin_copy(*state_, change, caller, disk, wanted, copy.id));
            device.snapshot = made.id;
            device.encrypted = !made.kms_key.empty();
        }
        TRY(change.save(copy));
        TRY(remember(*state_, change, caller, call, {copy.id.text()}));
        return copy;
    };
    return change_for(*state_, caller, "CopyImage", work);
}

} // namespace karat::engine
