// SPDX-License-Identifier: Apache-2.0
#include "complaint_for_test.hpp"

#include "karat/wire/ssm.hpp"

#include <gtest/gtest.h>

namespace karat::wire {
namespace {

TEST(Json, ReadsARequestAndPassesOverWhatItDoesNotKnow)
{
    auto const read = ssm::read_get_parameters_by_path_request(
        R"({"Path":"/aws","Recursive":true,"MaxResults":10,"NextToken":null,"New":[{}],
            "ParameterFilters":[{"Key":"Type","Values":["String"]}]})");
    ASSERT_EQ(complaint(read), "none");
    EXPECT_EQ(read.value().path, "/aws");
    EXPECT_EQ(read.value().recursive, true);
    EXPECT_EQ(read.value().max_results, 10);
    EXPECT_EQ(read.value().next_token, std::nullopt);
    EXPECT_EQ(read.value().parameter_filters.at(0).values.at(0), "String");
}

TEST(Json, NamesWhatIsWrong)
{
    auto const by_path = [](char const* body) {
        return complaint(ssm::read_get_parameters_by_path_request(body));
    };
    EXPECT_EQ(by_path("{}"), "missing: The request must contain the parameter Path");
    EXPECT_EQ(by_path(R"({"Path":1})"),
              "invalid: Value (1) for parameter Path is invalid. It must be a string");
    EXPECT_EQ(
        by_path(R"({"Path":"/","MaxResults":11})"),
        "invalid: Value (11) for parameter MaxResults is invalid. It must be between 1 and 10");
    EXPECT_EQ(by_path(R"({"Path":"/","MaxResults":18446744073709551615})"),
              "invalid: Value (18446744073709551615) for parameter MaxResults is invalid. It must "
              "be an integer");
    EXPECT_EQ(by_path(R"({"Path":"/","ParameterFilters":[{}]})"),
              "missing: The request must contain the parameter ParameterFilters.Key");
    EXPECT_EQ(by_path(R"({"Path":"/","ParameterFilters":{}})"),
              "invalid: Value ({}) for parameter ParameterFilters is invalid. It must be a list");
    EXPECT_EQ(complaint(ssm::read_get_parameters_request(R"({"Names":[]})")),
              "invalid: The parameter Names has 0 values. It must be between 1 and 10 values");
}

TEST(Json, RefusesWhatIsNotAnObjectOrTooBig)
{
    for (auto const* body : {"", "[]", "1", "{", "{\"Name\":\"\xFF\"}", "{\"Name\":1e999}"})
        EXPECT_EQ(complaint(ssm::read_get_parameter_request(body)),
                  "invalid: The request body is not a valid JSON object")
            << body;
    std::string const deep = R"({"x":)" + std::string(32, '[') + std::string(32, ']') + "}";
    EXPECT_EQ(complaint(ssm::read_get_parameter_request(deep)),
              "invalid: The request body is nested more than 32 levels deep");
    std::string const large = R"({"Name":")" + std::string(1 << 20, 'x') + "\"}";
    EXPECT_EQ(complaint(ssm::read_get_parameter_request(large)),
              "invalid: The request body is larger than 1 MiB");
}

TEST(Json, WritesAReply)
{
    ssm::Parameter const parameter{
        .name = "/image",
        .value = "ami-1",
        .version = 9007199254740993,
        .last_modified_date = parse_time("2026-01-02T03:04:05.678Z").value(),
    };
    EXPECT_EQ(ssm::write_get_parameter_result({.parameter = parameter}),
              R"({"Parameter":{"Name":"/image","Value":"ami-1","Version":9007199254740993,)"
              R"("LastModifiedDate":1767323045.678}})");
    EXPECT_EQ(ssm::write_get_parameters_result({.invalid_parameters = {"a\"b"}}),
              R"({"Parameters":[],"InvalidParameters":["a\"b"]})");
}

} // namespace
} // namespace karat::wire
