// SPDX-License-Identifier: Apache-2.0
// Commits of several processes in one database. Each commit has a version, one more than the one
// before, and the table commit_log says which rows it wrote: a process that holds a version reads
// the rows again that were written since. Only databases that are shared have the table.
#pragma once

#include "edits.hpp"
#include "loading.hpp"

namespace karat::catalog {

/// What others committed since a version, decoded.
struct News {
    Version since;
    Version version;
    std::optional<State> anew; ///< Everything, when the log does not reach back to `since`.
    std::vector<Step> steps;
    bool has_work = false; ///< There may be new tasks.

    bool is_empty() const { return since == version && !anew; }
    /// What `state`, which is at `since`, is at `version`.
    State on(State const& state, Edit edit) const;
};

/// What others hear after each commit: the version, and who made it.
inline constexpr char const* kListen = "LISTEN karat_catalog";

/// The version of the last commit. Fault::unsupported when the schema has become newer than this
/// program.
Result<Version> newest_version(Database& database);
/// Everything, of one moment. Begins and ends a transaction, of a shared database.
Result<State> load_all(Database& database);
/// Within a transaction whose queries see the same moment, or that nobody else's commits overlap.
Result<News> news_since(Database& database, Version const& version);

/// The statements that enter a commit in the log. The batch is an id that no other commit has.
std::vector<Statement> log_commit(Version const& version, std::string const& who, Time now,
                                  Written const& written);
Result<bool> was_committed(Database& database, std::string const& batch);

} // namespace karat::catalog
