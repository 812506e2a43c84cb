// SPDX-License-Identifier: Apache-2.0
// What real clients sent (Packer, Terraform, Ansible, aws-cli, boto3), through our readers. The
// recordings are not part of this repository; without them the test is skipped.
#include "karat/json.hpp"
#include "karat/wire/ec2.hpp"
#include "karat/wire/ec2_operations.hpp"
#include "karat/wire/sts.hpp"
#include "karat/wire/sts_operations.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace karat::wire {
namespace {

using Read = Result<void> (*)(Params const&);

std::map<std::string, Read> readers()
{
    return {
#define X(Name, name)                                                                              \
    {#Name, [](Params const& params) -> Result<void> {                                             \
         (void)TRY(ec2::read_##name##_request(params));                                            \
         return {};                                                                                \
     }},
        KARAT_EC2_OPERATIONS(X)
#undef X
#define X(Name, name)                                                                              \
    {#Name, [](Params const& params) -> Result<void> {                                             \
         (void)TRY(sts::read_##name##_request(params));                                            \
         return {};                                                                                \
     }},
            KARAT_STS_OPERATIONS(X)
#undef X
    };
}

std::filesystem::path recordings()
{
    std::filesystem::path const root = KARAT_SOURCE_DIR;
    for (auto const* near : {"../shared/reference/recorded", "../../shared/reference/recorded"}) {
        if (exists(root / near))
            return root / near;
    }
    return {};
}

std::string text(nlohmann::json const& value)
{
    auto const said = value.is_string() ? value.get<std::string>() : value.dump();
    return said.ends_with("...") ? "AAAA" : said; // the recorder cut long values, all base64, short
}

TEST(Recorded, EveryRequestOfASupportedOperationIsUnderstood)
{
    auto const folder = recordings();
    if (folder.empty())
        GTEST_SKIP() << "no recorded requests beside the repository (../shared/reference/recorded)";
    auto const known = readers();
    std::map<std::string, int> replayed;
    for (auto const& file : std::filesystem::directory_iterator(folder)) {
        std::ifstream lines(file.path());
        for (std::string line; file.path().extension() == ".jsonl" && std::getline(lines, line);) {
            auto const call = nlohmann::json::parse(line);
            auto const action = call.value("action", nlohmann::json());
            auto const reader = known.find(action.is_string() ? text(action) : "");
            if (reader == known.end())
                continue;
            Params params;
            for (auto const& [name, value] : call.at("params").items())
                params.push_back({name, text(value)});
            auto const read = reader->second(params);
            EXPECT_TRUE(read.ok() || read.error().fault == Fault::unsupported)
                << file.path().filename() << ": " << line.substr(0, 400) << "\n"
                << read.error().message;
            ++replayed[reader->first];
        }
    }
    int total = 0;
    for (auto const& [name, count] : replayed)
        total += count;
    RecordProperty("requests", total);
    RecordProperty("operations", static_cast<int>(replayed.size()));
    EXPECT_GE(total, 100);
    EXPECT_GE(replayed.size(), 20U);
}

} // namespace
} // namespace karat::wire
