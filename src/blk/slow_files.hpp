// SPDX-License-Identifier: Apache-2.0
// For measurements: the block store as if it were far away. Each read takes so much longer.
#pragma once

#include "karat/env.hpp"

#include <chrono>

namespace karat::blk {

class SlowFiles final : public Files {
public:
    SlowFiles(Files& files, std::chrono::nanoseconds latency)
        : files_(files)
        , latency_(latency)
    {
    }
    Result<std::unique_ptr<File>> open(std::string const& path, Access access) override;
    Result<void> remove(std::string const& path) override { return files_.remove(path); }
    Result<void> rename(std::string const& from, std::string const& to) override
    {
        return files_.rename(from, to);
    }
    Result<void> sync_dir(std::string const& path) override { return files_.sync_dir(path); }
    Result<void> make_dirs(std::string const& path) override { return files_.make_dirs(path); }
    Result<void> remove_dir(std::string const& path) override { return files_.remove_dir(path); }
    Result<std::vector<std::string>> list(std::string const& path) override
    {
        return files_.list(path);
    }
    Result<bool> exists(std::string const& path) override { return files_.exists(path); }
    Result<unsigned> mode(std::string const& path) override { return files_.mode(path); }
    Result<std::unique_ptr<FileLock>> lock(std::string const& path) override
    {
        return files_.lock(path);
    }
    Result<std::uint64_t> free_bytes(std::string const& path) override
    {
        return files_.free_bytes(path);
    }

private:
    Files& files_;
    std::chrono::nanoseconds const latency_;
};

} // namespace karat::blk
