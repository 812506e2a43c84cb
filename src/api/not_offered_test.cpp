// SPDX-License-Identifier: Apache-2.0
#include "not_offered.hpp"

#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::api {
namespace {

constexpr std::array<std::string_view, 2> kOffered = {"ec2", "sts"};

std::string told(std::string const& service, Call call)
{
    call.headers.emplace_back("Authorization",
                              "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/" + service +
                                  "/aws4_request, SignedHeaders=host, Signature=00");
    auto const reply = refuse_other_service(call, kOffered, "id");
    if (!reply)
        return "offered";
    auto const line = reply->body.find('\n'); // the XML declaration has a line of its own
    return fmt::format("{} {}", reply->status, reply->body.substr(line + 1)); // npos + 1 is 0
}

TEST(NotOffered, IsSaidInTheServicesOwnForm)
{
    EXPECT_EQ(told("iam", {.body = "Action=GetUser"}),
              "400 <ErrorResponse xmlns=\"\"><Error><Type>Sender</Type>"
              "<Code>UnsupportedOperation</Code><Message>Karat does not offer the service iam; it "
              "offers ec2, sts</Message></Error><RequestId>id</RequestId></ErrorResponse>");
    EXPECT_EQ(told("logs", {.headers = {{"X-Amz-Target", "Logs_20140328.PutLogEvents"}}}),
              "400 {\"__type\":\"UnsupportedOperation\",\"message\":\"Karat does not offer the "
              "service logs; it offers ec2, sts\"}");
    EXPECT_EQ(told("s3", {.method = "GET"}),
              "501 <Error><Code>NotImplemented</Code><Message>Karat does not offer the service s3; "
              "it offers ec2, sts</Message><RequestId>id</RequestId></Error>");
    EXPECT_EQ(told("lambda", {.method = "GET", .path = "/2015-03-31/functions"}),
              "400 {\"Message\":\"Karat does not offer the service lambda; it offers ec2, sts\"}");
}

TEST(NotOffered, LeavesOtherCallsAlone)
{
    EXPECT_EQ(told("ec2", {}), "offered");
    EXPECT_EQ(told("", {}), "offered");
    EXPECT_EQ(told("a/b", {}), "offered");
    EXPECT_EQ(told("<script>", {}), "offered");
    EXPECT_FALSE(refuse_other_service({}, kOffered, "id"));
    Call const presigned{
        .query = "X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&a=b"};
    EXPECT_TRUE(refuse_other_service(presigned, kOffered, "id"));
}

} // namespace
} // namespace karat::api
