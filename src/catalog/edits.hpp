// SPDX-License-Identifier: Apache-2.0
// What one change does: the state as it will be, and the statements that make it so in SQL.
#pragma once

#include "documents.hpp"
#include "live.hpp"
#include "sql.hpp"

#include <set>

namespace karat::catalog {

/// A row of a noun's table.
struct RowKey {
    std::size_t table = 0; ///< Its position among all tables.
    std::int64_t number = 0;
};

/// What SQL is to do, and which rows other processes must read again then.
struct Written {
    std::vector<Statement> statements;
    std::vector<RowKey> rows;
    std::vector<TokenKey> tokens;

    /// All of it, or nothing when memory is wanting.
    void append(Written&& more);
};

struct Edits {
    State next; ///< Begins as a copy of what the change builds on.
    Edit edit{};
    Written written;
    std::set<std::string> touched; ///< Ids of what was written, for the audit row.
    bool has_work = false;         ///< A task became due, or it is another one's turn.
    std::string request;           ///< The id of the call, for the tasks that it queues.
};

/// The audit row of a change by this actor.
Statement audit_row(Actor const& actor, std::set<std::string> const& touched, Time now);

// ---- Tasks and their leases, for the catalog itself (karat/catalog.hpp has the contracts).

/// The next task that a worker may take, or null.
Task const* next_task(State const& state, Time now, std::optional<Lane> lane);
Result<std::optional<Task>> take_task(Edits& edits, Clock& clock, std::string const& host,
                                      std::chrono::milliseconds lease, std::optional<Lane> lane);
Result<void> renew_task(Edits& edits, Clock& clock, Task const& task,
                        std::chrono::milliseconds lease);
Result<void> release_tasks(Edits& edits, Clock& clock, std::string const& host);
std::optional<Time> next_task_due(State const& state, Time now, std::optional<Lane> lane);

/// Fault::invalid when a text holds a NUL character: no database takes them all.
Result<void> check_texts(std::vector<Value> const& columns);

/// Keeps the task as it is.
Result<void> store_task(Edits& edits, Task const& task);

/// Writes a record: the row, and what finds it in memory.
template <class Thing>
Result<void> put(Edits& edits, Thing const& thing)
{
    auto const& table = table_of<Thing>();
    auto& live = edits.next.template table<Thing>();
    auto const document = TRY(write_document(thing));
    auto const columns = columns_of(thing);
    TRY(check_texts(columns));
    auto const keys = keys_of(thing);
    auto const& key = keys.single.front();
    auto const old = TRY(live.find(key));
    auto number = live.last_number + 1;
    if constexpr (std::same_as<Thing, Task>)
        number = thing.id;
    if (old) {
        number = old->number;
        live.remove(edits.edit, number, keys_of(static_cast<Stored<Thing> const&>(*old).thing));
    }
    live.add(edits.edit, std::make_shared<Stored<Thing>>(number, thing), keys);
    edits.written.statements.push_back(sql::save(table, number, columns, document));
    edits.written.rows.push_back({table.position, number});
    return {};
}

/// Removes a record; returns whether there was one.
template <class Thing>
Result<bool> erase(Edits& edits, Key const& key)
{
    auto& live = edits.next.template table<Thing>();
    auto const old = TRY(live.find(key));
    if (!old)
        return false;
    auto const& thing = static_cast<Stored<Thing> const&>(*old).thing;
    live.remove(edits.edit, old->number, keys_of(thing));
    edits.written.statements.push_back(sql::erase(table_of<Thing>(), columns_of(thing)));
    edits.written.rows.push_back({table_of<Thing>().position, old->number});
    return true;
}

} // namespace karat::catalog
