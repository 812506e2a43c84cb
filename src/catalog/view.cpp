// SPDX-License-Identifier: Apache-2.0
#include "live.hpp"

#include "karat/log.hpp"

#include <algorithm>

namespace karat::catalog {
namespace {

constexpr Edit kOwnEdit{1}; // of maps that nobody else has

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

/// What a cursor comes to, at most so many.
template <class Thing>
Refs<Thing> records_of(Cursor cursor, std::size_t limit)
{
    Refs<Thing> found;
    for (; cursor.record() != nullptr && found.size() < limit;
         cursor.move_past(found.back().number()))
        found.emplace_back(*cursor.record());
    return found;
}

template <class Thing>
class Listing {
public:
    Listing(Query const& query, std::optional<View::Passing> const& passing)
        : query_(query)
        , passing_(passing)
    {
    }

    Result<Refs<Thing>> of(LiveTable const& live) const
    {
        Refs<Thing> found;
        if (is_ordered()) {
            TRY(walk_keys(live, [&](StoredRef const& record) -> Result<bool> {
                bool const has_room = found.size() < query_.limit;
                if (has_room)
                    found.emplace_back(record);
                return has_room;
            }));
            return found;
        }
        if (auto const cursor = TRY(records(live, 0)))
            found = records_of<Thing>(*cursor, query_.limit);
        return found;
    }

    bool is_ordered() const
    {
        return query_.index != nullptr &&
               table_of<Thing>().index(query_.index).kind == Index::Kind::order;
    }

    /// Of an index of groups, or of all records; nothing when there are none.
    Result<std::optional<Cursor>> records(LiveTable const& live, std::int64_t after) const
    {
        if (live.unreadable)
            return *live.unreadable;
        if (query_.index == nullptr) {
            TRY(pass_over(live, [](Damage const&) { return true; }));
            return std::optional(Cursor(live.by_number, after));
        }
        auto const* const found = TRY(group(live));
        return found ? std::optional(Cursor(*found, after)) : std::nullopt;
    }

    /// Of an index of groups; null when there is none with the key.
    Result<Group const*> group(LiveTable const& live) const
    {
        if (live.unreadable)
            return *live.unreadable;
        auto const& index = table_of<Thing>().index(query_.index);
        auto const key = key_of(table_of<Thing>(), index, query_.key);
        TRY(pass_over(live, [&](Damage const& damage) {
            return index.columns.empty() ||
                   std::ranges::find(damage.keys.group, key) != damage.keys.group.end();
        }));
        return live.groups.find(key.hash);
    }

    /// Of an ordered index.
    Result<void> walk_keys(LiveTable const& live, auto const& visit) const
    {
        if (live.unreadable)
            return *live.unreadable;
        auto const& table = table_of<Thing>();
        auto const& index = table.index(query_.index);
        auto const key = key_text(table, index, query_.key);
        TRY(pass_over(live, [&](Damage const& damage) {
            return std::ranges::any_of(damage.keys.single,
                                       [&](Key const& held) { return held.text.starts_with(key); });
        }));
        for (auto at = live.ordered.lower_bound(beginning(table, index, key));
             at != live.ordered.end() && at->first.starts_with(key); ++at)
            if (!TRY(visit(at->second)))
                break;
        return {};
    }

private:
    std::string beginning(Table const& table, Index const& index, std::string const& key) const
    {
        if (query_.after.empty())
            return key;
        auto parts = query_.key;
        parts.back() = query_.after;
        return key_text(table, index, parts) + kAfterAllOwners;
    }

    Result<void> pass_over(LiveTable const& live, auto concerns) const
    {
        for (auto const& [number, damage] : live.damaged)
            if (concerns(*damage) && !is_damage_passed(*damage, passing_))
                return damage->error;
        return {};
    }

    static constexpr char kAfterAllOwners = 1; // what follows a name in a key begins with 0

