// SPDX-License-Identifier: Apache-2.0
#include "complaint_for_test.hpp"

#include "karat/wire/ec2.hpp"

#include <gtest/gtest.h>

namespace karat::wire {
namespace {

using Texts = std::vector<std::string>;

std::string run_instances_complaint(std::string const& parameter, std::string const& value)
{
    return complaint(ec2::read_run_instances_request(
        {{"MaxCount", "1"}, {"MinCount", "1"}, {parameter, value}}));
}

TEST(ParamsReader, FillsARunInstancesRequest)
{
    auto const read = ec2::read_run_instances_request({
        {"Action", "RunInstances"},
        {"BlockDeviceMapping.1.DeviceName", "/dev/xvda"},
        {"BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"},
        {"BlockDeviceMapping.1.Ebs.VolumeSize", "8"},
        {"DryRun", "true"},
        {"ImageId", "ami-1"},
        {"MaxCount", "2"},
        {"MinCount", "1"},
        {"TagSpecification.1.ResourceType", "instance"},
        {"TagSpecification.1.Tag.1.Key", "Name"},
        {"TagSpecification.1.Tag.1.Value", "web"},
        {"UserData", "IyEvYmluL3No"},
        {"Version", "2016-11-15"},
        {"X-Amz-Signature", "0"},
    });
    ASSERT_EQ(complaint(read), "none");
    auto const& request = read.value();
    EXPECT_TRUE(request.dry_run);
    EXPECT_EQ(request.image_id, "ami-1");
    EXPECT_EQ(request.max_count, 2);
    EXPECT_EQ(request.user_data, "#!/bin/sh");
    EXPECT_EQ(request.key_name, std::nullopt);
    ASSERT_EQ(request.block_device_mappings.size(), 1U);
    EXPECT_EQ(request.block_device_mappings[0].ebs->volume_size, 8);
    EXPECT_EQ(request.block_device_mappings[0].ebs->delete_on_termination, true);
    ASSERT_EQ(request.tag_specifications.size(), 1U);
    EXPECT_EQ(request.tag_specifications[0].tags[0].value, "web");
}

TEST(ParamsReader, RefusesByNameWhatIsNotOffered)
{
    EXPECT_EQ(run_instances_complaint("KernelId", "aki-1"),
              "unsupported: KernelId is not offered here; leave it out");
    EXPECT_EQ(run_instances_complaint("KernelId", ""), "none");
    EXPECT_EQ(run_instances_complaint("InstanceMarketOptions.SpotOptions.ValidUntil",
                                      "2026-01-02T03:04:05Z"),
              "unsupported: InstanceMarketOptions is not offered here; leave it out");
    EXPECT_EQ(run_instances_complaint("Placement.Tenancy", "host"),
              "unsupported: Placement.Tenancy=host is not offered here; leave it out");
    EXPECT_EQ(run_instances_complaint("Placement.Tenancy", "default"), "none");
    EXPECT_EQ(run_instances_complaint("NetworkInterface.4.InterfaceType", "efa"),
              "unsupported: NetworkInterface.InterfaceType=efa is not offered here; leave it out");
    EXPECT_EQ(complaint(ec2::read_register_image_request({{"Name", "n"}, {"KernelId", "aki-1"}})),
              "unsupported: KernelId is not offered here; images boot from their own disk");
}

TEST(ParamsReader, TakesListsWithGapsInAnyOrderByNumber)
{
    auto const read = ec2::read_describe_images_request({{"ImageId.10", "ten"},
                                                         {"ImageId.2", "two"},
                                                         {"ImageId.18446744073709551615", "last"},
                                                         {"Filter.7.Value.9", "b"},
                                                         {"Filter.7.Value.3", "a"},
                                                         {"Filter.7.Name", "name"}});
    ASSERT_EQ(complaint(read), "none");
    EXPECT_EQ(read.value().image_ids, (Texts{"two", "ten", "last"}));
    ASSERT_EQ(read.value().filters.size(), 1U);
    EXPECT_EQ(read.value().filters[0].name, "name");
    EXPECT_EQ(read.value().filters[0].values, (Texts{"a", "b"}));
}

TEST(ParamsReader, TakesMemoryByWhatWasSent)
{
    auto const read = ec2::read_describe_images_request({{"ImageId.4000000000", "ami-1"}});
    ASSERT_EQ(complaint(read), "none");
    EXPECT_LE(read.value().image_ids.capacity(), 1U);
}

TEST(ParamsReader, NamesAnUnknownParameter)
{
    EXPECT_EQ(run_instances_complaint("Imageid", "x"),
              "unknown: The parameter Imageid is not recognized");
    EXPECT_EQ(run_instances_complaint("Placement.Zone", "x"),
              "unknown: The parameter Placement.Zone is not recognized");
    EXPECT_EQ(run_instances_complaint("ImageId.1", "x"),
              "unknown: The parameter ImageId.1 is not recognized");
    EXPECT_EQ(run_instances_complaint("SecurityGroupId.x", "x"),
              "unknown: The parameter SecurityGroupId.x is not recognized");
    EXPECT_EQ(run_instances_complaint("SecurityGroupId.99999999999999999999", "x"),
              "unknown: The parameter SecurityGroupId.99999999999999999999 is not recognized");
    EXPECT_EQ(run_instances_complaint("SecurityGroupId.member.1", "x"),
              "unknown: The parameter SecurityGroupId.member.1 is not recognized");
    for (auto const* parameter : {"", ".", "Placement.", "Placement..", "SecurityGroupId.",
                                  "SecurityGroupId.1.", "SecurityGroupId", "Placement"})
        EXPECT_TRUE(run_instances_complaint(parameter, "x").starts_with("unknown: ")) << parameter;
}

TEST(ParamsReader, NamesAMissingParameter)
{
    EXPECT_EQ(complaint(ec2::read_run_instances_request({{"MinCount", "1"}})),
              "missing: The request must contain the parameter MaxCount");
    EXPECT_EQ(complaint(ec2::read_create_tags_request({})),
              "missing: The request must contain the parameter ResourceId");
    EXPECT_EQ(complaint(ec2::read_deregister_image_request({{"ImageId", ""}})),
              "missing: The request must contain the parameter ImageId");
    EXPECT_EQ(run_instances_complaint("Monitoring.MetricCategoryId.1", "x"),
              "missing: The request must contain the parameter Monitoring.Enabled");
}

TEST(ParamsReader, NamesABadValue)
{
    EXPECT_EQ(run_instances_complaint("Ipv6AddressCount", "1.5"),
              "invalid: Value (1.5) for parameter Ipv6AddressCount is invalid. It must be an "
              "integer");
    EXPECT_EQ(run_instances_complaint("Ipv6AddressCount", "4294967296"),
              "invalid: Value (4294967296) for parameter Ipv6AddressCount is invalid. It must be "
              "an integer");
    EXPECT_EQ(run_instances_complaint("EbsOptimized", "yes"),
              "invalid: Value (yes) for parameter EbsOptimized is invalid. It must be true or "
              "false");
    EXPECT_EQ(run_instances_complaint("InstanceInitiatedShutdownBehavior", "explode"),
              "invalid: Value (explode) for parameter InstanceInitiatedShutdownBehavior is "
              "invalid. It must be one of: stop, terminate");
    EXPECT_EQ(run_instances_complaint("InstanceMarketOptions.SpotOptions.ValidUntil", "soon"),
              "invalid: Value (soon) for parameter InstanceMarketOptions.SpotOptions.ValidUntil "
              "is invalid. It must be a time such as 2026-01-02T03:04:05Z");
    EXPECT_EQ(run_instances_complaint("UserData", "secret!"),
              "invalid: The parameter UserData is not valid base64");
    EXPECT_EQ(complaint(ec2::read_run_instances_request({{"MinCount", "0"}, {"MaxCount", "1"}})),
              "invalid: Value (0) for parameter MinCount is invalid. It must be at least 1");
    EXPECT_EQ(complaint(ec2::read_describe_vpcs_request({{"MaxResults", "1001"}})),
              "invalid: Value (1001) for parameter MaxResults is invalid. It must be between 5 "
              "and 1000");
    auto const uefi_data = std::string(64001, 'x');
    EXPECT_TRUE(
        complaint(ec2::read_register_image_request({{"Name", "n"}, {"UefiData", uefi_data}}))
            .ends_with("is invalid. It must be between 0 and 64000 characters long"));
}

TEST(ParamsReader, RefusesAParameterGivenTwice)
{
    EXPECT_EQ(run_instances_complaint("MinCount", "2"),
              "invalid: The parameter MinCount is given more than once");
    EXPECT_EQ(
        complaint(ec2::read_describe_images_request({{"ImageId.1", "a"}, {"ImageId.1", "b"}})),
        "invalid: The parameter ImageId.1 is given more than once");
}

TEST(ParamsReader, TakesAnEmptyValueAsAbsent)
{
    auto const read = ec2::read_run_instances_request({{"MaxCount", "1"},
                                                       {"MinCount", "1"},
                                                       {"KeyName", ""},
                                                       {"EbsOptimized", ""},
                                                       {"SecurityGroupId", ""},
                                                       {"BlockDeviceMapping.1", ""},
                                                       {"Placement", ""}});
    ASSERT_EQ(complaint(read), "none");
    EXPECT_EQ(read.value().key_name, std::nullopt);
    EXPECT_EQ(read.value().ebs_optimized, std::nullopt);
    EXPECT_TRUE(read.value().security_group_ids.empty());
    EXPECT_TRUE(read.value().block_device_mappings.empty());
    EXPECT_FALSE(read.value().placement.has_value());
}

TEST(ParamsReader, TakesAStructureOfNothingAsAbsent)
{
    auto const read =
        ec2::read_run_instances_request({{"MaxCount", "1"},
                                         {"MinCount", "1"},
                                         {"IamInstanceProfile.Name", ""},
                                         {"InstanceMarketOptions.SpotOptions.MaxPrice", ""},
                                         {"LaunchTemplate.LaunchTemplateName", ""},
                                         {"Monitoring.Enabled", ""},
                                         {"TagSpecification.1.Tag.1.Key", ""}});
    ASSERT_EQ(complaint(read), "none");
    EXPECT_FALSE(read.value().iam_instance_profile.has_value());
    EXPECT_FALSE(read.value().instance_market_options.has_value());
    EXPECT_FALSE(read.value().launch_template.has_value());
    EXPECT_FALSE(read.value().monitoring.has_value());     // though Enabled is required in it
    ASSERT_EQ(read.value().tag_specifications.size(), 1U); // what has an index is there
    EXPECT_EQ(read.value().tag_specifications[0].tags.size(), 1U);
}

TEST(ParamsReader, KeepsAnEmptyValueWhereItMeansSomething)
{
    auto const no_value = ec2::read_delete_tags_request(
        {{"ResourceId.1", "i-1"}, {"Tag.1.Key", "a"}, {"Tag.1.Value", ""}, {"Tag.2.Key", "b"}});
    ASSERT_EQ(complaint(no_value), "none");
    EXPECT_EQ(no_value.value().tags.at(0).value, "");           // delete only if the value is empty
    EXPECT_EQ(no_value.value().tags.at(1).value, std::nullopt); // delete whatever the value
    auto const mapping =
        ec2::read_register_image_request({{"Name", "n"},
                                          {"BlockDeviceMapping.1.DeviceName", "/dev/sdb"},
                                          {"BlockDeviceMapping.1.NoDevice", ""}});
    ASSERT_EQ(complaint(mapping), "none");
    EXPECT_EQ(mapping.value().block_device_mappings.at(0).no_device, "");
    auto const filter =
        ec2::read_describe_tags_request({{"Filter.1.Name", "value"}, {"Filter.1.Value.1", ""}});
    ASSERT_EQ(complaint(filter), "none");
    EXPECT_EQ(filter.value().filters.at(0).values, Texts{""});
    auto const attribute =
        ec2::read_modify_image_attribute_request({{"ImageId", "ami-1"}, {"Description.Value", ""}});
    ASSERT_EQ(complaint(attribute), "none");
    EXPECT_EQ(attribute.value().description->value, "");
}

} // namespace
} // namespace karat::wire
