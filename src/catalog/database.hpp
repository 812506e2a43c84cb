// SPDX-License-Identifier: Apache-2.0
// One connection to the catalog's SQL: statements in, texts out, Results instead of exceptions.
// Not thread-safe; the catalog serialises. sqlite/ and postgres/ implement it.
#pragma once

#include "karat/catalog_counts.hpp"

#include <chrono>
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

struct Migration {
    int number;
    std::string name; ///< The file's name.
    std::string sql;
};

class Database {
public:
    /// Opens the database: postgresql://… is a server's, everything else a file of SQLite, which is
    /// created, readable by its owner only, and taken for this connection alone. Fault::unavailable
    /// when another process has the file or the server does not answer.
    static Result<std::unique_ptr<Database>> open(Env env, std::string const& where,
                                                  Storage storage);
    virtual ~Database() = default;

    using Fields = std::vector<std::optional<std::string>>;

    /// Runs a statement without an answer; returns how many rows it changed.
    virtual Result<std::int64_t> run(Statement const& query) = 0;
    /// Runs statements in their order, until one fails.
    virtual Result<void> run_all(std::vector<Statement> const& statements) = 0;
    /// Every row, with so many columns; numbers as decimal text.
    virtual Result<std::vector<Fields>> rows(Statement const& query, std::size_t columns) = 0;
    /// The first column of every row, numbers as decimal text, NULL as empty text.
    Result<std::vector<std::string>> texts(Statement const& query);
    /// The first column of the first row as a number; nothing when there is no row or NULL.
    Result<std::optional<std::int64_t>> number(Statement const& query);
    /// Runs several statements without values, such as a migration.
    virtual Result<void> run_script(std::string const& statements) = 0;

    /// Begins a transaction that changes something, when no other of any process is open. Ends one
    /// first that roll_back() could not end.
    virtual Result<void> begin() = 0;
    /// Begins a transaction whose queries all see the same moment.
    virtual Result<void> begin_reading() = 0;
    /// Durable when it succeeds. After a failure the transaction may still be open.
    virtual Result<void> commit() = 0;
    /// Ends the transaction if one is open.
    virtual Result<void> roll_back() = 0;

    /// Why the last failure was one.
    enum class Trouble : unsigned char {
        other,
        full,     ///< The disk.
        conflict, ///< With a transaction of somebody else: the same one may succeed now.
        unknown,  ///< The connection was lost amid a commit, which may have been made.
    };
    virtual Trouble trouble() const = 0;
    /// True after a commit or a rollback that the disk failed: what is on the platter is unknown. A
    /// full disk is not that, nor want of memory.
    virtual bool is_doubtful() const = 0;
    /// Whether the database's file was removed or replaced under us.
    virtual bool has_moved() const = 0;
    /// Whether other processes may change it meanwhile (versions.hpp).
    virtual bool is_shared() const = 0;

    /// Waits for notices of other processes' commits (versions.hpp), not longer than this; after
    /// kListen only. What each says.
    virtual Result<std::vector<std::string>> notices(std::chrono::milliseconds patience) = 0;

    /// The migrations in its dialect that this program knows, by number from 1 (made by
    /// room.cmake).
    virtual std::vector<Migration> const& known_migrations() const = 0;
    /// A sentence for each damage that the database finds by itself, also of its schema.
    virtual Result<std::vector<std::string>> check() = 0;
    /// Whether rows that refer to others are looked at now. For a repair.
    virtual Result<void> set_references_checked(bool checked) = 0;
    /// Copies the database, without what it does not use, into an empty file. Not synced.
    virtual Result<void> copy_to(std::string const& path) = 0;
    /// Since open().
    virtual Counts counts() const = 0;
};

} // namespace karat::catalog
