// SPDX-License-Identifier: Apache-2.0
// How batches become durable: one transaction each, what may go wrong with it, and, where others
// write the same database, what they committed meanwhile.
#pragma once

#include "gate.hpp"
#include "reserve.hpp"
#include "versions.hpp"

#include <atomic>

namespace karat::catalog {

/// Called by one thread at a time.
class Journal {
public:
    virtual ~Journal() = default;
    /// Begins to write on top of this version. Nobody commits from here on; what others committed
    /// since.
    virtual Result<News> begin(Version const& version) = 0;
    /// Ends what begin() began: makes this durable, or nothing of it. Returns its version.
    virtual Result<Version> commit(Written written) = 0;
    /// Ends it without anything, if it has not ended.
    virtual void give_up() noexcept = 0;
};

class SqlJournal final : public Journal {
public:
    /// `path`: of a database in a file. `reserve`: of one on a real disk.
    SqlJournal(Env env, std::string path, std::unique_ptr<Database> database,
               std::optional<Reserve> reserve, std::chrono::milliseconds patience);

    Result<News> begin(Version const& version) override;
    Result<Version> commit(Written written) override;
    void give_up() noexcept override;

    /// Fault::io after the disk failed in a commit.
    Result<void> check_trust() const;
    /// The database is the caller's while it holds the pass.
    Result<Gate::Pass> enter() { return gate_.enter(); }
    Database& database() { return *database_; }
    /// What this process calls itself among the others.
    std::string const& who() const { return who_; }

private:
    Result<News> begin_on(Version const& version);
    Result<void> check_files();
    Result<void> write(std::vector<Statement> const& statements);
    Result<void> write_again(std::vector<Statement> const& statements, Result<void> outcome);
    Result<void> settle();
    Result<void> after_failure(Error error);
    void end() noexcept;
    void fill_reserve() noexcept;

    Env env_;
    std::string const path_;
    Gate gate_; // guards what follows
    std::unique_ptr<Database> database_;
    std::optional<Reserve> reserve_;
    std::string const who_;
    std::uint64_t batches_ = 0;
    std::string batch_;              ///< An id of what is being written.
    Version version_;                ///< What it stands on.
    std::optional<Gate::Pass> pass_; ///< From begin() until the end.
    std::atomic<bool> is_doubtful_ = false;
};

} // namespace karat::catalog
