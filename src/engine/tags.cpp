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
    return change_for(state, caller, action, [&](catalog::Change& change) -> Result<void> {
        TagEditor editor(change, caller, edit);
        for (auto const& id : ids)
            TRY(editor.edit(id));
        return rehearse(dry_run);
    });
}

/// Goes through the things of an account that have tags, noun by noun, from a place on.
class TaggedThings {
public:
    using Visit = std::function<Result<bool>(TaggedThing const&)>;

    TaggedThings(catalog::View& view, Caller const& caller, std::int64_t after, Visit const& visit)
        : view_(view)
        , caller_(caller)
        , after_(after)
        , visit_(visit)
    {
    }

    /// `seen`: the thing of a record that is meant, null for none. Each call is about the next
    /// noun.
    template <class Record>
    Result<void> add(char const* type, auto const& seen)
    {
        auto const base = kNumbers * noun_++;
        if (is_done_ || after_ >= base + kNumbers)
            return {};
        auto const from = std::max<std::int64_t>(0, after_ - base);
        return view_.walk<Record>({catalog::within({caller_.region, caller_.account})}, from,
                                  [&](catalog::Ref<Record> const& record) -> Result<bool> {
                                      auto const* const thing = seen(*record);
                                      if (thing == nullptr || thing->tags.empty())
                                          return true;
                                      is_done_ = !TRY(visit_({.id = thing->id.text(),
                                                              .type = type,
                                                              .number = base + record.number(),
                                                              .tags = thing->tags}));
                                      return !is_done_;
                                  });
    }
    template <class Thing>
    Result<void> add(char const* type)
    {
        return add<Thing>(type, [](Thing const& thing) { return &thing; });
    }

private:
    static constexpr std::int64_t kNumbers = std::int64_t{1} << 48; // more than records ever

    catalog::View& view_;
    Caller const& caller_;
    std::int64_t after_;
    Visit const& visit_;
    std::int64_t noun_ = 0;
    bool is_done_ = false;
};

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

Result<void> Engine::tagged(Caller const& caller, std::int64_t after,
                            std::function<Result<bool>(TaggedThing const&)> const& visit)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<void> {
        auto const interface_of = [](Instance const& instance) {
            return instance.state == InstanceState::terminated ? nullptr : &instance.interface;
        };
        // The last thing of the page before may have more tags, so it comes again.
        TaggedThings things(view, caller, after - 1, visit);
        TRY(things.add<Image>("image"));
        TRY(things.add<Instance>("instance"));
        TRY(things.add<Instance>("network-interface", interface_of));
        TRY(things.add<KeyPair>("key-pair"));
        TRY(things.add<SecurityGroup>("security-group"));
        TRY(things.add<Snapshot>("snapshot"));
        TRY(things.add<Subnet>("subnet"));
        TRY(things.add<Volume>("volume"));
        return things.add<Vpc>("vpc");
    });
}

} // namespace karat::engine
