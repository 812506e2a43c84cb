// SPDX-License-Identifier: Apache-2.0
#include "karat/wire/ebs.hpp"
#include "karat/wire/errors.hpp"
#include "karat/wire/query.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace karat::wire {
namespace {

struct Sent {
    std::string method;
    std::string path;
    std::string query = {};
    RestHeaders headers = {};
    std::string body = {};
};

/// The request that `sent` is, if its path names the operation at `index` of the routes.
std::optional<RestRequest> request_of(Sent const& sent, std::size_t index)
{
    auto match = match_route(ebs::kRoutes, sent.method, sent.path);
    if (!match || match->index != index)
        return {};
    return RestRequest{std::move(match->labels), parse_query(sent.query).value(), sent.headers,
                       sent.body};
}

enum : std::size_t { complete, get, list_changed, list, put, start }; // as in the model

std::string said(Result<void> const& result)
{
    return result.ok() ? "ok"
                       : std::string(name(result.error().fault)) + ": " + result.error().message;
}

template <class Request>
std::string said(Result<Request> const& result)
{
    return said(result.ok() ? Result<void>() : Result<void>(result.error()));
}

TEST(Rest, MembersComeFromTheirPlaces)
{
    Sent const sent{.method = "PUT",
                    .path = "/snapshots/snap-0123/blocks/17",
                    .headers = {{"X-Amz-Data-Length", "524288"},
                                {"x-amz-checksum", "abc="},
                                {"x-amz-Checksum-Algorithm", "SHA256"},
                                {"x-amz-Progress", "20"},
                                {"x-amz-unheard-of", "1"}},
                    .body = std::string("\0bytes\xff", 7)};
    auto const call = request_of(sent, put);
    ASSERT_TRUE(call.has_value());
    auto const read = ebs::read_put_snapshot_block_request(*call);
    ASSERT_TRUE(read.ok()) << said(read);
    EXPECT_EQ(read.value().snapshot_id, "snap-0123");
    EXPECT_EQ(read.value().block_index, 17);
    EXPECT_EQ(read.value().data_length, 524288);
    EXPECT_EQ(read.value().checksum, "abc=");
    EXPECT_EQ(read.value().progress, 20);
    EXPECT_EQ(read.value().block_data, sent.body);
    EXPECT_EQ(read.value().block_data.data(), sent.body.data()); // not copied
}

TEST(Rest, QueriesAndBodies)
{
    Sent const sent{.method = "GET",
                    .path = "/snapshots/snap-2/changedblocks",
                    .query = "firstSnapshotId=snap-1&maxResults=100&X-Amz-Whatever=1"};
    auto const call = request_of(sent, list_changed);
    ASSERT_TRUE(call.has_value());
    auto const read = ebs::read_list_changed_blocks_request(*call);
    ASSERT_TRUE(read.ok()) << said(read);
    EXPECT_EQ(read.value().second_snapshot_id, "snap-2");
    EXPECT_EQ(read.value().first_snapshot_id, "snap-1");
    EXPECT_EQ(read.value().max_results, 100);
    EXPECT_FALSE(read.value().next_token.has_value());

    Sent const json{.method = "POST",
                    .path = "/snapshots",
                    .body = R"({"VolumeSize": 8, "Tags": [{"Key": "a", "Value": "b"}]})"};
    auto const body = ebs::read_start_snapshot_request(*request_of(json, start));
    ASSERT_TRUE(body.ok()) << said(body);
    EXPECT_EQ(body.value().volume_size, 8);
    EXPECT_EQ(body.value().tags.at(0).key, "a");
}

TEST(Rest, RefusesByName)
{
    auto const put_with = [](std::string const& index, RestHeaders headers) {
        Sent const sent{.method = "PUT",
                        .path = "/snapshots/snap-0123/blocks/" + index,
                        .headers = std::move(headers)};
        return said(ebs::read_put_snapshot_block_request(*request_of(sent, put)));
    };
    EXPECT_EQ(put_with("1x", {}),
              "invalid: Value (1x) for parameter BlockIndex is invalid. It must be an integer");
    EXPECT_EQ(put_with("1", {}),
              "missing: The request must contain the parameter x-amz-Data-Length");
    EXPECT_EQ(put_with("1", {{"x-amz-Data-Length", "1"},
                             {"x-amz-Checksum", "x"},
                             {"x-amz-Checksum-Algorithm", "MD5"}}),
              "invalid: Value (MD5) for parameter x-amz-Checksum-Algorithm is invalid. It must be "
              "one of: SHA256");
    Sent const empty{.method = "POST", .path = "/snapshots"};
    EXPECT_EQ(said(ebs::read_start_snapshot_request(*request_of(empty, start))),
              "missing: The request must contain the parameter VolumeSize");
    Sent const array{.method = "POST", .path = "/snapshots", .body = "[]"};
    EXPECT_EQ(said(ebs::read_start_snapshot_request(*request_of(array, start))),
              "invalid: The request body is not a valid JSON object");
}

TEST(Rest, RoutesByMethodAndPath)
{
    auto const index = [](char const* method, char const* path) {
        auto const match = match_route(ebs::kRoutes, method, path);
        return match ? static_cast<int>(match->index) : -1;
    };
    EXPECT_EQ(index("POST", "/snapshots"), start);
    EXPECT_EQ(index("POST", "/snapshots/completion/snap-1"), complete);
    EXPECT_EQ(index("GET", "/snapshots/snap-1/blocks"), list);
    EXPECT_EQ(index("GET", "/snapshots/snap-1/blocks/0"), get);
    EXPECT_EQ(index("GET", "/snapshots"), -1);
    EXPECT_EQ(index("DELETE", "/snapshots/snap-1/blocks/0"), -1);
    EXPECT_EQ(index("GET", "/snapshots//blocks"), -1);
    EXPECT_EQ(index("GET", "/snapshots/snap-1/blocks/"), -1);
    EXPECT_EQ(index("GET", "/snapshots/%zz/blocks"), -1);
    EXPECT_EQ(index("GET", "/snapshots/a%ff/blocks"), -1);
    EXPECT_EQ(index("GET", ""), -1);
    EXPECT_EQ(match_route(ebs::kRoutes, "GET", "/snapshots/a%20b/blocks")->labels.at(0).value,
              "a b");
}

TEST(Rest, RepliesHaveHeadersAndBodies)
{
    auto const block = ebs::write_get_snapshot_block_result(
        {.data_length = 3, .block_data = "abc", .checksum = "sum=", .checksum_algorithm = {}});
    EXPECT_EQ(block.status, 200);
    EXPECT_EQ(block.content_type, "application/octet-stream");
    EXPECT_EQ(block.body, "abc");
    EXPECT_EQ(block.headers, (RestHeaders{{"x-amz-Data-Length", "3"}, {"x-amz-Checksum", "sum="}}));
    auto const begun = ebs::write_start_snapshot_result(
        {.snapshot_id = "snap-1", .start_time = Time(std::chrono::milliseconds(1500))});
    EXPECT_EQ(begun.status, 201);
    EXPECT_EQ(begun.body, R"({"SnapshotId":"snap-1","StartTime":1.5,"Tags":[]})");
    auto const refused = rest_error({"ValidationException", "No", "id", 400}, "INVALID_BLOCK");
    EXPECT_EQ(refused.body, R"({"Message":"No","Reason":"INVALID_BLOCK"})");
    EXPECT_NE(std::ranges::find(refused.headers, std::pair<std::string, std::string>(
                                                     "x-amzn-ErrorType", "ValidationException")),
              refused.headers.end());
}

} // namespace
} // namespace karat::wire
