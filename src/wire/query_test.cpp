// SPDX-License-Identifier: Apache-2.0
#include "karat/wire/query.hpp"

#include <gtest/gtest.h>

#include <string>

namespace karat::wire {
namespace {

using namespace std::string_literals;

/// "name=value|name=value", or "! message".
std::string parsed(std::string_view text)
{
    auto const params = parse_query(text);
    if (!params.ok())
        return std::string("! ") + name(params.error().fault) + ": " + params.error().message;
    std::string out;
    for (auto const& [name, value] : params.value()) {
        out += out.empty() ? "" : "|";
        out += name;
        out += '=';
        out += value;
    }
    return out;
}

TEST(Query, sorts_by_name_and_decodes_exactly)
{
    EXPECT_EQ(parsed("Version=2016-11-15&Action=DescribeImages"),
              "Action=DescribeImages|Version=2016-11-15");
    EXPECT_EQ(parsed("A=a+b%20c%2Bd"), "A=a b c+d");
    EXPECT_EQ(parsed("A=%e1%88%b4&B=\xe1\x88\xb4"), "A=\xe1\x88\xb4|B=\xe1\x88\xb4");
    EXPECT_EQ(parsed("A=x=y"), "A=x=y");
    EXPECT_EQ(parsed("A%3D=1"), "A==1");
    EXPECT_EQ(parsed("A=%00%0a"), "A=\0\n"s);
    // Bytes, not numbers: the reader of lists must not rely on the order of their indexes.
    EXPECT_EQ(parsed("Id.2=b&Id.10=c&Id.1=a&a=&Z="), "Id.1=a|Id.10=c|Id.2=b|Z=|a=");
}

TEST(Query, skips_what_is_empty)
{
    EXPECT_EQ(parsed(""), "");
    EXPECT_EQ(parsed("&&"), "");
    EXPECT_EQ(parsed("A&B="), "A=|B=");
    EXPECT_EQ(parsed("&A=1&&B=2&"), "A=1|B=2");
}

TEST(Query, refuses_malformed_text)
{
    EXPECT_EQ(parsed("A=1&A=2"), "! invalid: The parameter A is given twice");
    EXPECT_EQ(parsed("A=1&%41=1"), "! invalid: The parameter A is given twice");
    for (auto const* const bad : {"A=%", "A=%4", "A=%4g", "A=%g4", "A=%%41", "A=1%"})
        EXPECT_EQ(parsed(bad), "! invalid: The parameter A holds a bad percent escape") << bad;
    EXPECT_EQ(parsed("%zz=1"), "! invalid: The request holds a bad percent escape");
    EXPECT_EQ(parsed("=1"), "! invalid: A parameter of the request has no name");
    for (auto const* const bad : {"A%00=1", "A%0a=1", "%7f=1", "A\t=1", "%ff=1"})
        EXPECT_EQ(parsed(bad),
                  "! invalid: The name of a parameter holds control characters or is not UTF-8")
            << bad;
    EXPECT_EQ(parsed("A=%ff"), "! invalid: The value of the parameter A is not UTF-8");
}

TEST(Query, keeps_the_bounds)
{
    EXPECT_TRUE(parse_query("A=" + std::string(kMaxQueryBytes - 2, 'a')).ok());
    EXPECT_FALSE(parse_query("A=" + std::string(kMaxQueryBytes - 1, 'a')).ok());
    EXPECT_TRUE(parse_query(std::string(kMaxParamNameBytes, 'n')).ok());
    EXPECT_FALSE(parse_query(std::string(kMaxParamNameBytes + 1, 'n')).ok());
    std::string many;
    for (std::size_t i = 0; i < kMaxQueryParams; ++i)
        many += "P" + std::to_string(i) + "&";
    EXPECT_EQ(parse_query(many).value().size(), kMaxQueryParams);
    EXPECT_FALSE(parse_query(many + "X").ok());
}

TEST(Query, knows_utf8)
{
    for (auto const* const good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                   "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(is_utf8(good)) << good;
    for (auto const* const bad :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2g", "\xe0\x9f\xbf", "\xed\xa0\x80",
          "\xe1\x88", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
        EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Query, encodes_what_is_reserved)
{
    EXPECT_EQ(encode_uri("aZ09-._~ +/%\xe1", Slash::encode), "aZ09-._~%20%2B%2F%25%E1");
    EXPECT_EQ(encode_uri("/a b/", Slash::keep), "/a%20b/");
    std::string all;
    for (int byte = 0; byte < 256; ++byte)
        all += static_cast<char>(byte);
    EXPECT_EQ(decode_query_text(encode_uri(all, Slash::encode)).value(), all);
}

} // namespace
} // namespace karat::wire
