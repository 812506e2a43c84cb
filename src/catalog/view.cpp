// SPDX-License-Identifier: Apache-2.0
#include "live.hpp"

#include "karat/log.hpp"

#include <algorithm>

namespace karat::catalog {
namespace {

std::string id_as_text(std::string const& id) { return id; }
std::string id_as_text(std::int64_t id) { return std::to_string(id); }
std::string id_as_text(auto const& id) { return id.text(); }

/// The parts of a key that a scope and a name give, up to the first that they do not.
std::vector<std::string> parts_of(Index const& index, Scope const& scope, std::string const& name)
{
    std::vector<std::string> parts;
    for (std::string_view const column : index.columns) {
        if (column == "name")
            parts.push_back(name);
        else if (column == "region" && !scope.region.empty())
            parts.push_back(scope.region);
        else if (column == "owner" && scope.owner)
            parts.push_back(scope.owner->text());
        else
            break;
    }
    return parts;
}

bool is_damage_passed(Damage const& damage, std::optional<View::Passing> const& passing)
{
    if (!passing || (passing->but_of && damage.owner == passing->but_of->text()))
        return false;
    log(Level::error, "catalog.row_damaged", damage.error);
    return true;
}

template <class Thing>
class Listing {
public:
    Listing(Query const& query, std::optional<View::Passing> const& passing)
        : query_(query)
        , passing_(passing)
    {
    }

    Result<Refs<Thing>> of(LiveTable const& live)
    {
        if (live.unreadable)
            return *live.unreadable;
        if (query_.index == nullptr) {
            TRY(pass_over(live, [](Damage const&) { return true; }));
            take(live.by_number);
            return std::move(found_);
        }
        auto const& table = table_of<Thing>();
        auto const& index = table.index(query_.index);
        auto const key = key_text(table, index, query_.key);
        if (index.kind == Index::Kind::group)
            return group(live, index, key);
        return walk(live, key);
    }

private:
    Result<Refs<Thing>> group(LiveTable const& live, Index const& index, std::string const& key)
    {
        TRY(pass_over(live, [&](Damage const& damage) {
            return index.columns.empty() ||
                   std::ranges::find(damage.keys.group, key) != damage.keys.group.end();
        }));
        if (auto const* const records = live.groups.find(key))
            take(*records);
        return std::move(found_);
    }

    /// In the order of keys.
    Result<Refs<Thing>> walk(LiveTable const& live, std::string const& key)
    {
        TRY(pass_over(live, [&](Damage const& damage) {
            return std::ranges::any_of(
                damage.keys.single, [&](std::string const& held) { return held.starts_with(key); });
        }));
        for (auto at = live.single.lower_bound(key);
             at != live.single.end() && at->first.starts_with(key) && found_.size() < query_.limit;
             ++at)
            found_.emplace_back(at->second);
        return std::move(found_);
    }

    void take(SharedMap<std::int64_t, StoredRef> const& records)
    {
        for (auto at = records.begin(); at != records.end() && found_.size() < query_.limit; ++at)
            found_.emplace_back(at->second);
    }

    Result<void> pass_over(LiveTable const& live, auto concerns)
    {
        for (auto const& [number, damage] : live.damaged)
            if (concerns(*damage) && !is_damage_passed(*damage, passing_))
                return damage->error;
        return {};
    }

