// SPDX-License-Identifier: Apache-2.0
// Somebody needed what the collector had condemned: a collection went wrong once, and nothing may
// be deleted until a person has looked (FORMAT.md, "Condemned").
#pragma once

#include "blocks_format.hpp"
#include "karat/log.hpp"

#include <atomic>

namespace karat::blocks {

/// Thread-safe. The file is the truth, so that it outlives a restart and is shared by processes.
class Alarm {
public:
    Alarm(Files& files, std::string const& directory)
        : files_(files)
        , directory_(directory)
        , path_(alarm_path(directory))
    {
    }
    /// Logs, counts, and makes the file unless it is there.
    void raise(std::string const& what)
    {
        ++count_;
        auto const error = fail(Fault::corrupt, what);
        log(Level::error, "store.alarm", error);
        auto const written = write(what + "\n");
        if (!written.ok() && written.error().fault != Fault::duplicate)
            log(Level::error, "store.alarm_not_kept", written.error());
    }
    /// Whether nothing may be deleted. When that cannot be told, it may not.
    bool raised() const
    {
        auto const there = files_.exists(path_);
        return !there.ok() || there.value();
    }
    Result<void> clear()
    {
        TRY(files_.remove(path_));
        return files_.sync_dir(directory_);
    }
    std::uint64_t count() const { return count_.load(); }

private:
    Result<void> write(std::string const& text)
    {
        auto const file = TRY(files_.open(path_, Access::create_new));
        TRY(file->write_at(0, as_bytes(text)));
        TRY(file->sync_data());
        return files_.sync_dir(directory_);
    }

    Files& files_;
    std::string const directory_;
    std::string const path_;
    std::atomic<std::uint64_t> count_ = 0; // since the start of this process
};

} // namespace karat::blocks
