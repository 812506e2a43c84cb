// SPDX-License-Identifier: Apache-2.0
#include "karat/wire/ec2.hpp"
#include "karat/wire/errors.hpp"
#include "karat/wire/sts.hpp"

#include <gtest/gtest.h>

namespace karat::wire {
namespace {

Time const kStart = parse_time("2026-01-02T03:04:05.678Z").value();

/// One tag a line, indented, so that a golden reads well; text stays beside its tags.
std::string pretty(std::string_view xml)
{
    std::string text;
    std::size_t depth = 0;
    bool is_leaf = false;
    auto const line = [&] { text += (text.empty() ? "" : "\n") + std::string(depth * 2, ' '); };
    while (!xml.empty()) {
        auto const end = xml.find('>') + 1;
        auto const tag = xml.substr(0, end);
        bool const closes = tag.starts_with("</");
        depth -= closes ? 1 : 0;
        if (!(closes && is_leaf))
            line();
        text += tag;
        depth += closes || tag.ends_with("/>") || tag.starts_with("<?") ? 0 : 1;
        xml.remove_prefix(end);
        auto const inner = xml.substr(0, xml.find('<'));
        if (inner != "\n")
            text += inner;
        xml.remove_prefix(inner.size());
        is_leaf = !closes && !tag.ends_with("/>") && xml.starts_with("</");
    }
    return text + "\n";
}

constexpr char const* kDescribedInstances = R"(<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>req-1</requestId>
  <nextToken>more</nextToken>
  <reservationSet>
    <item>
      <reservationId>r-1</reservationId>
      <ownerId>123456789012</ownerId>
      <groupSet/>
      <instancesSet>
        <item>
          <blockDeviceMapping>
            <item>
              <deviceName>/dev/xvda</deviceName>
              <ebs>
                <deleteOnTermination>true</deleteOnTermination>
                <volumeId>vol-1</volumeId>
              </ebs>
            </item>
          </blockDeviceMapping>
          <enaSupport>true</enaSupport>
          <hypervisor>xen</hypervisor>
          <networkInterfaceSet/>
          <rootDeviceType>ebs</rootDeviceType>
          <groupSet/>
          <tagSet>
            <item>
              <key>Name</key>
              <value>web &amp; &lt;db&gt;</value>
            </item>
          </tagSet>
          <virtualizationType>hvm</virtualizationType>
          <platformDetails>Linux/UNIX</platformDetails>
          <usageOperation>RunInstances</usageOperation>
          <instanceId>i-1</instanceId>
          <instanceState>
            <code>16</code>
            <name>running</name>
          </instanceState>
          <dnsName/>
          <productCodes/>
          <launchTime>2026-01-02T03:04:05.678Z</launchTime>
        </item>
      </instancesSet>
    </item>
  </reservationSet>
</DescribeInstancesResponse>
)";

TEST(Replies, DescribeInstances)
{
    ec2::Instance const instance{
        .block_device_mappings = {{.device_name = "/dev/xvda",
                                   .ebs = ec2::EbsInstanceBlockDevice{.delete_on_termination = true,
                                                                      .volume_id = "vol-1"}}},
        .tags = {{.key = "Name", .value = "web & <db>"}},
        .instance_id = "i-1",
        .state = ec2::InstanceState{.code = 16, .name = "running"},
        .public_dns_name = "",
        .launch_time = kStart,
    };
    ec2::DescribeInstancesResult const result{
        .next_token = "more",
        .reservations = {{.reservation_id = "r-1",
                          .owner_id = "123456789012",
                          .instances = {instance}}},
    };
    EXPECT_EQ(pretty(ec2::write_describe_instances_result(result, "req-1")),
              kDescribedInstances);
}

TEST(Replies, DescribeImages)
{
    ec2::Image const image{
        .block_device_mappings = {{.ebs = ec2::EbsBlockDevice{.snapshot_id = "snap-1",
                                                              .volume_size = 8,
                                                              .volume_type = "gp3",
                                                              .encrypted = false},
                                   .device_name = "/dev/xvda"}},
        .name = "webserver-v1",
        .image_id = "ami-1",
        .state = "available",
        .owner_id = "123456789012",
        .public_ = false,
    };
    EXPECT_EQ(pretty(ec2::write_describe_images_result({.images = {image}}, "req-2")),
              R"(<?xml version="1.0" encoding="UTF-8"?>
<DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>req-2</requestId>
  <imagesSet>
    <item>
      <platformDetails>Linux/UNIX</platformDetails>
      <usageOperation>RunInstances</usageOperation>
      <blockDeviceMapping>
        <item>
          <ebs>
            <snapshotId>snap-1</snapshotId>
            <volumeSize>8</volumeSize>
            <volumeType>gp3</volumeType>
            <encrypted>false</encrypted>
          </ebs>
          <deviceName>/dev/xvda</deviceName>
        </item>
      </blockDeviceMapping>
      <hypervisor>xen</hypervisor>
      <name>webserver-v1</name>
      <rootDeviceType>ebs</rootDeviceType>
      <imageWatermarkSet/>
      <imageId>ami-1</imageId>
      <imageState>available</imageState>
      <imageOwnerId>123456789012</imageOwnerId>
      <isPublic>false</isPublic>
      <productCodes/>
      <imageType>machine</imageType>
    </item>
  </imagesSet>
</DescribeImagesResponse>
)");
}

TEST(Replies, AnOperationWithNothingToSayReturnsTrue)
{
    auto const empty = ec2::write_delete_volume_result({}, "r");
    EXPECT_TRUE(
        empty.ends_with("<requestId>r</requestId><return>true</return></DeleteVolumeResponse>"))
        << empty;
    auto const listed = ec2::write_deregister_image_result({}, "r");
    EXPECT_TRUE(listed.ends_with("<return>true</return><deleteSnapshotResultSet/>"
                                 "</DeregisterImageResponse>"))
        << listed;
}

TEST(Replies, ABlobIsBase64AndADoubleIsShort)
{
    auto const console = ec2::write_get_console_output_result({.output = "boot\n"}, "r");
    EXPECT_NE(console.find("<output>Ym9vdAo=</output>"), std::string::npos) << console;
    ec2::InstanceTypeInfo const type{
        .processor_info = ec2::ProcessorInfo{.sustained_clock_speed_in_ghz = 3.1},
        .memory_info = ec2::MemoryInfo{.size_in_mib = 4294967296},
    };
    auto const types = ec2::write_describe_instance_types_result({.instance_types = {type}}, "r");
    EXPECT_NE(types.find("<sustainedClockSpeedInGhz>3.1</sustainedClockSpeedInGhz>"),
              std::string::npos);
    EXPECT_NE(types.find("<sizeInMiB>4294967296</sizeInMiB>"), std::string::npos);
}

TEST(Replies, TextThatXmlCannotCarryIsReplaced)
{
    auto const value = [](std::string text) {
        auto const xml = ec2::write_create_image_result({.image_id = std::move(text)}, "r");
        auto const start = xml.find("<imageId>") + 9;
        return xml.substr(start, xml.find("</imageId>") - start);
    };
    EXPECT_EQ(value("a\x01z"), "a\uFFFDz");
    EXPECT_EQ(value(std::string("\0", 1)), "\uFFFD");
    EXPECT_EQ(value("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), "é € 😀");
    EXPECT_EQ(value("\xC3(\xC0\x80"), "\uFFFD(\uFFFD\uFFFD"); // cut short, overlong
    EXPECT_EQ(value("\xED\xA0\x80\xF4\x90\x80\x80").find('\xED'), std::string::npos); // surrogate
    EXPECT_EQ(value("\xEF\xBF\xBE"), "\uFFFD\uFFFD\uFFFD");                           // U+FFFE
    EXPECT_EQ(value("\xE2\x82"), "\uFFFD\uFFFD");
    EXPECT_EQ(value("\t\n\r\"'"), "\t\n&#13;&quot;'");
}

TEST(Replies, QueryProtocol)
{
    EXPECT_EQ(
        pretty(sts::write_get_caller_identity_result(
            {.user_id = "AIDA", .account = "123456789012", .arn = "arn:aws:iam::x"}, "req-3")),
        R"(<?xml version="1.0" encoding="UTF-8"?>
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <UserId>AIDA</UserId>
    <Account>123456789012</Account>
    <Arn>arn:aws:iam::x</Arn>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>req-3</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
)");
}

TEST(Errors, Ec2)
{
    auto const reply = ec2_error({.code = "InvalidAMIID.NotFound",
                                  .message = "The image id '[<x>]' does not exist",
                                  .request_id = "req-4"});
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.content_type, "text/xml;charset=UTF-8");
    EXPECT_EQ(reply.headers.at(0).second, "req-4");
    EXPECT_EQ(pretty(reply.body), R"(<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Errors>
    <Error>
      <Code>InvalidAMIID.NotFound</Code>
      <Message>The image id '[&lt;x&gt;]' does not exist</Message>
    </Error>
  </Errors>
  <RequestID>req-4</RequestID>
</Response>
)");
}

TEST(Errors, Query)
{
    auto const reply = query_error(
        {.code = "InternalFailure", .message = "Oh", .request_id = "req-5", .status = 500},
        sts::kNamespace);
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ(pretty(reply.body), R"(<?xml version="1.0" encoding="UTF-8"?>
<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Receiver</Type>
    <Code>InternalFailure</Code>
    <Message>Oh</Message>
  </Error>
  <RequestId>req-5</RequestId>
</ErrorResponse>
)");
}

TEST(Errors, Json)
{
    auto const reply = json_error(
        {.code = "ParameterNotFound", .message = "No \"x\" \xFF", .request_id = "req-6"});
    EXPECT_EQ(reply.content_type, "application/x-amz-json-1.1");
    EXPECT_EQ(reply.body, "{\"__type\":\"ParameterNotFound\",\"message\":\"No \\\"x\\\" \uFFFD\"}");
}

} // namespace
} // namespace karat::wire
