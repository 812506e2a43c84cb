// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"
#include "handlers.hpp"

namespace karat::api::ec2 {
namespace {

/// One tag of one thing, which is what DescribeTags lists, filters and pages.
struct ShownTag {
    std::string key;
    std::string value;
    std::string resource_id;
    std::string resource_type;
    Tags tags; ///< This tag alone: "tag:<key>" asks for tags, not for things that have them.
};

constexpr FilterRule<ShownTag> kTagRules[] = {
    {"key", [](ShownTag const& tag) { return Values{tag.key}; }},
    {"resource-id", [](ShownTag const& tag) { return Values{tag.resource_id}; }},
    {"resource-type", [](ShownTag const& tag) { return Values{tag.resource_type}; }},
    {"value", [](ShownTag const& tag) { return Values{tag.value}; }},
};

} // namespace

Result<wire::ec2::CreateTagsResult> create_tags(engine::Engine& engine,
                                                engine::Caller const& caller,
                                                wire::ec2::CreateTagsRequest const& request)
{
    auto const tags = TRY(tags_of(request.tags));
    TRY(engine.create_tags(caller, request.resources, tags, request.dry_run));
    return wire::ec2::CreateTagsResult{};
}

Result<wire::ec2::DeleteTagsResult> delete_tags(engine::Engine& engine,
                                                engine::Caller const& caller,
                                                wire::ec2::DeleteTagsRequest const& request)
{
    std::vector<engine::Engine::TagToDelete> tags;
    for (auto const& tag : request.tags) {
        if (!tag.key)
            return Error{Fault::missing, Noun::tag, "A tag to delete needs a Key"};
        tags.push_back({.key = *tag.key, .value = tag.value});
    }
    TRY(engine.delete_tags(caller, request.resources, tags, request.dry_run));
    return wire::ec2::DeleteTagsResult{};
}

Result<wire::ec2::DescribeTagsResult> describe_tags(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ec2::DescribeTagsRequest const& request)
{
    auto const things = TRY(engine.tagged(caller));
    std::vector<ShownTag> all;
    for (auto const& thing : things)
        for (auto const& [key, value] : thing.tags)
            all.push_back({key, value, thing.id, thing.type, {{key, value}}});
    auto some = TRY(filtered(std::move(all), request.filters, kTagRules));
    wire::ec2::DescribeTagsResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& tag : page)
        result.tags.push_back({.key = tag.key,
                               .resource_id = tag.resource_id,
                               .resource_type = tag.resource_type,
                               .value = tag.value});
    return result;
}

} // namespace karat::api::ec2
