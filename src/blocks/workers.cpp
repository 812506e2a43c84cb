// SPDX-License-Identifier: Apache-2.0
#include "workers.hpp"

namespace karat::blocks {
namespace {

constexpr std::size_t kQueueLimit = 16; // at most 16 MiB of extents wait

} // namespace

Workers::Workers(int threads)
{
    for (int i = 0; i < threads; ++i)
        threads_.emplace_back("blocks.worker", Thread::OnThrow::end_process,
                              [this](std::stop_token const&) { work(); });
}

Workers::~Workers()
{
    {
        std::scoped_lock const guard(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
}

void Workers::submit(std::unique_ptr<Work> job)
{
    if (!threads_.empty()) {
        std::scoped_lock const guard(mutex_);
        if (queue_.size() < kQueueLimit) {
            queue_.push_back(std::move(job));
            wake_.notify_one();
            return;
        }
    }
    job->run();
}

void Workers::work()
{
    std::unique_lock guard(mutex_);
    for (;;) {
        wake_.wait(guard, [&] { return ending_ || !queue_.empty(); });
        if (queue_.empty())
            return;
        auto job = std::move(queue_.front());
        queue_.pop_front();
        guard.unlock();
        job->run();
        job.reset();
        guard.lock();
    }
}

} // namespace karat::blocks
