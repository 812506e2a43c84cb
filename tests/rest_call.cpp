// SPDX-License-Identifier: Apache-2.0
#include "rest_call.hpp"

#include "script_text.hpp"

#include "karat/hash.hpp"
#include "karat/json.hpp"
#include "karat/staged.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace karat::testing {
namespace {

struct Operation {
    std::string_view method;
    std::string_view path;
};
std::map<std::string, Operation, std::less<>> const kOperations{
    {"StartSnapshot", {"POST", "/snapshots"}},
    {"PutSnapshotBlock", {"PUT", "/snapshots/{SnapshotId}/blocks/{BlockIndex}"}},
    {"CompleteSnapshot", {"POST", "/snapshots/completion/{SnapshotId}"}},
    {"GetSnapshotBlock", {"GET", "/snapshots/{SnapshotId}/blocks/{BlockIndex}"}},
    {"ListSnapshotBlocks", {"GET", "/snapshots/{SnapshotId}/blocks"}},
    {"ListChangedBlocks", {"GET", "/snapshots/{SecondSnapshotId}/changedblocks"}},
};
std::map<std::string, std::string, std::less<>> const kQueries{
    {"FirstSnapshotId", "firstSnapshotId"}, {"NextToken", "pageToken"},
    {"MaxResults", "maxResults"},           {"StartingBlockIndex", "startingBlockIndex"},
    {"BlockToken", "blockToken"},
};
std::map<std::string, std::string, std::less<>> const kHeaders{
    {"DataLength", "x-amz-Data-Length"},
    {"Checksum", "x-amz-Checksum"},
    {"ChecksumAlgorithm", "x-amz-Checksum-Algorithm"},
    {"ChecksumAggregationMethod", "x-amz-Checksum-Aggregation-Method"},
    {"ChangedBlocksCount", "x-amz-ChangedBlocksCount"},
    {"Progress", "x-amz-Progress"},
};

std::string block_of(std::string const& word)
{
    std::string block(blocks::kStagedUnitBytes, '\0');
    if (word != "zero")
        for (std::size_t i = 0; i < block.size(); ++i)
            block[i] = i % (word.size() + 1) == word.size() ? ' ' : word[i % (word.size() + 1)];
    return block;
}

std::string word_of(std::string const& block)
{
    if (block.find_first_not_of('\0') == std::string::npos)
        return "zero";
    auto const word = block.substr(0, std::min<std::size_t>(block.find(' '), 32));
    return block == block_of(word) ? word : "(something else)";
}

bool has_header(api::Call const& call, std::string_view name)
{
    return std::ranges::any_of(call.headers, [&](auto const& one) { return one.first == name; });
}

void add_block(api::Call& call, std::string const& word)
{
    call.body = block_of(word);
    if (!has_header(call, "x-amz-Data-Length"))
        call.headers.emplace_back("x-amz-Data-Length", std::to_string(call.body.size()));
    if (!has_header(call, "x-amz-Checksum"))
        call.headers.emplace_back("x-amz-Checksum", to_base64(sha256(call.body).bytes));
    if (!has_header(call, "x-amz-Checksum-Algorithm"))
        call.headers.emplace_back("x-amz-Checksum-Algorithm", "SHA256");
}

void add_json(nlohmann::json& body, std::string const& name, std::string const& value)
{
    auto const parsed = nlohmann::json::parse(value, nullptr, false);
    body[name] = parsed.is_discarded() ? nlohmann::json(value) : parsed;
}

} // namespace

bool is_rest_action(std::string_view action) { return kOperations.contains(action); }

api::Call make_rest_call(std::string const& action, std::vector<std::string> const& params)
{
    auto const& operation = kOperations.at(action);
    api::Call call{.method = std::string(operation.method), .path = std::string(operation.path)};
    nlohmann::json body = nlohmann::json::object();
    std::string block;
    for (auto const& param : params) {
        auto const equals = std::min(param.find('='), param.size() - 1);
        auto const name = param.substr(0, equals);
        auto const value = param.substr(equals + 1);
        if (auto const at = call.path.find("{" + name + "}"); at != std::string::npos)
            call.path.replace(at, name.size() + 2, value);
        else if (auto const query = kQueries.find(name); query != kQueries.end())
            call.query +=
                (call.query.empty() ? "" : "&") + query->second + "=" + percent_encode(value);
        else if (auto const header = kHeaders.find(name); header != kHeaders.end())
            call.headers.emplace_back(header->second, value);
        else if (name.starts_with("Tag."))
            body["Tags"].push_back({{"Key", name.substr(4)}, {"Value", value}});
        else if (name == "Data")
            block = value;
        else
            add_json(body, name, value);
    }
    if (!block.empty())
        add_block(call, block);
    else if (!body.empty())
        call.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return call;
}

Node read_rest_reply(api::Reply const& reply)
{
    Node node{.name = "reply", .text = {}, .children = {}};
    if (reply.content_type == "application/octet-stream")
        node.children.push_back({.name = "Data", .text = word_of(reply.body), .children = {}});
    else
        node = read_reply(reply);
    for (auto const& [name, value] : reply.headers)
        if (name.starts_with("x-amz-"))
            node.children.push_back({.name = name.substr(6), .text = value, .children = {}});
    return node;
}

std::string print_rest_error(api::Reply const& reply)
{
    auto const body = nlohmann::json::parse(reply.body, nullptr, false);
    std::string code;
    for (auto const& [name, value] : reply.headers)
        if (name == "x-amzn-ErrorType")
            code = value;
    auto const reason = body.value("Reason", "");
    return fmt::format("! {} {}{}{} {}\n", reply.status, code, reason.empty() ? "" : " ", reason,
                       body.value("Message", ""));
}

} // namespace karat::testing
