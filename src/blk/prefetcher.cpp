// SPDX-License-Identifier: Apache-2.0
#include "prefetcher.hpp"

#include "karat/log.hpp"

namespace karat::blk {

Prefetcher::~Prefetcher()
{
    for (auto& thread : threads_)
        thread.request_stop();
    threads_.clear(); // joins
}

void Prefetcher::start(int threads)
{
    for (int i = 0; i < threads; ++i)
        threads_.emplace_back("cache.prefetcher", Thread::OnThrow::go_on,
                              [this](std::stop_token const& stop) { work(stop); });
}

void Prefetcher::add(std::shared_ptr<CacheFile> file, Trace trace)
{
    std::scoped_lock const guard(mutex_);
    if (jobs_.size() >= kMaxJobs)
        return;
    jobs_.push_back({std::move(file), std::move(trace)});
    added_.notify_all();
}

/// The next piece to read; nothing when it is time to end.
std::optional<Prefetcher::Piece> Prefetcher::next(std::stop_token const& stop)
{
    std::unique_lock guard(mutex_);
    if (!added_.wait(guard, stop, [&] { return !jobs_.empty(); }))
        return {};
    auto& job = jobs_.front();
    Piece piece{job.file, job.trace[job.next]};
    if (++job.next == job.trace.size())
        jobs_.pop_front();
    return piece;
}

void Prefetcher::give_up(CacheFile const& file)
{
    std::scoped_lock const guard(mutex_);
    std::erase_if(jobs_, [&](Job const& job) { return job.file.get() == &file; });
}

void Prefetcher::work(std::stop_token const& stop)
{
    while (auto const piece = next(stop)) {
        auto& file = *piece->file;
        if (piece->offset_bytes >= file.view().facts().size_bytes)
            continue; // a trace is advice
        if (!file.keeps()) {
            give_up(file); // the guest will read it from the store itself
            continue;
        }
        auto const filled = file.fill_at(piece->offset_bytes, Asker::prefetch);
        if (!filled.ok()) { // the guest will see it, too, if it ever reads there
            log(Level::warn, "cache.not_prefetched", filled.error(), {{"snapshot", file.name()}});
            give_up(file);
        }
    }
}

} // namespace karat::blk
