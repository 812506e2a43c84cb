// SPDX-License-Identifier: Apache-2.0
#include "sqlite/sqlite_vfs.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <sqlite3.h>

namespace karat::catalog {
namespace {

constexpr int kSectorBytes = 512;
constexpr int kLongestPath = 1024;

std::string parent_of(std::string const& path)
{
    auto const slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

/// What SQLite allots for an open file: its own part first, ours behind.
struct OpenFile : sqlite3_file {
    Files* files;
    std::string path;
    std::unique_ptr<File> file;
    std::unique_ptr<FileLock> lock; // held at every level from SHARED up
    int level = SQLITE_LOCK_NONE;
    bool name_is_unsynced = false;
};

OpenFile& ours(sqlite3_file* file) { return *static_cast<OpenFile*>(file); }
std::byte* bytes_of(void* data) { return static_cast<std::byte*>(data); }
std::byte const* bytes_of(void const* data) { return static_cast<std::byte const*>(data); }

int close_file(sqlite3_file* file)
{
    ours(file).~OpenFile();
    return SQLITE_OK;
}

int read(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset)
{
    auto const wanted = static_cast<std::size_t>(amount);
    auto const got =
        ours(file).file->read_at(static_cast<std::uint64_t>(offset), {bytes_of(into), wanted});
    if (!got.ok())
        return SQLITE_IOERR_READ;
    if (got.value() == wanted)
        return SQLITE_OK;
    std::memset(bytes_of(into) + got.value(), 0, wanted - got.value()); // as SQLite demands
    return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, void const* from, int amount, sqlite3_int64 offset)
{
    auto& open = ours(file);
    auto const count = static_cast<std::size_t>(amount);
    auto const outcome =
        open.file->write_at(static_cast<std::uint64_t>(offset), {bytes_of(from), count});
    if (outcome.ok())
        return SQLITE_OK;
    return outcome.error().fault == Fault::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int truncate(sqlite3_file* file, sqlite3_int64 size)
{
    auto const outcome = ours(file).file->truncate(static_cast<std::uint64_t>(size));
    return outcome.ok() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int sync(sqlite3_file* file, int)
{
    auto& open = ours(file);
    if (!open.file->sync_data().ok())
        return SQLITE_IOERR_FSYNC;
    if (open.name_is_unsynced && !open.files->sync_dir(parent_of(open.path)).ok())
        return SQLITE_IOERR_DIR_FSYNC;
    open.name_is_unsynced = false;
    return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size)
{
    auto const found = ours(file).file->size_bytes();
    if (!found.ok())
        return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(found.value());
    return SQLITE_OK;
}

int lock(sqlite3_file* file, int level)
{
    auto& open = ours(file);
    if (!open.lock) {
        auto taken = open.files->lock(open.path + "-lock");
        if (!taken.ok())
            return taken.error().fault == Fault::unavailable ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
        open.lock = std::move(taken).value();
    }
    open.level = std::max(open.level, level);
    return SQLITE_OK;
}

int unlock(sqlite3_file* file, int level)
{
    auto& open = ours(file);
    open.level = std::min(open.level, level);
    if (level == SQLITE_LOCK_NONE)
        open.lock.reset();
    return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* file, int* reserved)
{
    *reserved = ours(file).level >= SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return kSectorBytes; }
int device_characteristics(sqlite3_file*) { return 0; } // promise nothing: a disk may tear writes

/// A call of ours for SQLite, which is C: an exception would leave its locks taken.
template <auto call>
struct Guarded;
template <class... Arguments, int (*call)(Arguments...)>
struct Guarded<call> {
    static int run(Arguments... arguments) noexcept
    {
        try {
            return call(arguments...);
        } catch (std::exception const&) {
            return SQLITE_IOERR_NOMEM;
        }
    }
};

constexpr sqlite3_io_methods kMethods{.iVersion = 1, // without shared memory
                                      .xClose = close_file,
                                      .xRead = Guarded<read>::run,
                                      .xWrite = Guarded<write>::run,
                                      .xTruncate = Guarded<truncate>::run,
                                      .xSync = Guarded<sync>::run,
                                      .xFileSize = Guarded<file_size>::run,
                                      .xLock = Guarded<lock>::run,
                                      .xUnlock = unlock,
                                      .xCheckReservedLock = check_reserved_lock,
                                      .xFileControl = file_control,
                                      .xSectorSize = sector_size,
                                      .xDeviceCharacteristics = device_characteristics,
                                      .xShmMap = nullptr,
                                      .xShmLock = nullptr,
                                      .xShmBarrier = nullptr,
                                      .xShmUnmap = nullptr,
                                      .xFetch = nullptr,
                                      .xUnfetch = nullptr};

Env& env_of(sqlite3_vfs* vfs) { return *static_cast<Env*>(vfs->pAppData); }

int open_file(sqlite3_vfs* vfs, char const* path, sqlite3_file* file, int flags, int* out_flags)
{
    file->pMethods = nullptr; // tells SQLite not to close what did not open
    if (!path)
        return SQLITE_CANTOPEN; // a nameless temporary file: temp_store=MEMORY leaves none
    auto& files = env_of(vfs).files;
    auto const existed = files.exists(path);
    if (!existed.ok())
        return SQLITE_CANTOPEN;
    auto opened = files.open(path, flags & SQLITE_OPEN_CREATE      ? Access::create
                                   : flags & SQLITE_OPEN_READWRITE ? Access::write
                                                                   : Access::read);
    if (!opened.ok())
        return SQLITE_CANTOPEN;
    std::string name = path; // may throw, which nothing may from here on
    auto* const open = new (static_cast<void*>(file)) OpenFile{};
    open->files = &files;
    open->path = std::move(name);
    open->file = std::move(opened).value();
    open->name_is_unsynced = !existed.value();
    open->pMethods = &kMethods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, char const* path, int sync_dir)
{
    auto& files = env_of(vfs).files;
    auto const existed = files.exists(path);
    if (existed.ok() && !existed.value())
        return SQLITE_IOERR_DELETE_NOENT;
    if (!files.remove(path).ok())
        return SQLITE_IOERR_DELETE;
    if (sync_dir && !files.sync_dir(parent_of(path)).ok())
        return SQLITE_IOERR_DIR_FSYNC;
    return SQLITE_OK;
}

int access_file(sqlite3_vfs* vfs, char const* path, int, int* answer)
{
    auto const existed = env_of(vfs).files.exists(path);
    *answer = existed.ok() && existed.value();
    return existed.ok() ? SQLITE_OK : SQLITE_IOERR_ACCESS;
}

int full_pathname(sqlite3_vfs*, char const* path, int room, char* out)
{
    auto const length = std::strlen(path);
    if (length >= static_cast<std::size_t>(room))
        return SQLITE_CANTOPEN;
    std::memcpy(out, path, length + 1);
    return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int count, char* out)
{
    env_of(vfs).chance.fill({bytes_of(static_cast<void*>(out)), static_cast<std::size_t>(count)});
    return count;
}

// Time stands still in tests, so waiting for a lock ends at once.
int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int current_time(sqlite3_vfs* vfs, sqlite3_int64* julian_milliseconds)
{
    constexpr sqlite3_int64 kUnixEpoch = 210866760000000; // 1970-01-01 in Julian milliseconds
    *julian_milliseconds = kUnixEpoch + env_of(vfs).clock.now().time_since_epoch().count();
    return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) { return 0; }

} // namespace

struct EnvVfs::State {
    Env env;
    std::string name;
    sqlite3_vfs vfs{};
};

EnvVfs::EnvVfs(Env env)
    : state_(new State{env, {}, {}})
{
    static std::atomic<int> count = 0; // names are the process's, so the number is too
    state_->name = fmt::format("karat-env-{}", ++count);
    auto& vfs = state_->vfs;
    vfs.iVersion = 2;
    vfs.szOsFile = sizeof(OpenFile);
    vfs.mxPathname = kLongestPath;
    vfs.zName = state_->name.c_str();
    vfs.pAppData = &state_->env;
    vfs.xOpen = Guarded<open_file>::run;
    vfs.xDelete = Guarded<delete_file>::run;
    vfs.xAccess = Guarded<access_file>::run;
    vfs.xFullPathname = full_pathname;
    vfs.xRandomness = randomness;
    vfs.xSleep = sleep;
    vfs.xGetLastError = last_error;
    vfs.xCurrentTimeInt64 = current_time;
    VERIFY(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

EnvVfs::~EnvVfs() { sqlite3_vfs_unregister(&state_->vfs); }

std::string const& EnvVfs::name() const { return state_->name; }

} // namespace karat::catalog
