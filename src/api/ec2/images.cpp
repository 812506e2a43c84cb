// SPDX-License-Identifier: Apache-2.0
// Images: create, register, describe, change, deregister.
#include "devices.hpp"
#include "handlers.hpp"

#include "common.hpp"
#include "image_filters.hpp"

#include "karat/wire/ec2/images.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

std::optional<std::string> unless_empty(std::string const& text)
{
    return text.empty() ? std::nullopt : std::optional(text);
}

wire::ec2::Image wire_image(SeenImage const& seen, std::string const& owner_alias)
{
    auto const& image = seen.image;
    wire::ec2::Image reply;
    reply.image_id = image.id.text();
    reply.image_location = image.owner.text() + "/" + image.name;
    reply.name = image.name;
    reply.description = unless_empty(image.description);
    reply.state = std::string(word(image.state));
    if (!image.state_reason.code.empty())
        reply.state_reason =
            wire::ec2::StateReason{image.state_reason.code, image.state_reason.message};
    reply.owner_id = image.owner.text();
    reply.image_owner_alias = unless_empty(owner_alias);
    reply.creation_date = format_time(whole_seconds(image.created));
    reply.public_ = image.is_public;
    reply.architecture = image.architecture;
    reply.block_device_mappings = wire_devices(image.devices);
    reply.root_device_name = image.root_device_name;
    reply.virtualization_type = image.virtualization;
    reply.ena_support = image.ena_support;
    reply.sriov_net_support = unless_empty(image.sriov_net_support);
    reply.boot_mode = unless_empty(image.boot_mode);
    reply.tpm_support = unless_empty(image.tpm_support);
    reply.imds_support = unless_empty(image.imds_support);
    reply.public_ssm_parameter_name = unless_empty(image.ssm_parameter);
    if (image.source_instance)
        reply.source_instance_id = image.source_instance->text();
    if (image.source_image) {
        reply.source_image_id = image.source_image->text();
        reply.source_image_region = unless_empty(image.source_image_region);
    }
    if (seen.is_own)
        reply.deregistration_protection = "disabled";
    reply.tags = wire_tags(seen.tags());
    return reply;
}

/// EC2's word for what became of a snapshot.
std::string return_code(engine::SnapshotDeletion const& deletion)
{
    if (!deletion.fault)
        return "success";
    if (*deletion.fault == Fault::in_use) // by another image
        return "skipped";
    if (*deletion.fault == Fault::not_found) // the owner of an image need not own its snapshots
        return "missing-permissions";
    return "internal-error";
}

/// The aliases of owners, each looked up once.
class Aliases {
public:
    explicit Aliases(engine::Engine& engine)
        : engine_(engine)
    {
    }
    Result<std::string> of(AccountId const& owner)
    {
        auto const [alias, fresh] = known_.try_emplace(owner);
        if (fresh)
            alias->second = TRY(engine_.owner_alias(owner));
        return alias->second;
    }

private:
    engine::Engine& engine_;
    std::map<AccountId, std::string> known_;
};

} // namespace

Result<wire::ec2::DescribeImagesResult>
describe_images(Desk const& desk, wire::ec2::DescribeImagesRequest const& request)
{
    auto describe = TRY((Describe<wire::ec2::Image, SeenImage>::begin(desk, "DescribeImages",
                                                                      request, image_listing())));
    auto const ids = TRY(parse_ids<ImageId>(request.image_ids));
    engine::ImageSelection const selection{.ids = ids,
                                           .owners = request.owners,
                                           .executable_by = request.executable_users,
                                           .narrowing = describe.narrowing()};
    bool const disabled_too = request.include_disabled.value_or(false) || !selection.ids.empty();
    Aliases aliases(desk.engine);
    TRY(desk.engine.images(
        desk.caller, selection, [&](catalog::Ref<Image> const& image) -> Result<bool> {
            if (image->state == ImageState::disabled && !disabled_too)
                return true;
            SeenImage const seen{*image, image->owner == desk.caller.account};
            return describe.offer({.number = image.number()}, seen,
                                  [&]() -> Result<wire::ec2::Image> {
                                      return wire_image(seen, TRY(aliases.of(image->owner)));
                                  });
        }));
    wire::ec2::DescribeImagesResult result;
    result.images = describe.take(result.next_token);
    return result;
}

