// SPDX-License-Identifier: Apache-2.0
// Pages of lists, and the tokens that join them.
#include "pages.hpp"

#include <gtest/gtest.h>

namespace karat::api {
namespace {

constexpr std::string_view kPurpose = "page DescribeThings 123456789012 us-east-1";
constexpr Time kNow{std::chrono::hours(1)};

TEST(Tokens, AreGoodForOnePurposeUntilTheyExpire)
{
    Tokens const tokens(Bytes(32));
    auto const token = tokens.make(kPurpose, "17:name", kNow);
    EXPECT_EQ(tokens.read(kPurpose, token, kNow - std::chrono::milliseconds(1)), "17:name");
    EXPECT_FALSE(tokens.read(kPurpose, token, kNow));
    EXPECT_FALSE(tokens.read("page DescribeThings 210987654321 us-east-1", token, Time{}));
    EXPECT_FALSE(Tokens(Bytes(32, std::byte{1})).read(kPurpose, token, Time{}));
}

TEST(Tokens, MayHoldAnyText)
{
    Tokens const tokens(Bytes(32));
    for (auto const& text : {std::string(), std::string("\0a", 2), std::string(4096, 'x')})
        EXPECT_EQ(tokens.read(kPurpose, tokens.make(kPurpose, text, kNow), Time{}), text);
}

TEST(Tokens, ThatWereChangedAreRefused)
{
    Tokens const tokens(Bytes(32));
    auto const token = tokens.make(kPurpose, "17:", kNow);
    for (std::size_t at = 0; at < token.size(); ++at) {
        auto changed = token;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(tokens.read(kPurpose, changed, Time{})) << at;
        EXPECT_FALSE(tokens.read(kPurpose, token.substr(0, at), Time{})) << at;
    }
    EXPECT_FALSE(tokens.read(kPurpose, token + "AAAA", Time{}));
    EXPECT_FALSE(tokens.read(kPurpose, std::string(100'000, 'A'), Time{}));
}

TEST(Tokens, KeepTextAndPurposeApart)
{
    Tokens const tokens(Bytes(32));
    EXPECT_FALSE(tokens.read("b", tokens.make("ab", "", kNow), Time{}));
    EXPECT_FALSE(tokens.read("b", tokens.make("b", "a", kNow).substr(4), Time{}));
}

} // namespace
} // namespace karat::api
