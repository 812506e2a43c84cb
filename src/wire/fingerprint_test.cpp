// SPDX-License-Identifier: Apache-2.0
// Each member of a request changes its fingerprint: the test walks the same tables that the
// fingerprint does, and counts the members on its own.
#include "ec2_shapes.hpp"

#include "karat/wire/ec2.hpp"

#include <gtest/gtest.h>

#include <map>

namespace karat::wire {
namespace {

/// Puts a value that is none of the zeros into a place that make() returned.
void fill(Member const& member, void* into)
{
    switch (member.field.kind) {
    case Kind::text:
    case Kind::blob:
        *static_cast<std::string*>(into) = "x";
        return;
    case Kind::boolean:
        *static_cast<bool*>(into) = true;
        return;
    case Kind::int32:
        *static_cast<std::int32_t*>(into) = 7;
        return;
    case Kind::int64:
        *static_cast<std::int64_t*>(into) = 7;
        return;
    case Kind::real:
        *static_cast<double*>(into) = 7;
        return;
    case Kind::time:
        *static_cast<Time*>(into) = Time(std::chrono::milliseconds(7));
        return;
    case Kind::structure:
        return;
    }
}

/// Of each member, however deep: the fingerprint of a request that gives it alone.
template <class Request>
class Prints {
public:
    std::map<std::string, std::string> of(Shape const& shape)
    {
        Way way;
        walk(shape, way, "");
        return std::move(prints_);
    }

private:
    using Way = std::vector<Member const*>;

    void walk(Shape const& shape, Way& way, std::string const& prefix)
    {
        for (auto const& member : shape.members) {
            way.push_back(&member);
            auto const path = prefix + std::string(member.in);
            Request request{};
            void* object = &request;
            for (auto const* const step : way)
                object = step->field.make(place(*step, object));
            fill(member, object);
            prints_[path] = fingerprint(request);
            if (member.field.kind == Kind::structure)
                walk(*member.shape, way, path + ".");
            way.pop_back();
        }
    }

    std::map<std::string, std::string> prints_;
};

template <class Request>
void expect_each_member_counts(Shape const& shape, std::size_t least)
{
    auto prints = Prints<Request>().of(shape);
    EXPECT_GE(prints.size(), least);
    auto const empty = fingerprint(Request{});
    EXPECT_EQ(prints.at("ClientToken"), empty);
    prints.erase("ClientToken");
    EXPECT_EQ(prints.at("DryRun"), empty);
    prints.erase("DryRun");
    std::map<std::string, std::string> seen{{empty, "nothing"}};
    for (auto const& [path, print] : prints) {
        auto const [before, fresh] = seen.emplace(print, path);
        EXPECT_TRUE(fresh) << path << " has the fingerprint of " << before->second;
    }
}

TEST(Fingerprint, EachMemberOfARequestChangesIt)
{
    expect_each_member_counts<ec2::RunInstancesRequest>(ec2::shapes::RunInstancesRequest, 150);
    expect_each_member_counts<ec2::CreateVolumeRequest>(ec2::shapes::CreateVolumeRequest, 18);
    expect_each_member_counts<ec2::CopyVolumesRequest>(ec2::shapes::CopyVolumesRequest, 12);
}

std::string of_tags(std::vector<ec2::Tag> tags)
{
    return fingerprint(ec2::CreateVolumeRequest{
        .tag_specifications = {{.resource_type = "volume", .tags = std::move(tags)}}});
}

TEST(Fingerprint, NoValueLooksLikeTwo)
{
    EXPECT_NE(of_tags({{.key = "a|b", .value = "c"}}), of_tags({{.key = "a", .value = "b|c"}}));
    EXPECT_NE(of_tags({{.key = "a", .value = "b"}, {.key = "c", .value = "d"}}),
              of_tags({{.key = "a", .value = "b|c=d"}}));
    EXPECT_NE(of_tags({{.key = "a1:b"}}), of_tags({{.key = "a", .value = "b"}}));
    EXPECT_NE(of_tags({{.key = "a"}}), of_tags({{.key = "a", .value = ""}}));
    EXPECT_NE(of_tags({{.key = "a"}, {.key = "b"}}), of_tags({{.key = "b"}, {.key = "a"}}));
    EXPECT_EQ(of_tags({{.key = "a", .value = "b"}}), of_tags({{.key = "a", .value = "b"}}));
}

} // namespace
} // namespace karat::wire
