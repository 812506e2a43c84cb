// SPDX-License-Identifier: Apache-2.0
// The host cache: copies of hot snapshots as sparse raw files, shared by all guests through the
// page cache. FORMAT.md beside this room says every byte. Filled by the first reader of each piece
// and in the background; a whole file can be given to QEMU instead of an NBD export.
#pragma once

#include "karat/blocks.hpp"

#include <memory>
#include <string>
#include <vector>

namespace karat::blk {

struct CacheOptions {
    std::string directory;
    std::uint64_t limit_bytes = 0; ///< Of data in all files together; 0: nothing is kept.
    /// Of the file system: nothing is filled below it, and below three quarters of it what is
    /// cached goes.
    std::uint64_t keep_free_bytes = 0;
    std::string boot;                                  ///< Linux' boot id.
    std::uint64_t hydrate_bytes_per_second = 64 << 20; ///< 0: no filling in the background.
    std::chrono::seconds trace_for{120}; ///< How long the first guest's reads are recorded.
    int prefetchers = 16;                ///< Readers ahead of a guest, once there is a trace.
};

/// An open snapshot. Thread-safe. Ended before its cache.
class Disk {
public:
    virtual ~Disk() = default;
    virtual blocks::View const& view() const = 0;
    /// Reads exactly into.size() bytes within the volume, from wherever they are nearest.
    virtual Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) = 0;
    /// Brings a stretch within the volume near.
    virtual Result<void> prefetch(Range range) = 0;
};

/// The one that fills a cache directory. Thread-safe.
class HostCache {
public:
    virtual ~HostCache() = default;
    /// Makes the directory if absent, and removes what of its contents is of no use.
    /// Fault::unavailable when another process fills it. `reader` outlives the cache.
    static Result<std::unique_ptr<HostCache>> open(Env env, blocks::Reader& reader,
                                                   CacheOptions options);

    /// Opens a snapshot; Fault::not_found if there is none. One that the cache has no room for is
    /// read from the store.
    virtual Result<std::unique_ptr<Disk>> disk(std::string const& name) = 0;

    /// Starts the threads that fill in the background, prefetch and clear up; not before a fork.
    virtual void start() = 0;
    /// What those threads do, once: forgets snapshots that are gone, writes traces, fills a little.
    /// True when there is more to fill.
    virtual Result<bool> tend() = 0;
};

/// What a cache directory has of a snapshot.
struct Cached {
    std::string snapshot;
    std::uint64_t full_bytes = 0; ///< Of data, when all of it is there.
    std::uint64_t filled_bytes = 0;
    bool whole = false;
    bool traced = false; ///< The order of a first boot is known.
};

/// Looks at a cache directory that another process fills; nothing when there is none.
Result<std::vector<Cached>> list_cache(Files& files, std::string const& directory);
/// Where a snapshot's file is when it is whole.
std::string whole_file(std::string const& directory, std::string const& snapshot);

} // namespace karat::blk
