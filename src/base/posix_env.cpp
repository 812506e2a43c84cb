// SPDX-License-Identifier: Apache-2.0
// Env on POSIX: the only file that opens files, reads the clock and asks for random bytes.
#include "karat/env.hpp"
#include "karat/record_locks.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace karat {
namespace {

Error io_error(std::string_view doing, std::string const& path, int code = errno)
{
    auto const fault = code == ENOENT                     ? Fault::not_found
                       : code == EEXIST                   ? Fault::duplicate
                       : code == ENOSPC || code == EDQUOT ? Fault::full
                                                          : Fault::io;
    return fail(fault, fmt::format("Cannot {} {}: {}", doing, path, std::strerror(code)));
}

/// A file descriptor that closes itself.
class Descriptor {
public:
    explicit Descriptor(int fd)
        : fd_(fd)
    {
    }
    Descriptor(Descriptor&& other) noexcept
        : fd_(std::exchange(other.fd_, -1))
    {
    }
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

class PosixFile final : public File {
public:
    PosixFile(Descriptor fd, std::string path)
        : fd_(std::move(fd))
        , path_(std::move(path))
    {
    }

    Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        std::size_t done = 0;
        while (done < into.size()) {
            auto const got = ::pread(fd_.get(), into.data() + done, into.size() - done,
                                     static_cast<off_t>(offset_bytes + done));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return io_error("read", path_);
            if (got == 0)
                break;
            done += static_cast<std::size_t>(got);
        }
        return done;
    }

    Result<void> write_at(std::uint64_t offset_bytes, std::span<std::byte const> from) override
    {
        std::size_t done = 0;
        while (done < from.size()) {
            auto const put = ::pwrite(fd_.get(), from.data() + done, from.size() - done,
                                      static_cast<off_t>(offset_bytes + done));
            if (put < 0 && errno == EINTR)
                continue;
            if (put < 0)
                return io_error("write", path_);
            done += static_cast<std::size_t>(put);
        }
        return {};
    }

    Result<void> sync_data() override
    {
        if (::fdatasync(fd_.get()) != 0)
            return io_error("sync", path_);
        return {};
    }

    void start_writeback(Range range) override
    {
        ::sync_file_range(fd_.get(), static_cast<off_t>(range.offset_bytes),
                          static_cast<off_t>(range.length_bytes), SYNC_FILE_RANGE_WRITE);
    }

    Result<std::uint64_t> size_bytes() override
    {
        struct stat facts = {};
        if (::fstat(fd_.get(), &facts) != 0)
            return io_error("size", path_);
        if (S_ISBLK(facts.st_mode)) {
            auto const end = ::lseek(fd_.get(), 0, SEEK_END);
            if (end < 0)
                return io_error("size", path_);
            return static_cast<std::uint64_t>(end);
        }
        return static_cast<std::uint64_t>(facts.st_size);
    }

    Result<void> truncate(std::uint64_t size_bytes) override
    {
        if (::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0)
            return io_error("truncate", path_);
        return {};
    }

    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        auto const size = TRY(this->size_bytes());
        if (offset_bytes >= size)
            return std::optional<Range>();
        auto const start = ::lseek(fd_.get(), static_cast<off_t>(offset_bytes), SEEK_DATA);
        if (start < 0 && errno == ENXIO)
            return std::optional<Range>();
        if (start < 0) // no SEEK_DATA here (a block device): all of it is data
            return std::optional(Range{offset_bytes, size - offset_bytes});
        auto const end = ::lseek(fd_.get(), start, SEEK_HOLE);
        if (end < 0)
            return io_error("map", path_);
        return std::optional(
            Range{static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(end - start)});
    }

    Result<void> punch_hole(Range range) override
    {
        if (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        static_cast<off_t>(range.offset_bytes),
                        static_cast<off_t>(range.length_bytes)) != 0)
            return io_error("punch a hole into", path_);
        return {};
    }

private:
    Descriptor fd_;
    std::string path_;
};

class PosixLock final : public FileLock {
public:
    explicit PosixLock(Descriptor fd)
        : fd_(std::move(fd))
    {
    }

private:
    Descriptor fd_;
};

int open_flags(Access access)
{
    switch (access) {
    case Access::read:
        return O_RDONLY;
    case Access::write:
        return O_RDWR;
    case Access::create:
        return O_RDWR | O_CREAT;
    case Access::create_new:
        return O_RDWR | O_CREAT | O_EXCL;
    }
    return O_RDONLY;
}

/// Refuses what is neither a file nor a block device. Paths come from people: opening a named pipe
/// would wait for its other end, and some devices do something when they are opened.
Result<void> check_kind(struct stat const& facts, std::string const& path)
{
    auto const* const kind = S_ISDIR(facts.st_mode)    ? "a directory"
                             : S_ISFIFO(facts.st_mode) ? "a named pipe"
                             : S_ISSOCK(facts.st_mode) ? "a socket"
                             : S_ISCHR(facts.st_mode)  ? "a character device"
                                                       : nullptr;
    if (kind == nullptr)
        return {};
    return fail(Fault::invalid,
                fmt::format("{} is {}, neither a file nor a block device", path, kind));
}

/// Of something that is there: a link that leads nowhere is no directory.
Result<void> check_directory(std::string const& path)
{
    struct stat facts = {};
    if (::stat(path.c_str(), &facts) != 0)
        return io_error("use the directory", path);
    if (!S_ISDIR(facts.st_mode))
        return io_error("use the directory", path, ENOTDIR);
    return {};
}

