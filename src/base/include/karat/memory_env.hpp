// SPDX-License-Identifier: Apache-2.0
// The test environment: a disk in memory that keeps what was synced (platter) apart from what was
// only written (page cache), a clock moved by hand, and seeded chance.
#pragma once

#include "karat/env.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>

namespace karat {

/// An in-memory disk. Single process; thread-safe. Contents written but not synced, and names made
/// but whose directory was not synced, are lost by crash().
class MemoryFiles final : public Files {
public:
    MemoryFiles();
    ~MemoryFiles() override;

    Result<std::unique_ptr<File>> open(std::string const& path, Access access) override;
    Result<void> remove(std::string const& path) override;
    Result<void> rename(std::string const& from, std::string const& to) override;
    Result<void> sync_dir(std::string const& path) override;
    Result<void> make_dirs(std::string const& path) override;
    Result<void> remove_dir(std::string const& path) override;
    Result<std::vector<std::string>> list(std::string const& path) override;
    Result<bool> exists(std::string const& path) override;
    Result<unsigned> mode(std::string const& path) override;
    Result<std::unique_ptr<FileLock>> lock(std::string const& path) override;
    Result<std::uint64_t> free_bytes(std::string const& path) override;

    /// Power cut: everything unsynced is gone, open files fail from now on, locks are free.
    void crash();
    /// As crash(), but each unsynced write and name change survives or not by `keep` (called once
    /// for each, in order); a write may survive in part, torn at a multiple of 512 bytes.
    void crash(std::function<bool()> const& keep);

    /// What a crash at this moment would leave, as a disk of its own; this one goes on.
    /// May be called in a hook. Shares the contents of files that it finds whole: costs little.
    std::unique_ptr<MemoryFiles> after_crash(std::function<bool()> const& keep) const;

    /// Every file as a reader would find it, by path. The bytes never change.
    std::map<std::string, std::shared_ptr<Bytes const>> contents() const;

    /// Called before every operation that changes or syncs something, with its name ("write",
    /// "sync", "rename", ...) and path; an Error returned here is what the caller gets.
    using Hook = std::function<Result<void>(std::string_view operation, std::string const& path)>;
    void set_hook(Hook hook);
    /// As set_hook(), for what only looks: "open" of a file that is there, "lock", "list".
    void set_open_hook(Hook hook);

    /// The permission bits of a file that is there; they are 0600 when it is made.
    void set_mode(std::string const& path, unsigned mode);

    /// Writes fail with "No space left on device" once this many bytes are stored.
    void set_capacity_bytes(std::uint64_t capacity_bytes);

private:
    struct Disk;
    std::shared_ptr<Disk> disk_;
};

class ManualClock final : public Clock {
public:
    explicit ManualClock(Time start)
        : now_(start)
    {
    }
    Time now() override;
    std::chrono::nanoseconds steady() override;
    void advance(std::chrono::milliseconds by);
    /// Somebody sets the clock: now() jumps, forwards or back, and steady() does not.
    void jump(std::chrono::milliseconds by);

private:
    std::atomic<Time> now_;
    std::atomic<std::chrono::milliseconds> jumped_{};
    Time const origin_ = now_.load();
};

/// A reproducible stream of bytes (SplitMix64). Thread-safe.
class SeededChance final : public Chance {
public:
    explicit SeededChance(std::uint64_t seed)
        : state_(seed)
    {
    }
    void fill(std::span<std::byte> into) override;
    /// True half of the time: for crash(), whether a write survives.
    bool flip();

private:
    std::atomic<std::uint64_t> state_;
};

/// The three together. Time starts at 2026-01-01T00:00:00Z.
struct MemoryEnv {
    MemoryFiles files;
    ManualClock clock;
    SeededChance chance;
    explicit MemoryEnv(std::uint64_t seed = 1);
    Env env() { return {files, clock, chance}; }
};

} // namespace karat