    Query const& query_;
    std::optional<View::Passing> const& passing_;
};

/// The one with the lowest number; null when all are at their end.
Cursor* first_of(std::vector<Cursor>& cursors)
{
    Cursor* first = nullptr;
    for (auto& cursor : cursors)
        if (cursor.record() != nullptr &&
            (first == nullptr || (*cursor.record())->number < (*first->record())->number))
            first = &cursor;
    return first;
}

template <class Thing>
Result<Ref<Thing>> find_single(State const& state, Key const& key)
{
    ++*state.answered;
    return Ref<Thing>(TRY(state.table<Thing>().find(key)));
}

template <class Thing>
Result<std::optional<Thing>> find_by(State const& state, char const* index, std::string const& name)
{
    auto const& table = table_of<Thing>();
    auto const found = TRY(find_single<Thing>(state, key_of(table, table.index(index), {name})));
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
Query parameters_below(std::string const& region, std::string const& prefix,
                       std::string const& after)
{
    return {.index = "name", .key = {region, prefix}, .after = after};
}
Query holding_memory(std::string const& type) { return {.index = "holds", .key = {type}}; }
Query pending_of(AccountId const& owner) { return {.index = "pending", .key = {owner.text()}}; }
Query shared_with(std::string const& region, AccountId const& account)
{
    return {.index = "reader", .key = {reader_key(region, account.text())}};
}
Query shared_with_everyone(std::string const& region)
{
    return {.index = "reader", .key = {reader_key(region, kEveryone)}};
}
Query with_tag(std::string const& region, AccountId const& owner, std::string const& key,
               std::string const& value)
{
    return {.index = "tag", .key = {tag_key(region, owner, key, value)}};
}
Query named(std::string const& region, std::string const& name)
{
    return {.index = "name", .key = {region, name, ""}};
}
Query named_from(std::string const& region, std::string const& beginning)
{
    return {.index = "name", .key = {region, beginning}};
}
Query open_tasks() { return {.index = "due", .key = {}}; }
Query failed_tasks() { return {.index = "state", .key = {std::string(word(TaskState::failed))}}; }

template <class Thing>
Result<Ref<Thing>> View::find(IdOf<Thing> const& id) const
{
    auto const& table = table_of<Thing>();
    return find_single<Thing>(state_, key_of(table, table.index("id"), {id_as_text(id)}));
}

template <class Thing>
Result<Ref<Thing>> View::find_named(Scope const& scope, std::string const& name) const
{
    auto const& table = table_of<Thing>();
    auto const& index = table.index("name");
    auto const& live = state_.table<Thing>();
    auto const parts = parts_of(index, scope, name);
    if (parts.size() == index.columns.size())
        return find_single<Thing>(state_, key_of(table, index, parts));
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

template <class Thing>
Result<void> View::walk(Queries const& any, std::int64_t after, Visit<Thing> const& visit) const
{
    auto const& live = state_.table<Thing>();
    std::vector<Cursor> cursors;
    Records ordered; // of all ordered indexes
    for (auto const& query : any) {
        Listing<Thing> const listing(query, passing_);
        if (listing.is_ordered()) {
            TRY(listing.walk_keys(live, [&](StoredRef const& record) -> Result<bool> {
                ordered.set(kOwnEdit, record->number, record);
                return true;
            }));
        } else if (auto const cursor = TRY(listing.records(live, after))) {
            cursors.push_back(*cursor);
        }
    }
    cursors.emplace_back(ordered, after);
    while (auto const* const cursor = first_of(cursors)) {
        Ref<Thing> const record(*cursor->record());
        ++*state_.answered;
        if (!TRY(visit(record)))
            break;
        for (auto& one : cursors)
            one.move_past(record.number());
    }
    return {};
}

template <class Thing>
Result<std::size_t> View::count(Query const& query) const
{
    auto const* const group = TRY(Listing<Thing>(query, passing_).group(state_.table<Thing>()));
    return group != nullptr ? group->size() : 0;
}

template <class Thing>
Result<void> View::walk_keys(Query const& query, Visit<Thing> const& visit) const
{
    return Listing<Thing>(query, passing_)
        .walk_keys(state_.table<Thing>(), [&](StoredRef const& record) -> Result<bool> {
            ++*state_.answered;
            return visit(Ref<Thing>(record));
        });
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
    auto const* const group =
        state_.table<Task>().groups.find(key_of(table, table.index(index), {key}).hash);
    auto found = group != nullptr ? records_of<Task>(Cursor(*group, 0), SIZE_MAX) : Refs<Task>();
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
    auto const* const found =
        state_.tokens.find(text_of(TokenKey{account.text(), region, action, token}));
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
    template Result<Refs<Thing>> View::list(Query const&) const;                                   \
    template Result<void> View::walk(Queries const&, std::int64_t, Visit<Thing> const&) const

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
template Result<void> View::walk_keys(Query const&, Visit<Parameter> const&) const;
template Result<std::size_t> View::count<Instance>(Query const&) const;
template Result<Ref<Image>> View::find_named(Scope const&, std::string const&) const;
template Result<Ref<KeyPair>> View::find_named(Scope const&, std::string const&) const;
template Result<Ref<Parameter>> View::find_named(Scope const&, std::string const&) const;

#undef RECORDS

} // namespace karat::catalog
