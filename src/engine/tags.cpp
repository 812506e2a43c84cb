// SPDX-License-Identifier: Apache-2.0
// Tags of any thing that has an id.
#include "state.hpp"

#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxResources = 1000;

template <class Thing, class ThingId>
Result<Thing> one_of(Result<std::vector<Thing>> all, ThingId const& id)
{
    auto things = TRY(std::move(all));
    for (auto& thing : things)
        if (thing.id == id)
            return std::move(thing);
    return not_found(id);
}

/// The living instance that has the interface; its tags are kept with it.
Result<Instance> find_interface_owner(catalog::View& view, Caller const& caller,
                                      NetworkInterfaceId const& id)
{
    auto all = TRY(view.instances({caller.region, caller.account}));
    for (auto& instance : all)
        if (instance.interface.id == id && instance.state != InstanceState::terminated)
            return std::move(instance);
    return not_found(id);
}

/// Lets `edit` change the tags of what is found, and saves it.
template <class Edit>
class TagEditor {
public:
    TagEditor(catalog::Change& change, Caller const& caller, Edit edit)
        : change_(change)
        , caller_(caller)
        , scope_{caller.region, caller.account}
        , edit_(std::move(edit))
    {
    }

    /// The thing that `text` names, whichever kind it is.
    Result<void> edit(std::string const& text)
    {
        auto const is = [&](Noun noun) { return text.starts_with(id_prefix(noun)); };
        if (is(Noun::image))
            return apply(find_own_image(change_, caller_, TRY(ImageId::parse(text))));
        if (is(Noun::snapshot))
            return apply(find_own_snapshot(change_, caller_, TRY(SnapshotId::parse(text))));
        if (is(Noun::volume))
            return apply(find_own_volume(change_, caller_, TRY(VolumeId::parse(text))));
        if (is(Noun::instance))
            return apply(find_own_instance(change_, caller_, TRY(InstanceId::parse(text))));
        if (is(Noun::security_group))
            return apply(find_own_group(change_, caller_, TRY(SecurityGroupId::parse(text))));
        if (is(Noun::key_pair))
            return apply(one_of(change_.key_pairs(scope_), TRY(KeyPairId::parse(text))));
        if (is(Noun::vpc))
            return apply(one_of(change_.vpcs(scope_), TRY(VpcId::parse(text))));
        if (is(Noun::subnet))
            return apply(one_of(change_.subnets(scope_), TRY(SubnetId::parse(text))));
        if (is(Noun::network_interface))
            return edit_interface(TRY(NetworkInterfaceId::parse(text)));
        return Error{Fault::not_found, Noun::tag,
                     fmt::format("The ID '{}' is not valid", text.substr(0, 64))};
    }

private:
    template <class Thing>
    Result<void> apply(Result<Thing> found)
    {
        auto thing = TRY(std::move(found));
        TRY(change_tags(thing.tags));
        return change_.save(thing);
    }

    Result<void> edit_interface(NetworkInterfaceId const& id)
    {
        auto instance = TRY(find_interface_owner(change_, caller_, id));
        TRY(change_tags(instance.interface.tags));
        return change_.save(instance);
    }

    Result<void> change_tags(Tags& tags)
    {
        edit_(tags);
        return check_tag_count(tags);
    }

    catalog::Change& change_;
    Caller const& caller_;
    catalog::Scope scope_;
    Edit edit_;
};

template <class Edit>
Result<void> edit_all(Engine::State& state, Caller const& caller, char const* action,
                      std::vector<std::string> const& ids, bool dry_run, Edit edit)
{
    if (ids.empty() || ids.size() > kMaxResources)
        return fail(Fault::invalid, fmt::format("A call names 1 to {} resources", kMaxResources));
    return state.catalog().change(actor(caller, action),
                                  [&](catalog::Change& change) -> Result<void> {
                                      TagEditor editor(change, caller, edit);
                                      for (auto const& id : ids)
                                          TRY(editor.edit(id));
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
    return edit_all(*state_, caller, "CreateTags", resource_ids, dry_run, [&](Tags& own) {
        for (auto const& [key, value] : tags)
            own[key] = value;
    });
}

Result<void> Engine::delete_tags(Caller const& caller, std::vector<std::string> const& resource_ids,
                                 std::vector<TagToDelete> const& tags, bool dry_run)
{
    for (auto const& tag : tags)
        TRY(check_not_reserved(tag.key));
    return edit_all(*state_, caller, "DeleteTags", resource_ids, dry_run, [&](Tags& own) {
        if (tags.empty())
            own.clear();
        for (auto const& tag : tags) {
            auto const at = own.find(tag.key);
            if (at != own.end() && (!tag.value || at->second == *tag.value))
                own.erase(at);
        }
    });
}

Result<std::vector<TaggedThing>> Engine::tagged(Caller const& caller)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<std::vector<TaggedThing>> {
        catalog::Scope const scope{caller.region, caller.account};
        std::vector<TaggedThing> found;
        add_tagged(found, TRY(view.images(scope)), "image");
        auto const instances = TRY(view.instances(scope));
        add_tagged(found, instances, "instance");
        std::vector<NetworkInterface> interfaces;
        for (auto const& instance : instances)
            if (instance.state != InstanceState::terminated)
                interfaces.push_back(instance.interface);
        add_tagged(found, interfaces, "network-interface");
        add_tagged(found, TRY(view.key_pairs(scope)), "key-pair");
        add_tagged(found, TRY(view.security_groups(scope)), "security-group");
        add_tagged(found, TRY(view.snapshots(scope)), "snapshot");
        add_tagged(found, TRY(view.subnets(scope)), "subnet");
        add_tagged(found, TRY(view.volumes(scope)), "volume");
        add_tagged(found, TRY(view.vpcs(scope)), "vpc");
        return found;
    });
}

} // namespace karat::engine