/// A file or a link gives way to anything, a socket to a socket.
bool may_replace(std::string const& from, std::string const& to)
{
    struct stat old = {};
    struct stat next = {};
    if (::lstat(to.c_str(), &old) != 0 || S_ISREG(old.st_mode) || S_ISLNK(old.st_mode))
        return true;
    return S_ISSOCK(old.st_mode) && ::lstat(from.c_str(), &next) == 0 && S_ISSOCK(next.st_mode);
}

class PosixFiles final : public Files {
public:
    Result<std::unique_ptr<File>> open(std::string const& path, Access access) override
    {
        struct stat facts = {};
        if (access != Access::create_new && ::stat(path.c_str(), &facts) == 0)
            TRY(check_kind(facts, path));
        // It may be another one by now: without waiting, and looked at once more.
        Descriptor fd(
            ::open(path.c_str(), open_flags(access) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
        if (fd.get() < 0)
            return io_error("open", path);
        if (::fstat(fd.get(), &facts) != 0)
            return io_error("look at", path);
        TRY(check_kind(facts, path));
        return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(fd), path));
    }

    Result<void> remove(std::string const& path) override
    {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT)
            return io_error("remove", path);
        return {};
    }

    Result<void> rename(std::string const& from, std::string const& to) override
    {
        if (!may_replace(from, to))
            return fail(Fault::invalid, fmt::format("{} is not a file; it stays as it is", to));
        if (::rename(from.c_str(), to.c_str()) != 0)
            return io_error("rename", from);
        return {};
    }

    Result<void> sync_dir(std::string const& path) override
    {
        Descriptor const fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (fd.get() < 0)
            return io_error("open", path);
        if (::fsync(fd.get()) != 0)
            return io_error("sync", path);
        return {};
    }

    Result<void> make_dirs(std::string const& path) override
    {
        if (::mkdir(path.c_str(), 0700) == 0)
            return sync_dir(parent_of(path));
        if (errno == EEXIST)
            return check_directory(path);
        if (errno != ENOENT)
            return io_error("make the directory", path);
        TRY(make_dirs(parent_of(path)));
        return make_dirs(path);
    }

    Result<void> remove_dir(std::string const& path) override
    {
        if (::rmdir(path.c_str()) != 0 && errno != ENOENT)
            return io_error("remove the directory", path);
        return {};
    }

    Result<std::vector<std::string>> list(std::string const& path) override
    {
        std::unique_ptr<DIR, int (*)(DIR*)> const dir(::opendir(path.c_str()), ::closedir);
        if (!dir)
            return io_error("list", path);
        std::vector<std::string> names;
        errno = 0;
        while (auto const* const entry = ::readdir(dir.get())) {
            std::string_view const entry_name = entry->d_name;
            if (entry_name != "." && entry_name != "..")
                names.emplace_back(entry_name);
            errno = 0;
        }
        if (errno != 0)
            return io_error("list", path); // a short listing must never look like a whole one
        std::sort(names.begin(), names.end());
        return names;
    }

    Result<bool> exists(std::string const& path) override
    {
        struct stat facts = {};
        if (::lstat(path.c_str(), &facts) == 0)
            return true;
        if (errno == ENOENT || errno == ENOTDIR)
            return false;
        return io_error("look at", path);
    }

    Result<unsigned> mode(std::string const& path) override
    {
        struct stat facts = {};
        if (::stat(path.c_str(), &facts) != 0)
            return io_error("look at", path);
        return static_cast<unsigned>(facts.st_mode & 07777U);
    }

    Result<std::unique_ptr<FileLock>> lock(std::string const& path) override
    {
        Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (fd.get() < 0)
            return io_error("open", path);
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return fail(Fault::unavailable,
                            fmt::format("{} is locked by another process", path));
            return io_error("lock", path);
        }
        return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(fd)));
    }

    Result<std::uint64_t> free_bytes(std::string const& path) override
    {
        struct statvfs facts = {};
        if (::statvfs(path.c_str(), &facts) != 0)
            return io_error("measure", path);
        return std::uint64_t{facts.f_bavail} * facts.f_frsize;
    }
};

class PosixClock final : public Clock {
public:
    Time now() override
    {
        return std::chrono::time_point_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now());
    }
    std::chrono::nanoseconds steady() override
    {
        return std::chrono::steady_clock::now().time_since_epoch();
    }
};

class PosixChance final : public Chance {
public:
    void fill(std::span<std::byte> into) override
    {
        while (!into.empty()) {
            auto const got = ::getrandom(into.data(), into.size(), 0);
            VERIFY(got > 0 || errno == EINTR);
            if (got > 0)
                into = into.subspan(static_cast<std::size_t>(got));
        }
    }
};

} // namespace

Result<bool> locked_by_others(std::string const& path)
{
    Descriptor const fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0)
        return errno == ENOENT ? Result<bool>(false) : io_error("open", path);
    struct flock whole = {};
    whole.l_type = F_WRLCK; // every lock is in its way
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_GETLK, &whole) != 0)
        return io_error("ask for locks on", path);
    return whole.l_type != F_UNLCK;
}

void raise_file_limit()
{
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit); // never refused: it is within the hard limit
}

Env posix_env()
{
    static PosixFiles files;
    static PosixClock clock;
    static PosixChance chance;
    return {files, clock, chance};
}

} // namespace karat
