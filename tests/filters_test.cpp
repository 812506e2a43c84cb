// SPDX-License-Identifier: Apache-2.0
// Every documented filter of every describe call, through the front door: a value that the reply
// shows finds the things that have it, and another value finds nothing.
#include "golden.hpp"
#include "reply_text.hpp"
#include "script.hpp"
#include "source_tree.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>

namespace karat::testing {
namespace {

struct Documented {
    std::string operation;
    std::string name;
    std::string path; ///< "volumeSet/attachmentSet/status"; "-": nothing has a value.
};

std::vector<Documented> documented()
{
    std::vector<Documented> list;
    std::istringstream lines(read_repository_file("tests/golden/filters.txt"));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        Documented one;
        if (!line.starts_with("#") && words >> one.operation >> one.name >> one.path)
            list.push_back(std::move(one));
    }
    return list;
}

/// A world with one or more of everything that can be described, filled by text commands.
constexpr char const* kPopulation = R"(import web 4M public parameter=/aws/service/karat/web
work
call CreateKeyPair KeyName=k TagSpecification.1.ResourceType=key-pair \
TagSpecification.1.Tag.1.Key=Name TagSpecification.1.Tag.1.Value=key
let $source = CreateSecurityGroup GroupName=source GroupDescription=source | groupId
let $group = CreateSecurityGroup GroupName=g GroupDescription=open \
TagSpecification.1.ResourceType=security-group TagSpecification.1.Tag.1.Key=Name \
TagSpecification.1.Tag.1.Value=group | groupId
call AuthorizeSecurityGroupIngress GroupId=$group IpPermissions.1.IpProtocol=tcp \
IpPermissions.1.FromPort=80 IpPermissions.1.ToPort=81 IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8 \
IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0 IpPermissions.1.Groups.1.GroupId=$source
let $one = RunInstances ImageId=$web MinCount=1 MaxCount=1 InstanceType=t3.micro KeyName=k \
ClientToken=token SecurityGroupId.1=$group BlockDeviceMapping.1.DeviceName=/dev/sdf \
BlockDeviceMapping.1.Ebs.VolumeSize=1 TagSpecification.1.ResourceType=instance \
TagSpecification.1.Tag.1.Key=Name TagSpecification.1.Tag.1.Value=machine \
TagSpecification.2.ResourceType=volume TagSpecification.2.Tag.1.Key=Name \
TagSpecification.2.Tag.1.Value=disk | instanceId
let $two = RunInstances ImageId=$web MinCount=1 MaxCount=1 InstanceType=m5.large | instanceId
work
call StopInstances InstanceId.1=$two
let $volume = CreateVolume Size=2 AvailabilityZone=us-east-1a | volumeId
work
call ModifyVolume VolumeId=$volume Size=3
fault hypervisor attach_disk for-good
call AttachVolume VolumeId=$volume InstanceId=$one Device=/dev/sdh
work
fault none
let $snapshot = CreateSnapshot VolumeId=$volume Description=by-hand \
TagSpecification.1.ResourceType=snapshot TagSpecification.1.Tag.1.Key=Name \
TagSpecification.1.Tag.1.Value=copy | snapshotId
call CreateImage InstanceId=$one Name=captured Description=better \
TagSpecification.1.ResourceType=image TagSpecification.1.Tag.1.Key=Name \
TagSpecification.1.Tag.1.Value=picture
work)";

Block population_block(std::string const& text)
{
    Block block;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        block.head.push_back(line);
    return block;
}

/// Appends the texts below `node` that `path` leads to; elements of lists are passed through.
void collect(Node const& node, std::string_view path, std::vector<std::string>& values)
{
    auto const slash = path.find('/');
    auto name = path.substr(0, slash);
    bool const last = slash == std::string_view::npos;
    bool const of_tag_name = name == "tagSet[Name]";
    if (of_tag_name)
        name = "tagSet";
    for (auto const& child : node.children) {
        if (child.name == "item")
            collect(child, path, values);
        if (child.name != name)
            continue;
        if (of_tag_name) {
            for (auto const& tag : child.children)
                if (tag.children.front().text == "Name")
                    values.push_back(tag.children.back().text);
        } else if (!last) {
            collect(child, path.substr(slash + 1), values);
        } else if (child.children.empty() && !child.text.empty()) { // "" is also an empty list
            values.push_back(child.text);
        }
        for (auto const& element : child.children) // a list of plain values
            if (last && element.name == "item" && element.children.empty())
                values.push_back(element.text);
    }
}

