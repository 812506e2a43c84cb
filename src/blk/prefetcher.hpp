// SPDX-License-Identifier: Apache-2.0
// Readers that run ahead of a guest, in the order of an earlier one's first reads.
#pragma once

#include "cache_file.hpp"

#include "karat/thread.hpp"

#include <deque>

namespace karat::blk {

/// Thread-safe. Several readers, because one would wait for the store most of the time.
class Prefetcher {
public:
    ~Prefetcher();
    void start(int threads);
    /// Fills the pieces of a trace. One file after another, at most kMaxJobs; more are dropped.
    void add(std::shared_ptr<CacheFile> file, Trace trace);

private:
    static constexpr std::size_t kMaxJobs = 64;
    struct Job {
        std::shared_ptr<CacheFile> file;
        Trace trace;
        std::size_t next = 0;
    };
    struct Piece {
        std::shared_ptr<CacheFile> file;
        std::uint64_t offset_bytes = 0;
    };
    std::optional<Piece> next(std::stop_token const& stop);
    void give_up(CacheFile const& file);
    void work(std::stop_token const& stop);

    std::mutex mutex_; // guards the next
    std::deque<Job> jobs_;
    std::condition_variable_any added_;
    std::vector<Thread> threads_;
};

} // namespace karat::blk
