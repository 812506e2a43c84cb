// SPDX-License-Identifier: Apache-2.0
#include "script_text.hpp"

#include "karat/json.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <sstream>

namespace karat::testing {

std::string percent_encode(std::string_view text)
{
    std::string encoded;
    for (char const c : text)
        encoded += std::isalnum(static_cast<unsigned char>(c)) != 0
                       ? std::string(1, c)
                       : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return encoded;
}

namespace {

constexpr std::string_view kSeparator = "----";

/// "@24000" is so many letters: for values that are too long to write down.
std::string spelled_out(std::string const& value)
{
    if (!value.starts_with("@"))
        return value;
    std::size_t count = 0;
    std::from_chars(value.data() + 1, value.data() + value.size(), count);
    return std::string(count, 'A');
}

/// The call of the query protocols: a form.
api::Call query_call(std::string const& action, std::vector<std::string> const& params)
{
    api::Call call;
    call.body = "Action=" + action;
    for (auto const& param : params) {
        auto const equals = std::min(param.find('='), param.size() - 1);
        call.body += "&" + percent_encode(param.substr(0, equals)) + "=" +
                     percent_encode(spelled_out(param.substr(equals + 1)));
    }
    return call;
}

/// The call of the JSON protocol: values that read as JSON are JSON, others are strings.
api::Call json_call(std::string const& action, std::vector<std::string> const& params)
{
    nlohmann::json body = nlohmann::json::object();
    for (auto const& param : params) {
        auto const equals = param.find('=');
        auto text = param.substr(equals + 1);
        std::ranges::replace(text, '\'', '"'); // which would end a word
        auto const value = nlohmann::json::parse(text, nullptr, false);
        if (value.is_discarded())
            body[param.substr(0, equals)] = param.substr(equals + 1);
        else
            body[param.substr(0, equals)] = value;
    }
    return {.headers = {{"X-Amz-Target", "AmazonSSM." + action}},
            .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

} // namespace

std::vector<std::string> split_words(std::string_view line)
{
    std::vector<std::string> words;
    std::string word;
    bool quoted = false;
    bool begun = false;
    for (char const c : line) {
        if (c == '#' && !begun && !quoted)
            break;
        if (c == '"')
            quoted = !quoted;
        else if (c != ' ' || quoted)
            word += c;
        begun = begun || c != ' ';
        if (c == ' ' && !quoted && begun) {
            words.push_back(std::exchange(word, {}));
            begun = false;
        }
    }
    if (begun)
        words.push_back(word);
    return words;
}

std::chrono::milliseconds read_duration(std::string_view text)
{
    if (text.starts_with("+"))
        text.remove_prefix(1);
    std::int64_t count = 0;
    auto const end = std::from_chars(text.data(), text.data() + text.size(), count).ptr;
    std::string_view const unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    return std::chrono::milliseconds(count * (unit == "ms"  ? 1
                                              : unit == "s" ? 1000
                                              : unit == "m" ? 60'000
                                                            : 3'600'000));
}

std::uint64_t read_size(std::string_view text)
{
    std::uint64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count << (text.ends_with("M") ? 20U : text.ends_with("K") ? 10U : 0U);
}

std::vector<Block> parse_blocks(std::string const& text)
{
    std::vector<Block> blocks(1);
    bool expecting = false;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (line.empty()) {
            if (!blocks.back().head.empty())
                blocks.emplace_back();
            expecting = false;
        } else if (line == kSeparator) {
            expecting = true;
        } else if (expecting) {
            blocks.back().expected += line + "\n";
        } else {
            blocks.back().head.push_back(line);
        }
    }
    if (blocks.back().head.empty())
        blocks.pop_back();
    return blocks;
}

std::string print_blocks(std::vector<Block> const& blocks)
{
    std::string text;
    for (auto const& block : blocks) {
        if (!text.empty())
            text += "\n";
        for (auto const& line : block.head)
            text += line + "\n";
        if (!block.expected.empty())
            text += std::string(kSeparator) + "\n" + block.expected;
    }
    return text;
}

std::string_view service_of(std::string_view action)
{
    return action.starts_with("GetParameter") ? "ssm"
           : action == "GetCallerIdentity"    ? "sts"
                                              : "ec2";
}

api::Call make_call(std::string const& action, std::vector<std::string> const& params)
{
    return service_of(action) == "ssm" ? json_call(action, params) : query_call(action, params);
}

} // namespace karat::testing
