// SPDX-License-Identifier: Apache-2.0
// Tags of any thing that has an id.
#include "state.hpp"

#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxResources = 1000;

/// Loads the thing that `text` names, lets `edit` change its tags, and saves it.
template <class Edit>
Result<void> edit_tags(catalog::Change& change, Caller const& caller, std::string const& text,
                       Edit edit)
{
    auto const apply = [&](auto thing) -> Result<void> {
        TRY(edit(thing.tags));
        TRY(check_tags(thing.tags));
        return change.save(thing);
    };
    if (text.starts_with(id_prefix(Noun::image))) {
        auto const id = TRY(ImageId::parse(text));
        return apply(TRY(find_own_image(change, caller, id)));
    }
    if (text.starts_with(id_prefix(Noun::snapshot))) {
        auto const id = TRY(SnapshotId::parse(text));
        return apply(TRY(find_own_snapshot(change, caller, id)));
    }
    if (text.starts_with(id_prefix(Noun::volume))) {
        auto const id = TRY(VolumeId::parse(text));
        return apply(TRY(find_own_volume(change, caller, id)));
    }
    if (text.starts_with(id_prefix(Noun::instance))) {
        auto const id = TRY(InstanceId::parse(text));
        return apply(TRY(find_own_instance(change, caller, id)));
    }
    if (text.starts_with(id_prefix(Noun::security_group))) {
        auto const id = TRY(SecurityGroupId::parse(text));
        auto group = TRY(change.security_group(id));
        if (!group || group->owner != caller.account || group->region != caller.region)
            return not_found(id);
        return apply(std::move(*group));
    }
    if (text.starts_with(id_prefix(Noun::key_pair))) {
        auto const id = TRY(KeyPairId::parse(text));
        auto const pairs = TRY(change.key_pairs({caller.region, caller.account}));
        for (auto const& pair : pairs)
            if (pair.id == id)
                return apply(pair);
        return not_found(id);
    }
    return Error{Fault::not_found, Noun::tag,
                 fmt::format("The ID '{}' is not valid", text.substr(0, 64))};
}

template <class Edit>
Result<void> edit_all(Engine::State& state, Caller const& caller, char const* action,
                      std::vector<std::string> const& ids, bool dry_run, Edit edit)
{
    if (ids.empty() || ids.size() > kMaxResources)
        return fail(Fault::invalid, fmt::format("A call names 1 to {} resources", kMaxResources));
    return state.catalog().change({caller.account.text(), action},
                                  [&](catalog::Change& change) -> Result<void> {
                                      for (auto const& id : ids)
                                          TRY(edit_tags(change, caller, id, edit));
                                      return rehearse(dry_run);
                                  });
}

template <class Thing>
void add_tagged(std::vector<TaggedThing>& to, std::vector<Thing> const& things, char const* type)
{
    for (auto const& thing : things)
        if (!thing.tags.empty())
            to.push_back({thing.id.text(), type, thing.tags});
}

} // namespace

Result<void> Engine::create_tags(Caller const& caller, std::vector<std::string> const& resource_ids,
                                 Tags const& tags, bool dry_run)
{
    TRY(check_tags(tags));
    return edit_all(*state_, caller, "CreateTags", resource_ids, dry_run,
                    [&](Tags& own) -> Result<void> {
                        for (auto const& [key, value] : tags)
                            own[key] = value;
                        return {};
                    });
}

Result<void> Engine::delete_tags(Caller const& caller, std::vector<std::string> const& resource_ids,
                                 std::vector<TagToDelete> const& tags, bool dry_run)
{
    return edit_all(*state_, caller, "DeleteTags", resource_ids, dry_run,
                    [&](Tags& own) -> Result<void> {
                        if (tags.empty())
                            own.clear();
                        for (auto const& tag : tags) {
                            auto const at = own.find(tag.key);
                            if (at != own.end() && (!tag.value || at->second == *tag.value))
                                own.erase(at);
                        }
                        return {};
                    });
}

Result<std::vector<TaggedThing>> Engine::tagged(Caller const& caller)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<std::vector<TaggedThing>> {
        catalog::Scope const scope{caller.region, caller.account};
        std::vector<TaggedThing> found;
        add_tagged(found, TRY(view.images(scope)), "image");
        add_tagged(found, TRY(view.instances(scope)), "instance");
        add_tagged(found, TRY(view.key_pairs(scope)), "key-pair");
        add_tagged(found, TRY(view.security_groups(scope)), "security-group");
        add_tagged(found, TRY(view.snapshots(scope)), "snapshot");
        add_tagged(found, TRY(view.volumes(scope)), "volume");
        return found;
    });
}

} // namespace karat::engine
