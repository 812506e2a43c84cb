// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"

#include "karat/hash.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

namespace karat::api::ec2 {
namespace {

constexpr std::size_t kMaxFilters = 50;
constexpr std::size_t kMaxFilterValues = 200;
constexpr std::string_view kTagPrefix = "tag:";

} // namespace

bool glob_matches(std::string_view pattern, std::string_view text)
{
    // Greedy with one point to go back to: linear but for runs of '*', bounded by both lengths.
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t mark = 0;
    while (t < text.size()) {
        bool const escaped = p + 1 < pattern.size() && pattern[p] == '\\';
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (escaped ? pattern[p + 1] == text[t]
                           : p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            p += escaped ? 2 : 1;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++mark;
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
                           std::span<std::string_view const> known)
{
    if (filters.size() > kMaxFilters)
        return Error{Fault::exhausted, Noun::filter,
                     fmt::format("A call has at most {} filters", kMaxFilters)};
    for (auto const& filter : filters) {
        auto const name = canonical_filter_name(filter);
        if (name.empty() || filter.values.empty())
            return Error{Fault::invalid, Noun::none,
                         "A filter needs a name and at least one value"};
        if (filter.values.size() > kMaxFilterValues)
            return Error{
                Fault::exhausted, Noun::filter,
                fmt::format("The filter '{}' has more than {} values", name, kMaxFilterValues)};
        bool const tags = name == "tag-key" || name.starts_with(kTagPrefix);
        if (!tags && std::find(known.begin(), known.end(), name) == known.end())
            return Error{Fault::unknown, Noun::filter,
                         fmt::format("The filter '{}' is invalid", name.substr(0, 128))};
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

bool passes_tags(wire::ec2::Filter const& filter, Tags const& tags)
{
    auto const name = canonical_filter_name(filter);
    if (name != "tag-key") {
        auto const found = tags.find(name.substr(kTagPrefix.size()));
        return found != tags.end() && passes(filter, {found->second});
    }
    Values keys;
    for (auto const& [key, value] : tags)
        keys.push_back(key);
    return passes(filter, keys);
}

bool names_tags(wire::ec2::Filter const& filter)
{
    auto const name = canonical_filter_name(filter);
    return name == "tag-key" || name.starts_with(kTagPrefix);
}

Result<PageCut> cut_page(std::size_t count, PageRequest const& request)
{
    std::size_t begin = 0;
    if (request.next_token && !request.next_token->empty()) {
        auto const decoded = from_hex(*request.next_token);
        auto const text = decoded.ok() ? std::string(as_text(decoded.value())) : std::string();
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), begin);
        if (error != std::errc() || end != text.data() + text.size() || text.empty() ||
            begin > count)
            return Error{Fault::invalid, Noun::page_token,
                         "The NextToken is not one that this service gave"};
    }
    if (request.max_results && *request.max_results < 1)
        return fail(Fault::invalid,
                    fmt::format("MaxResults must be at least 1, not {}", *request.max_results));
    auto const wanted =
        request.max_results ? static_cast<std::size_t>(*request.max_results) : count;
    PageCut cut{
        .begin = begin, .end = std::min(count, begin + std::min(wanted, count)), .next = {}};
    if (cut.end < count)
        cut.next = to_hex(as_bytes(std::to_string(cut.end)));
    return cut;
}

Result<void> no_pages_with_ids(std::string_view set, std::vector<std::string> const& ids,
                               std::optional<std::int32_t> const& max_results)
{
    if (!ids.empty() && max_results)
        return Error{
            Fault::invalid, Noun::combination,
            fmt::format("The parameter {} cannot be used with the parameter maxResults", set)};
    return {};
}

std::vector<wire::ec2::Tag> wire_tags(Tags const& tags)
{
    std::vector<wire::ec2::Tag> list;
    for (auto const& [key, value] : tags)
        list.push_back({.key = key, .value = value});
    return list;
}

Result<TagSets> tag_sets(std::vector<wire::ec2::TagSpecification> const& specifications,
                         std::initializer_list<std::string_view> types)
{
    TagSets sets;
    std::set<std::string_view> given;
    for (auto const type : types)
        sets[type] = {};
    for (auto const& one : specifications) {
        auto const type = one.resource_type.value_or("");
        if (type.empty())
            return fail(Fault::invalid, "Tag specification resource type must have a value");
        auto const set = sets.find(type);
        if (set == sets.end())
            return fail(Fault::invalid, fmt::format("'{}' is not a valid taggable resource type "
                                                    "for this operation.",
                                                    type.substr(0, 64)));
        if (!given.insert(set->first).second)
            return fail(Fault::invalid, "The same resource type may not be specified more than "
                                        "once in tag specifications");
        if (one.tags.empty())
            return fail(Fault::invalid, "Tag specification must have at least one tag");
        set->second = TRY(tags_of(one.tags));
    }
    return sets;
}

Result<Tags> tags_for(std::vector<wire::ec2::TagSpecification> const& specifications,
                      std::string_view type)
{
    auto sets = TRY(tag_sets(specifications, {type}));
    return std::move(sets.at(type));
}

Error not_offered(std::string_view parameter)
{
    return fail(Fault::unsupported, fmt::format("{} is not offered here; leave it out", parameter));
}

} // namespace karat::api::ec2
