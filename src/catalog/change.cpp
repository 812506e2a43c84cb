// SPDX-License-Identifier: Apache-2.0
#include "checksum.hpp"
#include "documents.hpp"
#include "edits.hpp"

#include <array>
#include <fmt/format.h>

namespace karat::catalog {
namespace {

Error taken(Account const& it)
{
    return {Fault::duplicate, Noun::account,
            fmt::format("The account name '{}' or its alias is taken", it.name)};
}
Error taken(Image const& it)
{
    return {Fault::duplicate, Noun::image_name,
            fmt::format("The image name '{}' is taken", it.name)};
}
Error taken(KeyPair const& it)
{
    return {Fault::duplicate, Noun::key_pair_name,
            fmt::format("The key pair name '{}' is taken", it.name)};
}
Error taken(SecurityGroup const& it)
{
    return {Fault::duplicate, Noun::security_group_name,
            fmt::format("The security group name '{}' is taken in {}", it.name, it.vpc.text())};
}
Error taken(auto const&)
{
    return {Fault::duplicate, Noun::none, "Another record of the catalog has this key"};
}

/// Fault::duplicate when another record has one of the keys.
template <class Thing>
Result<void> check_unique(State const& state, Thing const& thing)
{
    auto const& live = state.table<Thing>();
    auto const keys = keys_of(thing);
    auto const* const own = live.find_sound(keys.single.front());
    for (auto const& key : keys.single) {
        auto const* const found = live.find_sound(key);
        if (found != nullptr && (own == nullptr || (*found)->number != (*own)->number))
            return taken(thing);
    }
    return {};
}

template <class Thing>
Result<void> save(Edits& edits, Thing const& thing, std::string const& id)
{
    TRY(check_unique(edits.next, thing));
    TRY(put(edits, thing));
    edits.touched.insert(id);
    return {};
}

template <class Thing>
Result<void> remove(Edits& edits, std::string const& id)
{
    auto const& table = table_of<Thing>();
    if (TRY(erase<Thing>(edits, key_of(table, table.index("id"), {id}))))
        edits.touched.insert(id);
    return {};
}

} // namespace

Result<void> check_texts(std::vector<Value> const& columns)
{
    for (auto const& value : columns)
        if (auto const text = text_of(value); text && text->find('\0') != std::string::npos)
            return fail(Fault::invalid, "A text holds a NUL character");
    return {};
}

void Written::append(Written&& more)
{
    auto const sizes = std::array{statements.size(), rows.size(), tokens.size()};
    auto const move_to = [](auto& all, auto& some) {
        all.insert(all.end(), std::move_iterator(some.begin()), std::move_iterator(some.end()));
    };
    try {
        move_to(rows, more.rows);
        move_to(tokens, more.tokens);
        move_to(statements, more.statements);
    } catch (std::exception const&) {
        statements.erase(statements.begin() + static_cast<std::ptrdiff_t>(sizes[0]),
                         statements.end());
        rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(sizes[1]), rows.end());
        tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(sizes[2]), tokens.end());
        throw;
    }
}

Statement audit_row(Actor const& actor, std::set<std::string> const& touched, Time now)
{
    auto const ids = fmt::format("{}", fmt::join(touched, " "));
    std::optional<std::string> const covered[] = {text_of(column(now)), actor.who, actor.action,
                                                  ids};
    return {sql::kAudit,
            {column(now), actor.who, actor.action, ids, row_checksum("audit", covered)}};
}

Change::Change(Edits& edits, Clock& clock)
    : View(edits.next, clock)
    , edits_(edits)
{
}

Result<void> Change::save(Account const& it) { return catalog::save(edits_, it, it.id.text()); }

Result<void> Change::save(AccessKey const& key)
{
    auto const held = TRY(find<AccessKey>(key.id));
    if (held && held->account != key.account)
        return Error{Fault::duplicate, Noun::access_key,
                     fmt::format("The access key id {} is taken", key.id)};
    if (!TRY(find<Account>(key.account)))
        return Error{Fault::not_found, Noun::account,
                     fmt::format("The account {} does not exist", key.account.text())};
    return catalog::save(edits_, key, key.id);
}

