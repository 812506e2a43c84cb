// SPDX-License-Identifier: Apache-2.0
// For tests: another Files with somebody's doings between any two of its operations. Unlike
// MemoryFiles' hook it holds no lock, so what it calls may use the same disk.
#pragma once

#include "karat/env.hpp"

#include <functional>

namespace karat::blocks::testing {

class InterposedFiles final : public Files {
public:
    explicit InterposedFiles(Files& files)
        : files_(files)
    {
    }
    std::function<void(std::string_view operation, std::string const& path)> before;

    Result<std::unique_ptr<File>> open(std::string const& path, Access access) override
    {
        tell("open", path);
        return files_.open(path, access);
    }
    Result<void> remove(std::string const& path) override
    {
        tell("remove", path);
        return files_.remove(path);
    }
    Result<void> rename(std::string const& from, std::string const& to) override
    {
        tell("rename", from);
        return files_.rename(from, to);
    }
    Result<void> sync_dir(std::string const& path) override
    {
        tell("sync_dir", path);
        return files_.sync_dir(path);
    }
    Result<void> make_dirs(std::string const& path) override { return files_.make_dirs(path); }
    Result<void> remove_dir(std::string const& path) override { return files_.remove_dir(path); }
    Result<std::vector<std::string>> list(std::string const& path) override
    {
        tell("list", path);
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
    void tell(std::string_view operation, std::string const& path)
    {
        if (before)
            before(operation, path);
    }
    Files& files_;
};

} // namespace karat::blocks::testing
