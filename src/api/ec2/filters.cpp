// SPDX-License-Identifier: Apache-2.0
#include "filters.hpp"

#include "karat/ids.hpp"

namespace karat::api::ec2 {
namespace {

constexpr std::size_t kMaxFilters = 50;
constexpr std::size_t kMaxFilterValues = 200;
constexpr std::string_view kTagPrefix = "tag:";

/// Where the character after the one at `place` begins.
std::size_t next_character(std::string_view text, std::size_t place)
{
    do
        ++place;
    while (place < text.size() && (static_cast<unsigned char>(text[place]) & 0xC0) == 0x80);
    return place;
}

/// Whether a backslash at `place` takes the meaning of the character after it. Before any other it
/// is a backslash.
bool escapes(std::string_view pattern, std::size_t place)
{
    return place + 1 < pattern.size() && pattern[place] == '\\' &&
           std::string_view("*?\\").find(pattern[place + 1]) != std::string_view::npos;
}

/// What a pattern's text begins with; whole when nothing in it is a wildcard.
engine::Narrowing::Name beginning_of(std::string_view pattern)
{
    engine::Narrowing::Name name;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (escapes(pattern, at))
            ++at;
        else if (pattern[at] == '*' || pattern[at] == '?')
            return {name.text, false};
        name.text += pattern[at];
    }
    return name;
}

/// Nothing when one of the patterns has a wildcard.
std::optional<std::vector<std::string>> whole_texts(std::vector<std::string> const& patterns)
{
    std::vector<std::string> texts;
    for (auto const& pattern : patterns) {
        auto name = beginning_of(pattern);
        if (!name.is_whole)
            return {};
        texts.push_back(std::move(name.text));
    }
    return texts;
}

} // namespace

bool glob_matches(std::string_view pattern, std::string_view text)
{
    // Greedy with one point to go back to: linear but for runs of '*', bounded by both lengths.
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t mark = 0;
    while (t < text.size()) {
        bool const escaped = escapes(pattern, p);
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p] == '?') {
            ++p;
            t = next_character(text, t);
        } else if (escaped ? pattern[p + 1] == text[t]
                           : p < pattern.size() && pattern[p] == text[t]) {
            p += escaped ? 2 : 1;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            mark = next_character(text, mark);
            t = mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

std::string canonical_filter_name(wire::ec2::Filter const& filter)
{
    auto given = filter.name.value_or("");
    if (given.starts_with(kTagPrefix) || given.find('-') != std::string::npos)
        return given;
    std::string name;
    for (char const c : given) {
        if (c >= 'A' && c <= 'Z') {
            name += '-';
            name += static_cast<char>(c - 'A' + 'a');
        } else {
            name += c;
        }
    }
    return name;
}

Result<void> check_filters(std::vector<wire::ec2::Filter> const& filters,
                           std::span<std::string_view const> known, bool tags)
{
    if (filters.size() > kMaxFilters)
        return Error{Fault::exhausted, Noun::filter,
                     fmt::format("A call has at most {} filters", kMaxFilters)};
    for (auto const& filter : filters) {
        auto const name = canonical_filter_name(filter);
        if (filter.values.size() > kMaxFilterValues)
            return Error{
                Fault::exhausted, Noun::filter,
                fmt::format("The filter '{}' has more than {} values", name, kMaxFilterValues)};
        bool const knows = std::find(known.begin(), known.end(), name) != known.end() ||
                           (tags && names_tags(name));
        if (!knows) {
            auto const given = filter.name.value_or("null").substr(0, 128);
            return Error{Fault::unknown, Noun::filter,
                         fmt::format("The filter '{}' is invalid", given)};
        }
    }
    return {};
}

bool passes(wire::ec2::Filter const& filter, Values const& values)
{
    return std::any_of(filter.values.begin(), filter.values.end(), [&](std::string const& pattern) {
        return std::any_of(values.begin(), values.end(),
                           [&](std::string const& value) { return glob_matches(pattern, value); });
    });
}

bool names_tags(std::string_view canonical_name)
{
    return canonical_name == "tag-key" || canonical_name == "tag-value" ||
           canonical_name.starts_with(kTagPrefix);
}

Values tag_values(std::string_view canonical_name, Tags const& tags)
{
    Values values;
    if (canonical_name == "tag-key" || canonical_name == "tag-value") {
        for (auto const& [key, value] : tags)
            values.push_back(canonical_name == "tag-key" ? key : value);
        return values;
    }
    auto const found = tags.find(std::string(canonical_name.substr(kTagPrefix.size())));
    if (found != tags.end())
        values.push_back(found->second);
    return values;
}

Values tag_values(std::string_view canonical_name, std::vector<wire::ec2::Tag> const& tags)
{
    Tags map;
    for (auto const& tag : tags)
        map.emplace(tag.key.value_or(""), tag.value.value_or(""));
    return tag_values(canonical_name, map);
}

engine::Narrowing narrowing_of(std::vector<wire::ec2::Filter> const& filters)
{
    engine::Narrowing narrowing;
    for (auto const& filter : filters) {
        auto const name = canonical_filter_name(filter);
        auto const texts = whole_texts(filter.values);
        if (texts && name.starts_with(kTagPrefix))
            narrowing.tag = {name.substr(kTagPrefix.size()), *texts};
        if (name != "name")
            continue;
        for (auto const& pattern : filter.values)
            narrowing.names.push_back(beginning_of(pattern));
        if (std::ranges::any_of(narrowing.names, [](auto const& one) { return one.text.empty(); }))
            narrowing.names.clear();
    }
    return narrowing;
}

} // namespace karat::api::ec2