/// As a filter asks for exactly this value.
std::string literal(std::string const& value)
{
    std::string text;
    for (char const c : value) {
        if (c == '*' || c == '?' || c == '\\')
            text += '\\';
        text += c;
    }
    return text;
}

class Filters : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(Level::error);
        auto world = World::create(7);
        ASSERT_TRUE(world.ok()) << world.error().message;
        script_ = std::make_unique<Script>(std::move(world).value());
        auto const printed = script_->run(population_block(kPopulation));
        EXPECT_EQ(printed.find("! "), std::string::npos) << printed;
        EXPECT_EQ(printed.find("? "), std::string::npos) << printed;
        caller_ = script_->world().caller("alice", "us-east-1").value();
    }

    api::Reply call(Documented const& filter, std::vector<std::string> params)
    {
        if (filter.operation == "DescribeInstanceStatus")
            params.push_back("IncludeAllInstances=true");
        return script_->world().dispatcher().handle_as(*caller_, "ec2",
                                                       make_call(filter.operation, params));
    }

    /// The things that the filter finds with this value; a failure when it is refused.
    std::vector<Node> found(Documented const& filter, std::string const& value)
    {
        auto const reply =
            call(filter, {"Filter.1.Name=" + filter.name, "Filter.1.Value.1=" + value});
        EXPECT_EQ(reply.status, 200)
            << filter.operation << ' ' << filter.name << print_error(reply);
        return reply.status == 200 ? things(filter, read_reply(reply)) : std::vector<Node>();
    }

    static std::vector<Node> things(Documented const& filter, Node const& reply)
    {
        auto const set = filter.path.substr(0, filter.path.find('/'));
        for (auto const& child : reply.children)
            if (child.name == set || (set == "-" && !child.children.empty()))
                return child.children;
        return {};
    }

    std::unique_ptr<Script> script_;
    std::optional<engine::Caller> caller_;
};

TEST_F(Filters, FindWhatTheReplyShowsAndNothingElse)
{
    std::string unmatched;
    for (auto const& filter : documented()) {
        auto const label = filter.operation + " " + filter.name;
        std::vector<std::string> values;
        if (filter.path != "-")
            collect(read_reply(call(filter, {})), filter.path, values);
        EXPECT_TRUE(found(filter, "no such value").empty()) << label;
        if (values.empty()) {
            EXPECT_TRUE(found(filter, "?*").empty()) << label; // but "" may be there
            unmatched += label + "\n";
            continue;
        }
        EXPECT_FALSE(found(filter, "*").empty()) << label;
        auto const below = filter.path.substr(filter.path.find('/') + 1);
        auto const hits = found(filter, literal(values.back()));
        EXPECT_FALSE(hits.empty()) << label << " = " << values.back();
        for (auto const& thing : hits) {
            std::vector<std::string> its;
            collect(thing, below, its);
            EXPECT_NE(std::ranges::find(its, values.back()), its.end()) << label;
        }
    }
    expect_golden("filters_unmatched.txt", unmatched);
}

TEST_F(Filters, WithoutValuesFindNothing)
{
    for (auto const& filter : documented()) {
        auto const reply = call(filter, {"Filter.1.Name=" + filter.name});
        ASSERT_EQ(reply.status, 200) << filter.name;
        EXPECT_TRUE(things(filter, read_reply(reply)).empty()) << filter.operation << filter.name;
    }
}

TEST_F(Filters, OfOtherNamesAreRefusedByName)
{
    for (auto const& filter : documented()) {
        auto const name = filter.name + "x";
        if (name.starts_with("tag:"))
            continue;
        auto const reply = call(filter, {"Filter.1.Name=" + name, "Filter.1.Value.1=a"});
        EXPECT_EQ(print_error(reply),
                  fmt::format("! 400 InvalidParameterValue The filter '{}' is invalid\n", name));
    }
}

} // namespace
} // namespace karat::testing
