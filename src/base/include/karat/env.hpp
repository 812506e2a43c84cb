// SPDX-License-Identifier: Apache-2.0
// Env: the one seam to the operating system. Production is POSIX (posix_env); tests use an
// in-memory disk that models page cache against platter, a manual clock and seeded chance
// (karat/memory_env.hpp). Nothing outside base calls open(2), the clock or the random source.
#pragma once

#include "karat/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace karat {

using Bytes = std::vector<std::byte>;

/// Views text as bytes and back, without a copy.
std::span<std::byte const> as_bytes(std::string_view text);
std::string_view as_text(std::span<std::byte const> bytes);

/// A stretch of a file or volume: [offset_bytes, offset_bytes + length_bytes).
struct Range {
    std::uint64_t offset_bytes = 0;
    std::uint64_t length_bytes = 0;
    std::uint64_t end_bytes() const { return offset_bytes + length_bytes; }
    bool operator==(Range const&) const = default;
};

enum class Access : unsigned char {
    read,       ///< Existing file, reading only.
    write,      ///< Existing file, reading and writing.
    create,     ///< Made if absent, reading and writing.
    create_new, ///< Fault::duplicate if it exists; reading and writing.
};

/// An open file. Closes itself. Positional, so every member may be called from several threads at
/// once. All failures are Fault::io, or Fault::full where the disk has no room, with the path and
/// the system's reason in the message.
class File {
public:
    virtual ~File() = default;

    /// Reads into `into` from `offset_bytes`; returns how many bytes, less than asked only at the
    /// end.
    virtual Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) = 0;
    /// Writes all of `from`, growing the file as needed. Not durable before sync_data().
    virtual Result<void> write_at(std::uint64_t offset_bytes, std::span<std::byte const> from) = 0;
    /// fdatasync: contents and size are durable when this succeeds. After a failure the file's
    /// unsynced contents are unknown: never retry and acknowledge.
    virtual Result<void> sync_data() = 0;
    /// Asks that the stretch be on its way to disk soon, so that a later sync_data() finds little
    /// to do. Promises nothing and never fails.
    virtual void start_writeback(Range) {}
    virtual Result<std::uint64_t> size_bytes() = 0;
    virtual Result<void> truncate(std::uint64_t size_bytes) = 0;
    /// The first stretch at or after `offset_bytes` that holds data (SEEK_DATA/SEEK_HOLE); nothing
    /// when only a hole follows. A file system without holes answers one range to the end.
    virtual Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) = 0;
    /// Frees the storage of a stretch, which reads as zeroes afterwards (fallocate PUNCH_HOLE).
    virtual Result<void> punch_hole(Range range) = 0;
};

/// Reads exactly `into.size()` bytes or fails with Fault::corrupt when the file ends before.
Result<void> read_exactly(File& file, std::uint64_t offset_bytes, std::span<std::byte> into);

/// Held while it lives; released by the destructor and by the end of the process.
class FileLock {
public:
    virtual ~FileLock() = default;
};

/// Names in a file system. Paths are plain strings with '/' between parts. Thread-safe.
class Files {
public:
    virtual ~Files() = default;

    /// Fault::not_found if absent (all modes but the creating ones), Fault::duplicate for
    /// create_new, Fault::invalid for what is neither a file nor a block device. Never waits for
    /// the other end of a pipe. A created file's name is durable only after sync_dir() of its
    /// directory.
    virtual Result<std::unique_ptr<File>> open(std::string const& path, Access access) = 0;
    /// Success also if the file was absent.
    virtual Result<void> remove(std::string const& path) = 0;
    /// Replaces `to`. Atomic to readers; durable after sync_dir(). Fault::invalid where `to` is a
    /// directory, a device, a pipe, or a socket and `from` is none.
    virtual Result<void> rename(std::string const& from, std::string const& to) = 0;
    /// Makes creations, removals and renames in the directory durable.
    virtual Result<void> sync_dir(std::string const& path) = 0;
    /// Makes the directory and its parents (0700); success if they exist. Durable on return.
    virtual Result<void> make_dirs(std::string const& path) = 0;
    /// Removes an empty directory; success also if absent.
    virtual Result<void> remove_dir(std::string const& path) = 0;
    /// The names (not paths) in a directory, sorted; Fault::not_found if there is none.
    virtual Result<std::vector<std::string>> list(std::string const& path) = 0;
    virtual Result<bool> exists(std::string const& path) = 0;
    /// The permission bits of a file (0600); Fault::not_found if absent.
    virtual Result<unsigned> mode(std::string const& path) = 0;
    /// Takes the exclusive lock of a lock file, creating it; Fault::unavailable if another holds
    /// it.
    virtual Result<std::unique_ptr<FileLock>> lock(std::string const& path) = 0;
    /// Space that an unprivileged writer could still use in the file system of `path`.
    virtual Result<std::uint64_t> free_bytes(std::string const& path) = 0;
};

/// Milliseconds since 1970-01-01T00:00:00Z.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() = 0;
    /// Never goes back; for measuring and deadlines.
    virtual std::chrono::nanoseconds steady() = 0;
};

class Chance {
public:
    virtual ~Chance() = default;
    /// Fills with unpredictable bytes in production (getrandom), with a seeded stream in tests.
    virtual void fill(std::span<std::byte> into) = 0;
};

/// What a room is given to reach the world. Does not own; outlives every object made with it.
struct Env {
    Files& files;
    Clock& clock;
    Chance& chance;
};

/// The production environment of this process.
Env posix_env();

/// Lets this process open as many files as its hard limit allows. The soft limit of 1,024 that most
/// processes start with is for programs that use select(2).
void raise_file_limit();

/// The directory that a path is in: "." of a bare name, "/" of what is directly in the root.
std::string parent_of(std::string const& path);
/// Reads a whole file of at most `limit_bytes`; Fault::exhausted if it is larger.
Result<Bytes> read_file(Files& files, std::string const& path, std::size_t limit_bytes);
/// Replaces a file so that a crash leaves the old or the new contents: writes a temporary
/// neighbour, syncs it, renames it, syncs the directory.
Result<void> replace_file(Files& files, std::string const& path,
                          std::span<std::byte const> contents);
/// The same without the syncs: readers see the old or the new contents, but a power cut may leave
/// anything. For what means nothing after one, such as the number of a process.
Result<void> publish_file(Files& files, std::string const& path,
                          std::span<std::byte const> contents);

/// "2026-01-02T03:04:05.678Z", the form of EC2's timestamps.
std::string format_time(Time time);
/// Reads the same form, with or without the fraction.
Result<Time> parse_time(std::string_view text);

/// Lower-case hexadecimal of `count` random bytes.
std::string random_hex(Chance& chance, std::size_t count);

} // namespace karat