    Query const& query_;
    std::optional<View::Passing> const& passing_;
    Refs<Thing> found_;
};

template <class Thing>
Result<Ref<Thing>> find_single(State const& state, std::string const& key)
{
    ++*state.answered;
    return Ref<Thing>(TRY(state.table<Thing>().find(key)));
}

template <class Thing>
Result<std::optional<Thing>> find_by(State const& state, char const* index, std::string const& name)
{
    auto const& table = table_of<Thing>();
    auto const found = TRY(find_single<Thing>(state, key_text(table, table.index(index), {name})));
    return found ? std::optional<Thing>(*found) : std::nullopt;
}

} // namespace

Query within(Scope const& scope)
{
    if (scope.region.empty() && !scope.owner)
        return {};
    if (scope.region.empty())
        return {.index = "owner", .key = {scope.owner->text()}};
    if (!scope.owner)
        return {.index = "region", .key = {scope.region}};
    return {.index = "scope", .key = {scope.region, scope.owner->text()}};
}
Query attached_to(InstanceId const& instance)
{
    return {.index = "instance", .key = {instance.text()}};
}
Query at_private_address(SubnetId const& subnet, std::string const& address)
{
    return {.index = "address", .key = {private_address(subnet, address)}};
}
Query at_public_address(std::string const& address)
{
    return {.index = "address", .key = {address}};
}
Query read_through(SnapshotId const& snapshot)
{
    return {.index = "base", .key = {snapshot.text()}};
}
Query with_device_of(SnapshotId const& snapshot)
{
    return {.index = "snapshot", .key = {snapshot.text()}};
}
Query keys_of(AccountId const& account) { return {.index = "account", .key = {account.text()}}; }
Query parameters_below(std::string const& region, std::string const& prefix)
{
    return {.index = "name", .key = {region, prefix}};
}
Query open_tasks() { return {.index = "due", .key = {}}; }
Query failed_tasks() { return {.index = "state", .key = {std::string(word(TaskState::failed))}}; }

template <class Thing>
Result<Ref<Thing>> View::find(IdOf<Thing> const& id) const
{
    auto const& table = table_of<Thing>();
    return find_single<Thing>(state_, key_text(table, table.index("id"), {id_as_text(id)}));
}

template <class Thing>
Result<Ref<Thing>> View::find_named(Scope const& scope, std::string const& name) const
{
    auto const& table = table_of<Thing>();
    auto const& index = table.index("name");
    auto const& live = state_.table<Thing>();
    auto const parts = parts_of(index, scope, name);
    if (parts.size() == index.columns.size())
        return find_single<Thing>(state_, key_text(table, index, parts));
    auto open = parts; // whoever's it is
    open.emplace_back();
    Query const query{.index = "name", .key = open, .limit = 1};
    auto const found = TRY(Listing<Thing>(query, {}).of(live));
    return found.empty() ? Ref<Thing>() : found.front();
}

template <class Thing>
Result<Refs<Thing>> View::list(Query const& query) const
{
    auto found = TRY(Listing<Thing>(query, passing_).of(state_.table<Thing>()));
    *state_.answered += found.size();
    return found;
}

Result<std::optional<Account>> View::account_by_name(std::string const& name) const
{
    return find_by<Account>(state_, "name", name);
}

Result<std::optional<Account>> View::account_by_alias(std::string const& alias) const
{
    return find_by<Account>(state_, "alias", alias);
}

Result<std::vector<Image>> View::images(Scope const& scope) const
{
    auto found = TRY(copies<Image>(within(scope)));
    std::erase_if(found,
                  [](Image const& image) { return image.state == ImageState::deregistered; });
    return found;
}

Result<std::vector<Task>> View::open_tasks() const
{
    auto found = TRY(copies<Task>(catalog::open_tasks()));
    std::ranges::sort(found, {}, &Task::id);
    return found;
}

Result<std::vector<Task>> View::failed_tasks() const
{
    auto found = TRY(copies<Task>(catalog::failed_tasks()));
    std::ranges::reverse(found);
    return found;
}

Result<Refs<Task>> View::open_tasks_with(char const* index, std::string const& key) const
{
    auto damaged_only = catalog::open_tasks();
    damaged_only.limit = 0;
    TRY(list<Task>(damaged_only));
    auto const& table = table_of<Task>();
    Refs<Task> found;
    auto const* const group =
        state_.table<Task>().groups.find(key_text(table, table.index(index), {key}));
    if (group != nullptr)
        for (auto const& [number, record] : *group)
            found.emplace_back(record);
    *state_.answered += found.size();
    return found;
}

Result<Refs<Task>> View::tasks_on(std::string const& resource) const
{
    return open_tasks_with("on", resource);
}

Result<bool> View::is_kept(SnapshotId const& snapshot) const
{
    return !TRY(open_tasks_with("keeps", snapshot.text())).empty();
}

Result<std::vector<Parameter>> View::parameters(Scope const& scope, std::string const& prefix) const
{
    auto found = TRY(copies<Parameter>(parameters_below(scope.region, prefix)));
    if (scope.owner)
        std::erase_if(found, [&](Parameter const& one) { return one.owner != *scope.owner; });
    return found;
}

Result<std::optional<UsedToken>> View::token(AccountId const& account, std::string const& region,
                                             std::string const& action,
                                             std::string const& token) const
{
    auto const* const found = state_.tokens.find(token_key(account.text(), region, action, token));
    if (found == nullptr)
        return std::optional<UsedToken>();
    if ((*found)->is_damaged)
        return fail(Fault::corrupt, "The catalog's row of this client token is damaged");
    if ((*found)->expires <= clock_.now())
        return std::optional<UsedToken>();
    return std::optional((*found)->used);
}

#define RECORDS(Thing)                                                                             \
    template Result<Ref<Thing>> View::find(IdOf<Thing> const&) const;                              \
    template Result<Refs<Thing>> View::list(Query const&) const

RECORDS(Account);
RECORDS(AccessKey);
RECORDS(Image);
RECORDS(Snapshot);
RECORDS(Volume);
RECORDS(Instance);
RECORDS(KeyPair);
RECORDS(SecurityGroup);
RECORDS(Vpc);
RECORDS(Subnet);
RECORDS(Task);
template Result<Refs<Parameter>> View::list(Query const&) const;
template Result<Ref<Image>> View::find_named(Scope const&, std::string const&) const;
template Result<Ref<KeyPair>> View::find_named(Scope const&, std::string const&) const;
template Result<Ref<Parameter>> View::find_named(Scope const&, std::string const&) const;

#undef RECORDS

} // namespace karat::catalog
