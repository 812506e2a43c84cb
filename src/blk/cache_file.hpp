// SPDX-License-Identifier: Apache-2.0
// The copy of one snapshot in the host cache, filled piece by piece by whoever reads first. A guest
// never sees what is wrong with it: what cannot be kept or read here comes from the store.
#pragma once

#include "cache_format.hpp"
#include "filled_map.hpp"

#include "karat/blocks.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

namespace karat::blk {

using SharedView = std::shared_ptr<blocks::View const>;

/// Where the files of a snapshot are, and what they must be a copy of.
struct CachePlace {
    std::string directory;
    BootId boot = {};
    std::uint64_t keep_free_bytes = 0; ///< Of the file system: filling stops below it.
    std::string path(std::string_view name, std::string_view suffix) const
    {
        return directory + '/' + std::string(name) + std::string(suffix);
    }
};

enum class Asker : unsigned char {
    guest,     ///< Its order of first reads is what a trace keeps.
    prefetch,  ///< Ahead of a guest.
    hydration, ///< Nobody waits.
};

/// Thread-safe.
class CacheFile {
public:
    /// Takes up the files that are there, as far as they can be believed, or begins new ones.
    static Result<std::shared_ptr<CacheFile>> open(Env env, CachePlace place, SharedView view);
    CacheFile(Env env, CachePlace place, SharedView view);

    blocks::View const& view() const { return *view_; }
    std::string const& name() const { return view_->facts().name; }

    /// Reads exactly into.size() bytes within the volume.
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into);
    /// Fills the piece at an offset, if it is not there yet; where the piece ends.
    Result<std::uint64_t> fill_at(std::uint64_t offset_bytes, Asker asker);

    /// Fills onward from where it ended before, about so many bytes; once everything is in, the
    /// file is synced and gets its final name. True when there is nothing more to do. One thread.
    Result<bool> hydrate(std::uint64_t bytes);
    /// After a failure that will not pass.
    void stop_hydration() { hydrates_ = false; }
    bool hydrates() const { return hydrates_; }
    /// Whether all bytes are in, and durable.
    bool whole() const { return whole_.load(std::memory_order_acquire); }
    /// Nothing was in it when it was opened.
    bool began_cold() const { return began_cold_; }
    /// Whether what is read is kept at the moment.
    bool keeps() const;
    /// The file cannot be read: it is of no more use.
    bool broken() const { return broken_; }
    /// Gives the disk its room back, while others read. Not of a whole file, which QEMU may read.
    Result<void> give_up();
    std::uint64_t filled_bytes();

    /// Whether the order of first reads is being recorded.
    bool tracing();
    /// What guests read first, in order, if that began so long ago; empty when it did not, or when
    /// it was too little for a boot. Nothing more is recorded afterwards.
    Trace take_trace(std::chrono::nanoseconds after);
    void stop_tracing();

private:
    static constexpr std::int64_t kNever = -1;
    /// Makes readers of one piece wait for each other.
    class Turn;
    Result<bool> take_up_whole(Header const& wanted);
    Result<bool> take_up_part(Header const& wanted);
    Result<void> begin(Header const& wanted);
    Result<void> load_records(Header const& header);
    Result<void> read_slowly(std::uint64_t offset_bytes, std::span<std::byte> into, Asker asker);
    Result<void> fill(blocks::Piece const& piece, std::uint64_t offset_bytes,
                      std::span<std::byte> into, Asker asker);
    bool read_file(std::uint64_t offset_bytes, std::span<std::byte> into);
    void keep(Range range, std::span<std::byte const> bytes);
    Result<void> put(Range range, std::span<std::byte const> bytes);
    Result<void> check_free_space();
    Result<void> finish();
    Result<void> make_whole();
    void record_miss(std::uint64_t offset_bytes, Asker asker);

    Env env_;
    CachePlace const place_;
    SharedView const view_;
    FilledMap map_;
    std::unique_ptr<File> file_;
    std::unique_ptr<File> journal_;
    bool began_cold_ = false;
    std::atomic<bool> whole_ = false;
    std::atomic<bool> broken_ = false;
    std::atomic<bool> hydrates_ = true;
    std::atomic<std::int64_t> keep_again_ = 0; ///< Steady time from which it is tried again.
    std::atomic<std::int64_t> first_miss_ = kNever;

    std::mutex turns_mutex_; // guards the next
    std::set<std::uint64_t> turns_;
    std::condition_variable turn_ended_;

    std::mutex journal_mutex_; // guards the next
    std::uint64_t records_ = 0;
    std::uint64_t filled_bytes_ = 0;
    std::uint64_t checked_at_bytes_ = 0; ///< filled_bytes_ when free space was last looked at.

    std::uint64_t hydrated_to_ = 0; // by hydrate() only

    std::mutex trace_mutex_; // guards the next
    bool tracing_ = true;
    Trace trace_;
};

} // namespace karat::blk
