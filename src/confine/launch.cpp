// SPDX-License-Identifier: Apache-2.0
#include "launch.hpp"

#include <charconv>
#include <fmt/format.h>

namespace karat::confine {
namespace {

Result<unsigned> parse_number(std::string_view text)
{
    unsigned number = 0;
    auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size())
        return fail(Fault::invalid, fmt::format("'{}' is not a number", text));
    return number;
}

constexpr std::pair<Visible::How, std::string_view> kHows[] = {
    {Visible::How::read, "--read"},
    {Visible::How::write, "--write"},
    {Visible::How::device, "--device"},
    {Visible::How::owned, "--owned"},
    {Visible::How::owned_read, "--owned-read"},
};

std::optional<Visible::How> how_named(std::string_view name)
{
    for (auto const& [how, word] : kHows)
        if (word == name)
            return how;
    return std::nullopt;
}

std::string_view word(Visible::How how)
{
    for (auto const& [one, name] : kHows)
        if (one == how)
            return name;
    return "";
}

bool set_switch(Launch& launch, std::string_view name)
{
    bool* const found = name == "--user-namespace"   ? &launch.user_namespace
                        : name == "--own-root"       ? &launch.own_root
                        : name == "--own-network"    ? &launch.own_network
                        : name == "--bind-low-ports" ? &launch.bind_low_ports
                        : name == "--proc"           ? &launch.proc
                                                     : nullptr;
    if (found)
        *found = true;
    return found != nullptr;
}

Result<void> set_value(Launch& launch, std::string_view name, std::string value)
{
    if (name == "--user")
        launch.user = TRY(parse_number(value));
    else if (name == "--group")
        launch.groups.push_back(TRY(parse_number(value)));
    else if (name == "--pid-file")
        launch.pid_file = std::move(value);
    else if (name == "--control-group")
        launch.control_groups.push_back(std::move(value));
    else if (auto const how = how_named(name))
        launch.visible.push_back({*how, std::move(value)});
    else if (name == "--at" && !launch.visible.empty())
        launch.visible.back().place = std::move(value);
    else if (name == "--link")
        launch.links.push_back({std::move(value), ""});
    else if (name == "--to" && !launch.links.empty())
        launch.links.back().target = std::move(value);
    else if (name == "--directory")
        launch.directory = std::move(value);
    else
        return fail(Fault::invalid, fmt::format("karat-confine does not know '{}'", name));
    return {};
}

} // namespace

std::vector<std::string> to_words(Launch const& launch)
{
    std::vector<std::string> words;
    auto const add = [&](std::string_view name, std::string_view value) {
        words.push_back(fmt::format("--{}={}", name, value));
    };
    if (!launch.pid_file.empty())
        add("pid-file", launch.pid_file);
    for (auto const& group : launch.control_groups)
        add("control-group", group);
    if (launch.user)
        add("user", std::to_string(*launch.user));
    for (auto const group : launch.groups)
        add("group", std::to_string(group));
    for (auto const& [set, name] : {std::pair(launch.user_namespace, "--user-namespace"),
                                    {launch.own_root, "--own-root"},
                                    {launch.own_network, "--own-network"},
                                    {launch.bind_low_ports, "--bind-low-ports"},
                                    {launch.proc, "--proc"}})
        if (set)
            words.emplace_back(name);
    for (auto const& [how, path, place] : launch.visible) {
        words.push_back(fmt::format("{}={}", word(how), path));
        if (!place.empty())
            add("at", place);
    }
    for (auto const& link : launch.links) {
        add("link", link.name);
        add("to", link.target);
    }
    add("directory", launch.directory);
    words.emplace_back("--");
    return words;
}

Result<Launch> parse_launch(std::vector<std::string> const& words)
{
    Launch launch;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view const word = words[i];
        if (word == "--") {
            launch.program.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
            break;
        }
        auto const equals = word.find('=');
        if (equals == std::string_view::npos && set_switch(launch, word))
            continue;
        auto const name = word.substr(0, equals);
        auto const value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
        TRY(set_value(launch, name, std::string(value)));
    }
    if (launch.program.empty())
        return fail(Fault::invalid, "karat-confine WORDS -- PROGRAM ARGUMENTS");
    return launch;
}

} // namespace karat::confine
