// SPDX-License-Identifier: Apache-2.0
#include "describe.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace karat::api::ec2 {

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

Result<void> no_pages_with_ids(std::string_view set, std::vector<std::string> const& ids,
                               std::optional<std::int32_t> const& max_results)
{
    if (!ids.empty() && max_results)
        return Error{
            Fault::invalid, Noun::combination,
            fmt::format("The parameter {} cannot be used with the parameter maxResults", set)};
    return {};
}

} // namespace karat::api::ec2
