// SPDX-License-Identifier: Apache-2.0
// Whether the store may still write. After a failed sync nobody knows what the disk holds, and a
// retry may lie: the store reads on, and only a restart after a look can make it write again.
#pragma once

#include "karat/log.hpp"

#include <mutex>
#include <string>

namespace karat::blocks {

/// Thread-safe.
class Health {
public:
    Result<void> check_writable() const
    {
        std::scoped_lock const guard(mutex_);
        if (reason_.empty())
            return {};
        return fail(Fault::unavailable,
                    "The block store is read-only since a sync failed: " + reason_);
    }
    bool read_only() const
    {
        std::scoped_lock const guard(mutex_);
        return !reason_.empty();
    }
    /// Passes a sync's result on, and remembers a failure.
    Result<void> after_sync(Result<void> synced)
    {
        if (synced.ok())
            return synced;
        log(Level::error, "store.read_only", synced.error());
        std::scoped_lock const guard(mutex_);
        if (reason_.empty())
            reason_ = synced.error().message;
        return synced;
    }

private:
    mutable std::mutex mutex_;
    std::string reason_;
};

} // namespace karat::blocks
