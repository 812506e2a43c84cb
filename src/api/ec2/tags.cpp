// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"
#include "handlers.hpp"

namespace karat::api::ec2 {
namespace {

/// One tag of one thing, which is what DescribeTags lists, filters and pages.
struct ListedTag {
    wire::ec2::TagDescription reply;
    std::vector<wire::ec2::Tag> tags; ///< This one: "tag:<key>" asks for tags, not for things.
};

using WireTag = wire::ec2::TagDescription;

/// Of a tag: the thing and the key.
Values tag_id(ListedTag const& tag)
{
    return {tag.reply.resource_id.value_or(""), tag.reply.key.value_or("")};
}

constexpr FilterRule<ListedTag> kTagRules[] = {
    {"key", at<&ListedTag::reply, &WireTag::key>},
    {"resource-id", at<&ListedTag::reply, &WireTag::resource_id>},
    {"resource-type", at<&ListedTag::reply, &WireTag::resource_type>},
    {"value", at<&ListedTag::reply, &WireTag::value>},
};
constexpr Listing<ListedTag> kTags{kTagRules, tag_id, tags_at<&ListedTag::tags>};

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
    std::vector<ListedTag> all;
    for (auto const& thing : things)
        for (auto const& [key, value] : thing.tags)
            all.push_back({.reply = {.key = key,
                                     .resource_id = thing.id,
                                     .resource_type = thing.type,
                                     .value = value},
                           .tags = {{.key = key, .value = value}}});
    wire::ec2::DescribeTagsResult result;
    auto const page = TRY(page_of(std::move(all), request, kTags, result.next_token));
    for (auto const& tag : page)
        result.tags.push_back(tag.reply);
    return result;
}

} // namespace karat::api::ec2
