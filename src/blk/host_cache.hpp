// SPDX-License-Identifier: Apache-2.0
// Which snapshots have a file in the cache: admission, eviction, removal, and who fills next.
#pragma once

#include "karat/blk.hpp"
#include "karat/thread.hpp"

#include "cache_file.hpp"
#include "prefetcher.hpp"

#include <map>

namespace karat::blk {

class DirectoryCache final : public HostCache {
public:
    DirectoryCache(Env env, blocks::Reader& reader, CacheOptions options,
                   std::unique_ptr<FileLock> lock);
    ~DirectoryCache() override;

    Result<std::unique_ptr<Disk>> disk(std::string const& name) override;
    void start() override;
    Result<bool> tend() override;
    /// Drops what of the directory's contents is of no use.
    Result<void> clear_up();

private:
    class CachedDisk;
    struct Entry {
        std::uint64_t full_bytes = 0; ///< What it may grow to, which is what it is counted as.
        std::uint64_t last_use = 0;   ///< Of uses_.
        int users = 0;
        std::shared_ptr<CacheFile> file; ///< While it is in use or not whole.
    };

    Result<std::shared_ptr<CacheFile>> admit(SharedView const& view);
    void release(CacheFile const& file);
    /// Whether so much more can be kept, once what was not used for longest is gone.
    Result<bool> make_room(std::uint64_t bytes);
    Result<bool> evict_oldest();
    /// Makes room on a disk that others fill, before they are refused theirs.
    Result<void> give_back();
    Result<bool> give_up_oldest();
    Result<void> remove_files(std::string const& snapshot);
    Result<void> take_up(std::string const& snapshot);
    void begin_launch(std::shared_ptr<CacheFile> const& file);

    std::vector<std::shared_ptr<CacheFile>> open_files();
    Result<void> keep_trace(CacheFile& file);
    bool wants_more(CacheFile& file) const;
    Result<void> hydrate(CacheFile& file);
    void work(std::stop_token const& stop);

    Env env_;
    blocks::Reader& reader_;
    CacheOptions const options_;
    CachePlace const place_;
    std::unique_ptr<FileLock> const lock_;

    std::mutex mutex_; // guards the next
    std::map<std::string, Entry> entries_;
    std::uint64_t uses_ = 0;

    std::chrono::nanoseconds clear_up_at_{}; // by tend() only
    Prefetcher prefetcher_;
    Thread tender_;
};

} // namespace karat::blk