Result<void> Change::save(Image const& it) { return catalog::save(edits_, it, it.id.text()); }
Result<void> Change::save(Snapshot const& it) { return catalog::save(edits_, it, it.id.text()); }
Result<void> Change::save(Volume const& it) { return catalog::save(edits_, it, it.id.text()); }
Result<void> Change::save(Instance const& it) { return catalog::save(edits_, it, it.id.text()); }
Result<void> Change::save(KeyPair const& it) { return catalog::save(edits_, it, it.id.text()); }
Result<void> Change::save(SecurityGroup const& it)
{
    return catalog::save(edits_, it, it.id.text());
}
Result<void> Change::save(Vpc const& it) { return catalog::save(edits_, it, it.id.text()); }
Result<void> Change::save(Subnet const& it) { return catalog::save(edits_, it, it.id.text()); }
Result<void> Change::save(Parameter const& it) { return catalog::save(edits_, it, it.name); }

Result<void> Change::save_token(AccountId const& account, std::string const& region,
                                std::string const& action, std::string const& token,
                                UsedToken const& used, Time expires)
{
    auto const document = TRY(write_document(used));
    TokenKey const key{account.text(), region, action, token};
    TRY(check_texts({region, action, token}));
    std::optional<std::string> const covered[] = {
        key.account, region, action, token, text_of(column(expires)), document};
    edits_.next.tokens.set(edits_.edit, text_of(key),
                           std::make_shared<Token const>(Token{key, used, expires}));
    edits_.written.statements.push_back({sql::kSaveToken,
                                         {key.account, region, action, token, column(expires),
                                          document, row_checksum("token", covered)}});
    edits_.written.tokens.push_back(key);
    return {};
}

Result<void> Change::remove(ImageId const& id) { return catalog::remove<Image>(edits_, id.text()); }
Result<void> Change::remove(SnapshotId const& id)
{
    return catalog::remove<Snapshot>(edits_, id.text());
}
Result<void> Change::remove(VolumeId const& id)
{
    return catalog::remove<Volume>(edits_, id.text());
}
Result<void> Change::remove(InstanceId const& id)
{
    return catalog::remove<Instance>(edits_, id.text());
}
Result<void> Change::remove(KeyPairId const& id)
{
    return catalog::remove<KeyPair>(edits_, id.text());
}
Result<void> Change::remove(SecurityGroupId const& id)
{
    return catalog::remove<SecurityGroup>(edits_, id.text());
}

Result<void> Change::remove_parameter(Scope const& scope, std::string const& name)
{
    auto const found = TRY(find_named<Parameter>(scope, name));
    if (!found)
        return {};
    auto const key = keys_of(*found).single.front();
    TRY(erase<Parameter>(edits_, key));
    edits_.touched.insert(name);
    return {};
}

Result<void> Change::remove_history(History const& history)
{
    auto const now = clock_.now();
    std::vector<TokenKey> expired; // as memory says: a damaged time is no reason to delete a row
    for (auto const& [text, token] : edits_.next.tokens)
        if (!token->is_damaged && token->expires <= now)
            expired.push_back(token->key);
    for (auto const& key : expired) {
        edits_.next.tokens.erase(edits_.edit, text_of(key));
        edits_.written.statements.push_back(
            {sql::kRemoveToken, {key.account, key.region, key.action, key.token}});
        edits_.written.tokens.push_back(key);
    }
    edits_.written.statements.push_back({sql::kRemoveOldAudit, {column(history.audit_before)}});

    auto const& tasks = edits_.next.table<Task>();
    auto const last = tasks.last_number - history.finished_tasks;
    std::vector<Key> forgotten;
    for (auto const& [number, record] : tasks.by_number) {
        auto const& task = static_cast<Stored<Task> const&>(*record).thing;
        if (number <= last && !due(task))
            forgotten.push_back(keys_of(task).single.front());
    }
    for (auto const& key : forgotten)
        TRY(erase<Task>(edits_, key));
    return {};
}

Result<std::int64_t> Change::enqueue(Task task)
{
    task.id = edits_.next.table<Task>().last_number + 1;
    task.state = TaskState::queued;
    task.lease_host.clear();
    task.lease_until = {};
    if (task.created == Time{})
        task.created = clock_.now();
    if (task.request.empty())
        task.request = edits_.request;
    TRY(store_task(edits_, task));
    edits_.touched.insert(fmt::format("task-{}", task.id));
    return task.id;
}

} // namespace karat::catalog
