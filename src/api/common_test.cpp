// SPDX-License-Identifier: Apache-2.0
// What all EC2 handlers lean on: globs, filters, pages, tags.
#include "ec2/describe.hpp"
#include "ec2/group_rules.hpp"

#include <gtest/gtest.h>

namespace karat::api::ec2 {
namespace {

struct Seed {
    std::optional<int> weight;
    Time sown{};
};

struct Fruit {
    std::string name;
    std::optional<bool> ripe;
    std::vector<std::string> colours;
    std::vector<Seed> seeds;
    std::vector<wire::ec2::Tag> tags;
};

constexpr FilterRule<Fruit> kFruitRules[] = {
    {"name", at<&Fruit::name>},
    {"is-ripe", at<&Fruit::ripe>},
    {"colour", at<&Fruit::colours>},
    {"seed.weight", at<&Fruit::seeds, &Seed::weight>},
    {"seed.sown", at<&Fruit::seeds, &Seed::sown>},
    {"stalk", nothing<Fruit>},
};
constexpr Listing<Fruit> kFruits{kFruitRules, tags_at<&Fruit::tags>};
constexpr Listing<Fruit> kUntagged{kFruitRules};

std::vector<Fruit> basket()
{
    return {{"apple", true, {"green", "red"}, {{7, Time{}}, {8}}, {{"Shop", "north"}, {"Bio", ""}}},
            {"pear", false, {"green"}, {{}}, {{"Shop", "south"}}},
            {"plum*", {}, {"blue"}, {}, {}}};
}

using Given = std::vector<wire::ec2::Filter>;

/// The names of what passes, or the name of the fault.
std::string kept(Given const& filters)
{
    auto const found = filtered(basket(), filters, kFruits);
    if (!found.ok())
        return name(found.error().fault);
    std::string names;
    for (auto const& fruit : found.value())
        names += (names.empty() ? "" : " ") + fruit.name;
    return names;
}

TEST(Glob, WithoutWildcardsIsEquality)
{
    EXPECT_TRUE(glob_matches("", ""));
    EXPECT_TRUE(glob_matches("apple", "apple"));
    EXPECT_FALSE(glob_matches("apple", "Apple"));
    EXPECT_FALSE(glob_matches("apple", "apples"));
    EXPECT_FALSE(glob_matches("apples", "apple"));
    EXPECT_FALSE(glob_matches("", "a"));
}

TEST(Glob, StarIsAnyRun)
{
    EXPECT_TRUE(glob_matches("*", ""));
    EXPECT_TRUE(glob_matches("**", "x"));
    EXPECT_TRUE(glob_matches("a*e", "apple"));
    EXPECT_TRUE(glob_matches("*-x86_64-*", "debian-12-x86_64-2026"));
    EXPECT_TRUE(glob_matches("*ab", "aab"));
    EXPECT_TRUE(glob_matches("*aab*b", "aaabxb"));
    EXPECT_FALSE(glob_matches("a*x", "apple"));
    EXPECT_FALSE(glob_matches("*ab", "aba"));
}

TEST(Glob, QuestionMarkIsOneCharacter)
{
    EXPECT_TRUE(glob_matches("t?.micro", "t3.micro"));
    EXPECT_FALSE(glob_matches("t?.micro", "t.micro"));
    EXPECT_FALSE(glob_matches("?", ""));
    EXPECT_TRUE(glob_matches("caf?", "caf\u00e9")); // a character may be several bytes
    EXPECT_TRUE(glob_matches("*??", "\u00e9\u00e9"));
    EXPECT_FALSE(glob_matches("*???", "\u00e9\u00e9"));
}

TEST(Glob, BackslashTakesTheNextLiterally)
{
    EXPECT_TRUE(glob_matches("plum\\*", "plum*"));
    EXPECT_FALSE(glob_matches("plum\\*", "plums"));
    EXPECT_TRUE(glob_matches("a\\?b", "a?b"));
    EXPECT_TRUE(glob_matches("a\\\\b", "a\\b"));
    EXPECT_TRUE(glob_matches("*\\**", "x*y"));
    EXPECT_TRUE(glob_matches("end\\", "end\\")); // nothing left to escape: itself
    EXPECT_FALSE(glob_matches("\\d*", "data"));  // nor is there anything to take from a letter
    EXPECT_TRUE(glob_matches("C:\\d*", "C:\\data"));
    EXPECT_TRUE(glob_matches("\\\\d*", "\\data"));
}

TEST(Glob, ManyStarsEndSoon)
{
    std::string pattern;
    for (int i = 0; i < 60; ++i)
        pattern += "*a";
    EXPECT_FALSE(glob_matches(pattern + "b", std::string(4096, 'a')));
}

TEST(Filters, AllMustPassAndAnyValueDoes)
{
    EXPECT_EQ(kept({}), "apple pear plum*");
    EXPECT_EQ(kept({{"colour", {"green"}}}), "apple pear");
    EXPECT_EQ(kept({{"colour", {"red", "blue"}}}), "apple plum*");
    EXPECT_EQ(kept({{"colour", {"green"}}, {"is-ripe", {"true"}}}), "apple");
    EXPECT_EQ(kept({{"name", {"p*"}}}), "pear plum*");
    EXPECT_EQ(kept({{"name", {"plum\\*"}}}), "plum*");
    EXPECT_EQ(kept({{"name", {"Apple"}}}), "");
}

TEST(Filters, FollowMembersThroughListsAndAbsence)
{
    EXPECT_EQ(kept({{"is-ripe", {"*"}}}), "apple pear");
    EXPECT_EQ(kept({{"seed.weight", {"8"}}}), "apple");
    EXPECT_EQ(kept({{"seed.weight", {"*"}}}), "apple");
    EXPECT_EQ(kept({{"seed.sown", {"1970-01-01T00:00:00.000Z"}}}), "apple pear");
    EXPECT_EQ(kept({{"stalk", {"*", ""}}}), "");
}

TEST(Filters, WithoutValuesLetNothingPass)
{
    EXPECT_EQ(kept({{"name", {}}}), "");
    EXPECT_EQ(kept({{"tag:Shop", {}}}), "");
}

TEST(Filters, KnowTags)
{
    EXPECT_EQ(kept({{"tag:Shop", {"*th"}}}), "apple pear");
    EXPECT_EQ(kept({{"tag:Shop", {"north"}}}), "apple");
    EXPECT_EQ(kept({{"tag:shop", {"north"}}}), "");
    EXPECT_EQ(kept({{"tag:Bio", {""}}}), "apple");
    EXPECT_EQ(kept({{"tag-key", {"B*"}}}), "apple");
    EXPECT_EQ(kept({{"tag-value", {"south", "x"}}}), "pear");
    EXPECT_EQ(kept({{"tag-value", {""}}}), "apple");
}

TEST(Filters, NamesMayBeCamelCase)
{
    EXPECT_EQ(kept({{"isRipe", {"false"}}}), "pear");
    EXPECT_EQ(kept({{"tagKey", {"Bio"}}}), "apple");
}

TEST(Filters, RefuseWhatTheyDoNotKnow)
{
    auto const found = filtered(basket(), {{"weight", {"1"}}}, kFruits);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().fault, Fault::unknown);
    EXPECT_EQ(found.error().noun, Noun::filter);
    EXPECT_EQ(found.error().message, "The filter 'weight' is invalid");
    EXPECT_EQ(kept({{std::nullopt, {"apple"}}}), "unknown");
    EXPECT_EQ(kept({{"Name", {"apple"}}}), "unknown");
    EXPECT_FALSE(filtered(basket(), {{"tag-key", {"Bio"}}}, kUntagged).ok());
}

TEST(Filters, AreBounded)
{
    EXPECT_EQ(kept(Given(50, {"name", {"apple"}})), "apple");
    EXPECT_EQ(kept(Given(51, {"name", {"apple"}})), "exhausted");
    EXPECT_EQ(kept({{"name", std::vector<std::string>(200, "apple")}}), "apple");
    EXPECT_EQ(kept({{"name", std::vector<std::string>(201, "apple")}}), "exhausted");
}

/// What an index is asked for, as text.
std::string narrowed(Given const& filters)
{
    auto const narrowing = narrowing_of(filters);
    std::string text;
    if (narrowing.tag)
        text += fmt::format("{}={} ", narrowing.tag->key, fmt::join(narrowing.tag->values, "|"));
    for (auto const& name : narrowing.names)
        text += name.text + (name.is_whole ? " " : "* ");
    return text;
}

TEST(Filters, TellIndexesWhatTheyCanFind)
{
    EXPECT_EQ(narrowed({{"tag:Shop", {"north", "south"}}}), "Shop=north|south ");
    EXPECT_EQ(narrowed({{"tag:Shop", {"north", "s*"}}}), "");
    EXPECT_EQ(narrowed({{"tag:Shop", {"n\\*rth"}}}), "Shop=n*rth ");
    EXPECT_EQ(narrowed({{"tag-key", {"Shop"}}}), "");
    EXPECT_EQ(narrowed({{"name", {"web-1", "web-?", "db*x"}}}), "web-1 web-* db* ");
    EXPECT_EQ(narrowed({{"name", {"web", "*"}}}), "");
    EXPECT_EQ(narrowed({{"description", {"web"}}}), "");
}

TEST(TagSpecifications, GiveTheTagsOfOneType)
{
    std::vector<wire::ec2::TagSpecification> const both = {
        {.resource_type = "volume", .tags = {{.key = "a", .value = "1"}}},
        {.resource_type = "instance", .tags = {{.key = "a", .value = "2"}, {.key = "b"}}}};
    auto const sets = tag_sets(both, {"instance", "volume", "network-interface"});
    ASSERT_TRUE(sets.ok());
    EXPECT_EQ(sets.value().at("volume"), (Tags{{"a", "1"}}));
    EXPECT_EQ(sets.value().at("instance"), (Tags{{"a", "2"}, {"b", ""}}));
    EXPECT_TRUE(sets.value().at("network-interface").empty());
    EXPECT_FALSE(tags_for(both, "volume").ok());
    EXPECT_FALSE(tags_of(std::vector<wire::ec2::Tag>{{.key = "a"}, {.key = "a"}}).ok());
}

SecurityGroup web()
{
    return {.id = SecurityGroupId::parse("sg-00000000000000001").value(),
            .owner = AccountId::parse("123456789012").value(),
            .region = "us-east-1",
            .vpc = VpcId::parse("vpc-00000000000000001").value(),
            .name = "web",
            .rules = {{.protocol = "tcp", .from_port = 22, .to_port = 22, .cidr = "10.0.0.0/8"},
                      {.egress = true, .protocol = "-1", .cidr = "0.0.0.0/0"},
                      {.protocol = "tcp", .from_port = 80, .to_port = 80, .cidr = "0.0.0.0/0"},
                      {.protocol = "tcp", .from_port = 22, .to_port = 22, .cidr = "::/0"},
                      {.protocol = "-1", .group = "sg-00000000000000002"}}};
}

TEST(GroupRules, AreGroupedByProtocolAndPorts)
{
    auto const in = wire_permissions(web(), false);
    ASSERT_EQ(in.size(), 3U);
    EXPECT_EQ(in[0].from_port, 22);
    ASSERT_EQ(in[0].ip_ranges.size(), 1U);
    EXPECT_EQ(in[0].ip_ranges[0].cidr_ip, "10.0.0.0/8");
    ASSERT_EQ(in[0].ipv6_ranges.size(), 1U);
    EXPECT_EQ(in[0].ipv6_ranges[0].cidr_ipv6, "::/0");
    EXPECT_EQ(in[1].from_port, 80);
    EXPECT_EQ(in[2].ip_protocol, "-1");
    EXPECT_FALSE(in[2].from_port);
    ASSERT_EQ(in[2].user_id_group_pairs.size(), 1U);
    EXPECT_EQ(in[2].user_id_group_pairs[0].group_id, "sg-00000000000000002");
    EXPECT_EQ(wire_permissions(web(), true).size(), 1U);
}

TEST(GroupRules, IdsFollowFromWhatMakesARuleTheSame)
{
    auto const group = web();
    auto rule = group.rules[0];
    auto const id = rule_id(group, rule);
    EXPECT_EQ(id.size(), 21U);
    EXPECT_TRUE(id.starts_with("sgr-"));
    rule.description = "office";
    EXPECT_EQ(rule_id(group, rule), id);
    rule.egress = true;
    EXPECT_NE(rule_id(group, rule), id);
}

} // namespace
} // namespace karat::api::ec2
