// SPDX-License-Identifier: Apache-2.0
// Follows what other processes commit to a shared database: a thread with a connection of its own
// hears of each commit, and looks every second in case it did not.
#pragma once

#include "batches.hpp"

#include "karat/thread.hpp"

namespace karat::catalog {

class Follower {
public:
    /// `database`: a connection that nobody else uses. `who` is what our own commits say. `wake` is
    /// called when others' tasks were taken in.
    Follower(Env env, std::unique_ptr<Database> database, Batches& batches, std::string who,
             std::function<void()> wake);

    /// How long ago the state was the newest one, to our knowledge.
    std::chrono::nanoseconds age() const;

private:
    void follow(std::stop_token const& stop);
    Result<void> wait(std::stop_token const& stop);
    Result<void> look();
    Result<News> read_news(Version const& version);

    Env env_;
    std::unique_ptr<Database> database_;
    Batches& batches_;
    std::string const who_;
    std::function<void()> const wake_;
    std::atomic<std::chrono::nanoseconds> looked_at_;
    bool looks_again_soon_ = false;
    Thread thread_;
};

} // namespace karat::catalog
