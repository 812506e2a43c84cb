// SPDX-License-Identifier: Apache-2.0
#include "documents.hpp"
#include "samples.hpp"

#include <gtest/gtest.h>

namespace karat::catalog {
namespace {

struct Anything {
    template <class T>
        requires(!requires(T it) { it.has_value(); }) // an optional takes its value's conversion
    operator T() const;
};

template <class T, std::size_t... i>
consteval bool takes(std::index_sequence<i...>)
{
    return requires { T{(static_cast<void>(i), Anything{})...}; };
}

/// How many members an aggregate has: the most initialisers that it takes. Counted from above:
/// with too few, ids would have no initialiser.
template <class T, std::size_t most = 40>
consteval int member_count()
{
    if constexpr (takes<T>(std::make_index_sequence<most>()))
        return most;
    else
        return member_count<T, most - 1>();
}

struct Counter {
    int count = 0;
    void operator()(char const*, auto const&) { ++count; }
};

template <class Thing>
class Documents : public testing::Test {};
using Things = testing::Types<Account, AccessKey, Image, Snapshot, Volume, Instance, Vpc, Subnet,
                              SecurityGroup, KeyPair, Parameter, Task, UsedToken>;
TYPED_TEST_SUITE(Documents, Things);

TYPED_TEST(Documents, KeepEveryMember)
{
    auto const thing = sample<TypeParam>();
    Counter listed;
    members(listed, thing);
    EXPECT_EQ(listed.count, member_count<TypeParam>()) << "members.hpp lacks a member";
    auto const text = write_document(thing).value();
    auto const again = write_document(read_document<TypeParam>(text).value()).value();
    EXPECT_EQ(text, again);
    EXPECT_NE(text, write_document(sample<TypeParam>(2)).value());
}

TYPED_TEST(Documents, ReadAbsentMembersAsTheirDefaults)
{
    EXPECT_TRUE(read_document<TypeParam>(bare_document<TypeParam>()).ok());
}

TYPED_TEST(Documents, RefuseOtherText)
{
    for (auto const* const text : {"", "[]", "{", "7", R"({"id": 7.5, "fingerprint": 1})"})
        EXPECT_EQ(read_document<TypeParam>(text).error().fault, Fault::corrupt) << text;
}

TEST(Document, InnerThingsListEveryMember)
{
    auto const check = []<class T>(T const& thing) {
        Counter listed;
        members(listed, thing);
        EXPECT_EQ(listed.count, member_count<T>());
    };
    check(BlockDevice{});
    check(StateReason{});
    check(Layers{});
    check(MetadataOptions{});
    check(SecurityGroupRule{});
    check(*sample<Volume>().attachment);
    check(sample<Instance>().interface);
}

TEST(Document, SpotChecksByHand)
{
    auto const instance = sample<Instance>();
    auto const again = read_document<Instance>(write_document(instance).value()).value();
    EXPECT_EQ(again.id, instance.id);
    EXPECT_EQ(again.user_data, std::string("\xff\0\x80", 3));
    EXPECT_EQ(again.launched, instance.launched);
    EXPECT_EQ(again.terminated, instance.terminated);
    EXPECT_EQ(again.metadata, instance.metadata);
    EXPECT_EQ(again.interface.groups, instance.interface.groups);
    EXPECT_EQ(again.tags, instance.tags);
    auto const snapshot = sample<Snapshot>();
    EXPECT_EQ(read_document<Snapshot>(write_document(snapshot).value()).value().content,
              snapshot.content);
    auto const key = sample<AccessKey>();
    EXPECT_EQ(read_document<AccessKey>(write_document(key).value()).value().secret, key.secret);
}

TEST(Document, DefaultsAreTheNouns)
{
    auto const image = read_document<Image>(bare_document<Image>()).value();
    EXPECT_EQ(image.architecture, "x86_64");
    EXPECT_EQ(image.state, ImageState::pending);
    EXPECT_EQ(image.created, Time{});
    EXPECT_FALSE(image.source_image.has_value());
    auto const instance = read_document<Instance>(bare_document<Instance>()).value();
    EXPECT_EQ(instance.metadata.http_tokens, "required");
    EXPECT_EQ(instance.shutdown_behavior, "stop");
}

TEST(Document, IgnoresWhatALaterVersionAdded)
{
    EXPECT_TRUE(
        read_document<Vpc>(R"({"id": "vpc-0000000a", "owner": "111111111111", "ipv6": {"x": [1]}})")
            .ok());
}

TEST(Document, RefusesAMissingIdAndNumbersOutOfRange)
{
    auto const no_owner = read_document<Vpc>(R"({"id": "vpc-0000000a"})");
    EXPECT_NE(no_owner.error().message.find("'owner'"), std::string::npos);
    auto const task = [](std::string const& attempts) {
        return read_document<Task>(R"({"id": 1, "attempts": )" + attempts + "}").ok();
    };
    EXPECT_TRUE(task("2147483647"));
    EXPECT_FALSE(task("2147483648"));
    EXPECT_FALSE(task("-2147483649"));
    EXPECT_FALSE(task("1.5"));
    EXPECT_FALSE(task("18446744073709551615"));
}

TEST(Document, RefusesTextThatIsNotUtf8)
{
    auto image = sample<Image>();
    image.tags["k"] = "\xff";
    EXPECT_EQ(write_document(image).error().fault, Fault::invalid);
}

} // namespace
} // namespace karat::catalog
