// SPDX-License-Identifier: Apache-2.0
#include "printing.hpp"

#include "admin_client.hpp"

#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

namespace karat::cli {
namespace {

/// One line of text, whatever the daemon says: names may hold what a terminal obeys.
std::string plain(std::string text)
{
    for (auto& c : text)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
            c = ' ';
    return text;
}

std::string text_of(Json const& value)
{
    if (value.is_null())
        return "-";
    return plain(value.is_string() ? value.get<std::string>() : value.dump());
}

/// Times that only a person reads are short.
std::string cell(Json const& row, std::string const& member)
{
    auto const found = row.find(member);
    if (found == row.end() || (found->is_string() && found->get<std::string>().empty()))
        return "-";
    if (member.ends_with("_seconds") && found->is_number_integer())
        return human_time(found->get<std::int64_t>());
    return text_of(*found);
}

void print_members(std::string const& prefix, Json const& object)
{
    for (auto const& [key, value] : object.items()) {
        if (value.is_object()) {
            print_members(prefix + key + ".", value);
        } else if (value.is_array() && !value.empty()) {
            for (auto const& element : value)
                print(fmt::format("{}{}\t{}", prefix, key, text_of(element)));
        } else {
            print(fmt::format("{}{}\t{}", prefix, key, text_of(value)));
        }
    }
}

void print_lines(Json const& rows, std::vector<char const*> const& members)
{
    for (auto const& row : rows) {
        std::string line;
        for (auto const* const member : members)
            line += (member == members.front() ? "" : "\t") + cell(row, member);
        print(line);
    }
}

/// For a person only: a script that reads the lines need not skip one.
void print_names(std::vector<char const*> const& members)
{
    if (::isatty(STDOUT_FILENO) != 1)
        return;
    std::string line;
    for (std::string name : members) {
        if (name.ends_with("_seconds"))
            name.resize(name.size() - std::strlen("_seconds"));
        line += (line.empty() ? "" : "\t") + name;
    }
    print(line);
}

} // namespace

void print(std::string const& line) { std::fputs((line + "\n").c_str(), stdout); }

void print_object(Options const& options, Json const& object)
{
    if (options.json)
        return print(object.dump());
    print_members("", object);
}

void print_rows(Options const& options, Json const& rows, std::vector<char const*> const& members)
{
    if (options.json)
        return print(rows.dump());
    if (!rows.empty())
        print_names(members);
    print_lines(rows, members);
}

Result<void> print_pages(Options const& options, Pages const& pages, Json request)
{
    Json all = Json::array();
    for (bool first = true;; first = false) {
        auto const page = TRY(ask(options.socket(), pages.verb, request));
        auto const& rows = page.at(pages.list);
        if (options.json) {
            all.insert(all.end(), rows.begin(), rows.end());
        } else {
            if (first && !rows.empty())
                print_names(pages.members);
            print_lines(rows, pages.members);
        }
        if (!page.contains("next"))
            break;
        request["after"] = page.at("next");
    }
    if (options.json)
        print(all.dump());
    return {};
}

std::string human_time(std::int64_t seconds)
{
    if (seconds < 60)
        return fmt::format("{}s", seconds);
    auto const minutes = seconds / 60;
    if (minutes < 60)
        return fmt::format("{}m{}s", minutes, seconds % 60);
    auto const hours = minutes / 60;
    if (hours < 24)
        return fmt::format("{}h{}m", hours, minutes % 60);
    return fmt::format("{}d{}h", hours / 24, hours % 24);
}

} // namespace karat::cli