Result<wire::ec2::CreateImageResult> create_image(Desk const& desk,
                                                  wire::ec2::CreateImageRequest const& request)
{
    auto const instance = TRY(InstanceId::parse(request.instance_id));
    engine::CreateImage create{.instance = instance,
                               .name = request.name,
                               .description = request.description.value_or(""),
                               .no_reboot = request.no_reboot.value_or(false),
                               .devices = {},
                               .image_tags = {},
                               .snapshot_tags = {},
                               .dry_run = request.dry_run};
    create.devices = TRY(device_requests(request.block_device_mappings));
    create.boot_mode = request.boot_mode_override.value_or("");
    auto tags = TRY(tag_sets(request.tag_specifications, {"image", "snapshot"}));
    create.image_tags = std::move(tags.at("image"));
    create.snapshot_tags = std::move(tags.at("snapshot"));
    auto const image = TRY(desk.engine.create_image(desk.caller, create));
    return wire::ec2::CreateImageResult{.image_id = image.id.text()};
}

Result<wire::ec2::RegisterImageResult>
register_image(Desk const& desk, wire::ec2::RegisterImageRequest const& request)
{
    engine::RegisterImage registration{.name = request.name,
                                       .description = request.description.value_or(""),
                                       .architecture = request.architecture.value_or("x86_64"),
                                       .root_device_name = request.root_device_name.value_or("")};
    registration.devices = TRY(device_requests(request.block_device_mappings));
    registration.virtualization = request.virtualization_type.value_or(registration.virtualization);
    registration.boot_mode = request.boot_mode.value_or("");
    registration.imds_support = request.imds_support.value_or("");
    registration.ena_support = request.ena_support.value_or(false);
    registration.sriov_net_support = request.sriov_net_support.value_or("");
    registration.image_tags = TRY(tags_for(request.tag_specifications, "image"));
    registration.dry_run = request.dry_run;
    auto const image = TRY(desk.engine.register_image(desk.caller, registration));
    return wire::ec2::RegisterImageResult{.image_id = image.id.text()};
}

Result<wire::ec2::CopyImageResult> copy_image(Desk const& desk,
                                              wire::ec2::CopyImageRequest const& request)
{
    auto const source = TRY(ImageId::parse(request.source_image_id));
    auto tags = TRY(tag_sets(request.tag_specifications, {"image", "snapshot"}));
    auto const image = TRY(desk.engine.copy_image(
        desk.caller, {.source = source,
                      .source_region = request.source_region,
                      .name = request.name,
                      .description = request.description.value_or(""),
                      .encryption = {request.encrypted, request.kms_key_id.value_or("")},
                      .copy_tags = request.copy_image_tags.value_or(false),
                      .image_tags = std::move(tags.at("image")),
                      .snapshot_tags = std::move(tags.at("snapshot")),
                      .client_token = request.client_token.value_or(""),
                      .fingerprint = fingerprint(request)}));
    return wire::ec2::CopyImageResult{.image_id = image.id.text()};
}

Result<wire::ec2::DeregisterImageResult>
deregister_image(Desk const& desk, wire::ec2::DeregisterImageRequest const& request)
{
    auto const id = TRY(ImageId::parse(request.image_id));
    bool const snapshots = request.delete_associated_snapshots.value_or(false);
    auto const deletions =
        TRY(desk.engine.deregister_image(desk.caller, id, snapshots, request.dry_run));
    wire::ec2::DeregisterImageResult result;
    for (auto const& one : deletions)
        result.delete_snapshot_results.push_back(
            {.snapshot_id = one.snapshot.text(), .return_code = return_code(one)});
    return result;
}

} // namespace karat::api::ec2
