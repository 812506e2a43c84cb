// SPDX-License-Identifier: Apache-2.0
#include "describe.hpp"
#include "handlers.hpp"

#include "karat/wire/ec2/tags.hpp"

namespace karat::api::ec2 {
namespace {

/// One tag of one thing, which is what DescribeTags lists, filters and pages.
struct ListedTag {
    wire::ec2::TagDescription reply;
    std::vector<wire::ec2::Tag> tags; ///< This one: "tag:<key>" asks for tags, not for things.
};

using WireTag = wire::ec2::TagDescription;

constexpr FilterRule<ListedTag> kTagRules[] = {
    {"key", at<&ListedTag::reply, &WireTag::key>},
    {"resource-id", at<&ListedTag::reply, &WireTag::resource_id>},
    {"resource-type", at<&ListedTag::reply, &WireTag::resource_type>},
    {"value", at<&ListedTag::reply, &WireTag::value>},
};
constexpr Listing<ListedTag> kTags{kTagRules, tags_at<&ListedTag::tags>};

} // namespace

Result<wire::ec2::CreateTagsResult> create_tags(Desk const& desk,
                                                wire::ec2::CreateTagsRequest const& request)
{
    auto const tags = TRY(tags_of(request.tags));
    TRY(desk.engine.create_tags(desk.caller, request.resources, tags, request.dry_run));
    return wire::ec2::CreateTagsResult{};
}

Result<wire::ec2::DeleteTagsResult> delete_tags(Desk const& desk,
                                                wire::ec2::DeleteTagsRequest const& request)
{
    std::vector<engine::Engine::TagToDelete> tags;
    for (auto const& tag : request.tags) {
        if (!tag.key)
            return Error{Fault::missing, Noun::tag, "A tag to delete needs a Key"};
        tags.push_back({.key = *tag.key, .value = tag.value});
    }
    TRY(desk.engine.delete_tags(desk.caller, request.resources, tags, request.dry_run));
    return wire::ec2::DeleteTagsResult{};
}

Result<wire::ec2::DescribeTagsResult> describe_tags(Desk const& desk,
                                                    wire::ec2::DescribeTagsRequest const& request)
{
    auto describe = TRY(Describe<ListedTag>::begin(desk, "DescribeTags", request, kTags));
    auto const after = describe.after();
    TRY(desk.engine.tagged(desk.caller, after.number,
                           [&](engine::TaggedThing const& thing) -> Result<bool> {
                               for (auto const& [key, value] : thing.tags) {
                                   Place place{thing.number, key};
                                   if (place <= after)
                                       continue;
                                   ListedTag const tag{.reply = {.key = key,
                                                                 .resource_id = thing.id,
                                                                 .resource_type = thing.type,
                                                                 .value = value},
                                                       .tags = {{.key = key, .value = value}}};
                                   if (!TRY(describe.offer(std::move(place), tag)))
                                       return false;
                               }
                               return true;
                           }));
    wire::ec2::DescribeTagsResult result;
    auto page = describe.take(result.next_token);
    for (auto& tag : page)
        result.tags.push_back(std::move(tag.reply));
    return result;
}

} // namespace karat::api::ec2
