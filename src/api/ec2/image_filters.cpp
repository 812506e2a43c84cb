// SPDX-License-Identifier: Apache-2.0
// Every filter that AWS documents for DescribeImages, and where the reply has its values.
#include "image_filters.hpp"

#include "karat/wire/ec2/images.hpp"

namespace karat::api::ec2 {
namespace {

using Img = wire::ec2::Image;
using ImgDevice = wire::ec2::BlockDeviceMapping;
using ImgDisk = wire::ec2::EbsBlockDevice;
using ImgMark = wire::ec2::ImageWatermark;

template <auto member>
constexpr auto of_disk = at<&Img::block_device_mappings, &ImgDevice::ebs, member>;
constexpr auto kNoImage = nothing<Img>;

constexpr FilterRule<Img> kImageRules[] = {
    {"block-device-mapping.delete-on-termination", of_disk<&ImgDisk::delete_on_termination>},
    {"block-device-mapping.device-name", at<&Img::block_device_mappings, &ImgDevice::device_name>},
    {"block-device-mapping.encrypted", of_disk<&ImgDisk::encrypted>},
    {"block-device-mapping.snapshot-id", of_disk<&ImgDisk::snapshot_id>},
    {"block-device-mapping.volume-size", of_disk<&ImgDisk::volume_size>},
    {"block-device-mapping.volume-type", of_disk<&ImgDisk::volume_type>},
    {"boot-mode", at<&Img::boot_mode>},
    {"creation-date", at<&Img::creation_date>},
    {"description", at<&Img::description>},
    {"ena-support", at<&Img::ena_support>},
    {"free-tier-eligible", at<&Img::free_tier_eligible>},
    {"hypervisor", at<&Img::hypervisor>},
    {"image-allowed", at<&Img::image_allowed>},
    {"image-id", at<&Img::image_id>},
    {"image-type", at<&Img::image_type>},
    {"image-watermark.source-image-creation-time",
     at<&Img::image_watermarks, &ImgMark::source_image_creation_time>},
    {"image-watermark.source-image-id", at<&Img::image_watermarks, &ImgMark::source_image_id>},
    {"image-watermark.source-image-region",
     at<&Img::image_watermarks, &ImgMark::source_image_region>},
    {"image-watermark.watermark-creation-time",
     at<&Img::image_watermarks, &ImgMark::watermark_creation_time>},
    {"image-watermark.watermark-key", at<&Img::image_watermarks, &ImgMark::watermark_key>},
    {"instance-type-specification.supported-instance-type", kNoImage},
    {"instance-type-specification.unsupported-instance-type", kNoImage},
    {"kernel-id", at<&Img::kernel_id>},
    {"manifest-location", at<&Img::image_location>},
    {"owner-alias", at<&Img::image_owner_alias>},
    {"platform", at<&Img::platform>},
    {"platform-details", at<&Img::platform_details>},
    {"product-code", at<&Img::product_codes, &wire::ec2::ProductCode::product_code_id>},
    {"product-code.type", at<&Img::product_codes, &wire::ec2::ProductCode::product_code_type>},
    {"public-ssm-parameter-name", at<&Img::public_ssm_parameter_name>},
    {"ramdisk-id", at<&Img::ramdisk_id>},
    {"root-device-name", at<&Img::root_device_name>},
    {"root-device-type", at<&Img::root_device_type>},
    {"scan-result.critical-fix-available-since", kNoImage},
    {"scan-result.finding-scan-date", kNoImage},
    {"scan-result.high-fix-available-since", kNoImage},
    {"scan-result.highest-finding-severity-label", kNoImage},
    {"scan-result.informational-fix-available-since", kNoImage},
    {"scan-result.low-fix-available-since", kNoImage},
    {"scan-result.medium-fix-available-since", kNoImage},
    {"source-image-id", at<&Img::source_image_id>},
    {"source-image-region", at<&Img::source_image_region>},
    {"source-instance-id", at<&Img::source_instance_id>},
    {"sriov-net-support", at<&Img::sriov_net_support>},
    {"state-reason-code", at<&Img::state_reason, &wire::ec2::StateReason::code>},
    {"state-reason-message", at<&Img::state_reason, &wire::ec2::StateReason::message>},
    {"usage-operation", at<&Img::usage_operation>},
    {"virtualization-type", at<&Img::virtualization_type>},
};

/// Those that clients look for images by.
constexpr FilterRule<SeenImage> kSeenRules[] = {
    {"architecture", [](SeenImage const& seen) { return Values{seen.image.architecture}; }},
    {"is-public",
     [](SeenImage const& seen) { return Values{seen.image.is_public ? "true" : "false"}; }},
    {"name", [](SeenImage const& seen) { return Values{seen.image.name}; }},
    {"owner-id", [](SeenImage const& seen) { return Values{seen.image.owner.text()}; }},
    {"state", [](SeenImage const& seen) { return Values{std::string(word(seen.image.state))}; }},
};

Values seen_tags(SeenImage const& seen, std::string_view canonical_name)
{
    return tag_values(canonical_name, seen.tags());
}

} // namespace

Listing<wire::ec2::Image, SeenImage> const& image_listing()
{
    static constexpr Listing<Img, SeenImage> listing{kImageRules, seen_tags, kSeenRules};
    return listing;
}

} // namespace karat::api::ec2
