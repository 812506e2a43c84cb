// SPDX-License-Identifier: Apache-2.0
// One SQLite connection through SOCI: statements in, texts out, Results instead of exceptions. The
// only file that knows SOCI and SQLite's error codes. Not thread-safe; the catalog serialises.
#pragma once

#include "karat/catalog_counts.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace karat::catalog {

/// A value bound to a statement: a number or a text, either of them NULL when absent.
using Value = std::variant<std::optional<long long>, std::optional<std::string>>;

/// A statement with placeholders (:name, each name once) and their values in order.
struct Statement {
    std::string text;
    std::vector<Value> values;
};

/// Statements may call row_checksum('table', value, …), as checksum.hpp has it.
class Database {
public:
    /// Opens or creates the file, readable by its owner only, and takes it for this connection
    /// alone: Fault::unavailable when another process has it. Syncs what a crash left in the log.
    static Result<std::unique_ptr<Database>> open(Env env, std::string const& path,
                                                  Storage storage);
    ~Database();

    /// An empty one in memory, without migrations: what a schema ought to be is looked up there.
    static Result<std::unique_ptr<Database>> in_memory();

    /// Runs a statement without an answer; returns how many rows it changed.
    Result<std::int64_t> run(Statement const& query);
    /// The first column of every row, numbers as decimal text, NULL as empty text.
    Result<std::vector<std::string>> texts(Statement const& query);
    /// The first column of the first row as a number; nothing when there is no row or NULL.
    Result<std::optional<std::int64_t>> number(Statement const& query);
    /// Every row, with so many columns; numbers as decimal text.
    using Fields = std::vector<std::optional<std::string>>;
    Result<std::vector<Fields>> rows(Statement const& query, std::size_t columns);
    /// Runs several statements without values, such as a migration.
    Result<void> run_script(std::string const& statements);
    /// Copies the database, without what it does not use, into an empty file. Not synced.
    Result<void> copy_to(std::string const& path);
    /// Ends a transaction first that roll_back() could not end.
    Result<void> begin();
    /// Durable when it succeeds. After a failure the transaction may still be open.
    Result<void> commit();
    /// Ends the transaction if one is open.
    Result<void> roll_back();
    /// True after a commit or a rollback that the disk failed: what is on the platter is unknown. A
    /// full disk is not that, nor want of memory: SQLite wrote nothing it relies on.
    bool is_doubtful() const;
    /// Whether something failed since begin() as the disk is full.
    bool was_full() const;
    /// Whether the database's file was removed or replaced under us. Never with through_env.
    bool has_moved() const;
    /// Since open().
    Counts counts() const;

private:
    struct State;
    explicit Database(std::unique_ptr<State> state);
    Result<void> add_functions();

    std::unique_ptr<State> state_;
};

} // namespace karat::catalog
