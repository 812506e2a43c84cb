// SPDX-License-Identifier: Apache-2.0
// The nbdkit plugin karat-blk: every snapshot of a store, read-only, by export name. nbdkit calls
// each function from any of its threads at once; cache, reader and views are thread-safe.
#include "guarded.hpp"
#include "peers.hpp"
#include "slow_files.hpp"
#include "store_disk.hpp"

#include "karat/blk.hpp"
#include "karat/key_door.hpp"
#include "karat/keys.hpp"
#include "karat/log.hpp"
#include "karat/system_calls.hpp"
#include "karat/thread.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <string>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>

// The header wants to know which version of its interface we speak before it is read.
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

namespace {

using namespace karat;

constexpr std::uint64_t kDefaultMemoryBytes = 64 << 20;
constexpr std::uint64_t kDefaultKeepFreeBytes = std::uint64_t{2} << 30;
constexpr char const* kBootId = "/proc/sys/kernel/random/boot_id";
constexpr std::size_t kMaxBootIdBytes = 64;
constexpr std::chrono::seconds kPredecessor{10}; // until a predecessor lets go of the cache
constexpr std::chrono::milliseconds kPredecessorStep{5};
constexpr std::chrono::milliseconds kMemoryPause{50};
constexpr int kMemoryTries = 200;
constexpr std::uint32_t kPreferredBytes = 64 << 10; // an extent, on average
// QEMU keeps to it. For each of a connection's threads nbdkit keeps room for its largest request.
constexpr std::uint32_t kMaximumBytes = 1 << 20;

/// nbdkit's callbacks have no place for state of their own, so this is the plugin's.
struct Plugin {
    std::string store;
    std::string key_file; ///< Its path; what is in it is never on the command line.
    std::string key_door; ///< A socket where data keys are had, instead of a file.
    std::string grants;   ///< Which users may read which exports; empty: all may read all.
    std::uint64_t memory_bytes = kDefaultMemoryBytes;
    std::chrono::milliseconds latency{0};
    blk::CacheOptions cache_options{.keep_free_bytes = kDefaultKeepFreeBytes};
    std::unique_ptr<Files> slow_files;
    blk::Peers peers;
    std::unique_ptr<keys::Keys> keys;
    std::unique_ptr<blocks::Reader> reader; ///< Behind the keys, which it uses.
    std::unique_ptr<blk::HostCache> cache;  ///< None: read from the store, always.
    std::mutex opening;                     ///< Guards the next, and `cache` until it is true.
    std::condition_variable opened;
    bool cache_opened = false; ///< Or known to be off.
    Thread cache_opener;       // last: it uses the rest
};
Plugin& plugin()
{
    static Plugin instance;
    return instance;
}

/// A process's place among the peers; none when it has too many.
class Place {
public:
    explicit Place(pid_t process)
        : process_(process)
        , taken_(plugin().peers.enter(process))
    {
    }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;
    ~Place()
    {
        if (taken_)
            plugin().peers.leave(process_);
    }
    pid_t process() const { return process_; }
    bool taken() const { return taken_; }

private:
    pid_t process_;
    bool taken_;
};

/// One connection.
struct Handle {
    std::unique_ptr<blk::Disk> disk;
    std::unique_ptr<Place> place;
};
Handle& handle_of(void* handle) { return *static_cast<Handle*>(handle); }
blocks::View const& view_of(void* handle) { return handle_of(handle).disk->view(); }

int refuse(Error const& error, int code)
{
    nbdkit_error("%s", error.message.c_str());
    nbdkit_set_error(code);
    return -1;
}

/// A callback has thrown.
void report(char const* what) noexcept
{
    nbdkit_error("%s", what);
    nbdkit_set_error(ENOMEM);
}

int set_path(std::string& path, char const* value)
{
    // nbdkit changes its directory when it goes to the background.
    std::unique_ptr<char, void (*)(void*)> const absolute(nbdkit_absolute_path(value), std::free);
    if (!absolute)
        return -1;
    path = absolute.get();
    return 0;
}

int set_size(std::uint64_t& size, char const* value)
{
    auto const parsed = nbdkit_parse_size(value);
    if (parsed < 0)
        return -1;
    size = static_cast<std::uint64_t>(parsed);
    return 0;
}

int set_text(std::string& text, char const* value)
{
    text = value;
    return 0;
}

int set_count(auto& count, char const* key, char const* value)
{
    unsigned parsed = 0;
    if (nbdkit_parse_unsigned(key, value, &parsed) < 0)
        return -1;
    count = std::decay_t<decltype(count)>(parsed);
    return 0;
}

int config(char const* key, char const* value)
{
    std::string_view const name = key;
    auto& options = plugin().cache_options;
    if (name == "store")
        return set_path(plugin().store, value);
    if (name == "keys")
        return set_path(plugin().key_file, value);
    if (name == "key-door")
        return set_path(plugin().key_door, value);
    if (name == "grants")
        return set_path(plugin().grants, value);
    if (name == "boot")
        return set_text(options.boot, value);
    if (name == "memory")
        return set_size(plugin().memory_bytes, value);
    if (name == "cache")
        return set_path(options.directory, value);
    if (name == "cache-size")
        return set_size(options.limit_bytes, value);
    if (name == "keep-free")
        return set_size(options.keep_free_bytes, value);
    if (name == "hydrate")
        return set_size(options.hydrate_bytes_per_second, value);
    if (name == "trace-seconds")
        return set_count(options.trace_for, key, value);
    if (name == "latency-ms")
        return set_count(plugin().latency, key, value);
    nbdkit_error("karat-blk does not know '%s'; nbdkit --help karat-blk.so lists all", key);
    return -1;
}

int config_complete()
{
    if (!plugin().store.empty())
        return 0;
    nbdkit_error("karat-blk needs store=DIRECTORY, the block store to serve");
    return -1;
}

/// Random, where Linux does not tell it: then nothing unfinished of an earlier process is believed.
std::string boot_id()
{
    auto const file = posix_env().files.open(kBootId, Access::read);
    Bytes text(kMaxBootIdBytes);
    auto const got = file.ok() ? file.value()->read_at(0, text) : Result<std::size_t>(0);
    if (!got.ok() || got.value() == 0)
        return random_hex(posix_env().chance, kMaxBootIdBytes);
    return std::string(as_text(std::span(text).first(got.value())));
}

/// A predecessor holds the cache until it has ended, which it does once we serve.
Result<std::unique_ptr<blk::HostCache>> wait_for_cache(std::stop_token const& stop)
{
    auto const& options = plugin().cache_options;
    auto const deadline = posix_env().clock.steady() + kPredecessor;
    for (;;) {
        auto cache = blk::HostCache::open(posix_env(), *plugin().reader, options);
        bool const held = !cache.ok() && cache.error().fault == Fault::unavailable;
        if (!held || stop.stop_requested() || posix_env().clock.steady() > deadline)
            return cache;
        std::this_thread::sleep_for(kPredecessorStep);
    }
}

/// Without a cache guests read from the store: slower, and nothing that they notice otherwise.
void open_cache(std::stop_token const& stop)
{
    auto cache = wait_for_cache(stop);
    std::scoped_lock const guard(plugin().opening);
    if (cache.ok()) {
        plugin().cache = std::move(cache).value();
        plugin().cache->start();
    } else {
        log(Level::warn, "cache.off", cache.error());
    }
    plugin().cache_opened = true;
    plugin().opened.notify_all();
}

/// In the background: who connects is greeted at once, and waits only for its export.
void begin_opening_cache()
{
    if (plugin().cache_options.boot.empty())
        plugin().cache_options.boot = boot_id();
    if (plugin().cache_options.directory.empty())
        plugin().cache_opened = true;
    else
        plugin().cache_opener = Thread("cache.opener", Thread::OnThrow::go_on, open_cache);
}

blk::HostCache* wait_for_cache_to_open()
{
    std::unique_lock guard(plugin().opening);
    plugin().opened.wait(guard, [] { return plugin().cache_opened; });
    return plugin().cache.get();
}

Env store_env()
{
    auto const env = posix_env();
    if (plugin().latency.count() == 0)
        return env;
    plugin().slow_files = std::make_unique<blk::SlowFiles>(env.files, plugin().latency);
    return {*plugin().slow_files, env.clock, env.chance};
}

/// Debian's nbdkit has itself ended when the process that started it ends: karatd, which guests
/// must not notice. Called on the thread that asked for that, as the kernel wants.
void outlive_parent() { ::prctl(PR_SET_PDEATHSIG, 0); }

int get_ready()
{
    raise_file_limit(); // a store of some terabytes has thousands of packs
    // Before nbdkit gives up privileges: a key file that cannot be used is told now, not when the
    // first guest waits for its disk.
    if (!plugin().key_door.empty()) {
        plugin().keys = keys::make_keys_behind_door(plugin().key_door);
    } else if (!plugin().key_file.empty()) {
        plugin().keys = keys::make_file_keys(posix_env(), plugin().key_file);
        if (auto const readable = plugin().keys->list(); !readable.ok())
            log(Level::error, "blk.keys", readable.error());
    }
    return 0;
}

/// The socket listens already: QEMU, which pauses for a second and more after a refused connection,
/// is not refused while the store opens.
int after_fork()
{
    // nbdkit would answer what guests ask meanwhile with errors. A connection that breaks is
    // made again by QEMU, and the request repeated.
    std::signal(SIGTERM, SIG_DFL);
    blocks::Options const options{.cache_bytes = plugin().memory_bytes,
                                  .keys = plugin().keys.get()};
    auto reader = blocks::Reader::open(store_env(), plugin().store, options);
    if (!reader.ok())
        return refuse(reader.error(), EINVAL);
    plugin().reader = std::move(reader).value();
    if (auto const limited = confine::allow_serving_calls(confine::Serving::disks); !limited.ok())
        return refuse(limited.error(), EINVAL);
    begin_opening_cache();
    return 0;
}

Result<std::unique_ptr<blk::Disk>> open_disk(std::string const& name)
{
    if (auto* const cache = wait_for_cache_to_open())
        return cache->disk(name);
    auto view = TRY(plugin().reader->view(name));
    return std::unique_ptr<blk::Disk>(std::make_unique<blk::StoreDisk>(std::move(view)));
}

void unload()
{
    plugin().cache_opener = {};
    plugin().cache.reset();
    plugin().reader.reset();
    plugin().keys.reset();
}

int list_exports(int, int, struct nbdkit_exports* exports)
{
    auto const names = plugin().reader->names();
    if (!names.ok())
        return refuse(names.error(), EIO);
    for (auto const& name : names.value())
        if (nbdkit_add_export(exports, name.c_str(), nullptr) < 0)
            return -1;
    return 0;
}

/// There is no default: a client that names no snapshot must not get one by accident.
char const* default_export(int, int) { return ""; }

/// The daemon and its tools may read all. Every guest's QEMU has a user of its own where the
/// host allows it, and reads what it was granted.
bool may_open(std::string const& name)
{
    auto const peer = nbdkit_peer_uid();
    if (plugin().grants.empty() || peer == 0 || peer == static_cast<std::int64_t>(::geteuid()))
        return true;
    if (peer < 0 || name.empty() || name.find('/') != std::string::npos)
        return false;
    auto const granted =
        posix_env().files.exists(fmt::format("{}/{}/{}", plugin().grants, peer, name));
    return granted.ok() && granted.value();
}

void* open_export(int)
{
    auto const* const name = nbdkit_export_name();
    if (name == nullptr)
        return nullptr;
    if (!may_open(name)) {
        (void)refuse(fail(Fault::denied, "The client may not read this export"), EACCES);
        return nullptr;
    }
    auto place = std::make_unique<Place>(static_cast<pid_t>(nbdkit_peer_pid()));
    if (!place->taken()) {
        log(Level::warn, "blk.too_many_connections", {{"pid", place->process()}});
        nbdkit_error("a process may have %d connections", blk::kMaxConnections);
        return nullptr;
    }
    auto disk = open_disk(name);
    if (!disk.ok()) {
        auto const fault = disk.error().fault;
        (void)refuse(disk.error(), fault == Fault::not_found ? ENOENT
                                   : fault == Fault::denied  ? EACCES
                                                             : EIO);
        return nullptr;
    }
    return std::make_unique<Handle>(Handle{std::move(disk).value(), std::move(place)}).release();
}

void close_export(void* handle) { std::unique_ptr<Handle> const owned(&handle_of(handle)); }

std::int64_t get_size(void* handle)
{
    return static_cast<std::int64_t>(view_of(handle).facts().size_bytes);
}

int yes(void*) { return 1; }
int no(void*) { return 0; }
int native_cache(void*) { return NBDKIT_CACHE_NATIVE; }

int block_size(void*, std::uint32_t* minimum, std::uint32_t* preferred, std::uint32_t* maximum)
{
    *minimum = 1;
    *preferred = kPreferredBytes;
    *maximum = kMaximumBytes;
    return 0;
}

int pread(void* handle, void* buffer, std::uint32_t count, std::uint64_t offset, std::uint32_t)
{
    if (count > kMaximumBytes) {
        auto const process = handle_of(handle).place->process();
        log(Level::warn, "blk.cut_off", {{"pid", process}, {"asked_bytes", count}});
        blk::cut_off(process);
        nbdkit_set_error(EINVAL);
        return -1;
    }
    std::span<std::byte> const into(static_cast<std::byte*>(buffer), count);
    auto const read = blk::patiently([&] { return handle_of(handle).disk->read(offset, into); },
                                     kMemoryPause, kMemoryTries);
    if (read.ok())
        return 0;
    log(Level::error, "blk.read", read.error(),
        {{"export", view_of(handle).facts().name}, {"offset", offset}});
    return refuse(read.error(), EIO);
}

int cache(void* handle, std::uint32_t count, std::uint64_t offset, std::uint32_t)
{
    auto const done = handle_of(handle).disk->prefetch({offset, count});
    return done.ok() ? 0 : refuse(done.error(), EIO);
}

int add_extents(void* handle, std::uint32_t count, std::uint64_t offset, std::uint32_t,
                struct nbdkit_extents* extents)
{
    auto const& view = view_of(handle);
    auto const end = offset + count;
    while (offset < end) {
        auto const data = view.next_data(offset);
        if (!data.ok())
            return refuse(data.error(), EIO);
        auto const start = data.value() ? data.value()->offset_bytes : end;
        if (start > offset && nbdkit_add_extent(extents, offset, start - offset,
                                                NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO) < 0)
            return -1;
        if (start >= end)
            return 0;
        if (nbdkit_add_extent(extents, start, data.value()->length_bytes, 0) < 0)
            return -1;
        offset = data.value()->end_bytes();
    }
    return 0;
}

template <auto function>
constexpr auto guarded = blk::Guarded<function, report>::call;

struct nbdkit_plugin describe()
{
    struct nbdkit_plugin p = {};
    p.name = "karat-blk";
    p.longname = "Karat's snapshots";
    p.description = "Serves the snapshots of a Karat block store, read-only, by export name";
    p.load = outlive_parent;
    p.config = guarded<config>;
    p.config_complete = guarded<config_complete>;
    p.config_help =
        "store=DIRECTORY    The block store (required)\n"
        "keys=FILE          The key file, for encrypted snapshots\n"
        "key-door=SOCKET    Where data keys are had from karatd, instead of a file\n"
        "grants=DIRECTORY   Has UID/NAME for each export that a user may read; without it all "
        "may\n"
        "boot=ID            Of this boot of the host, where Linux does not tell it\n"
        "memory=SIZE        Memory for decompressed extents and maps, default 64M\n"
        "cache=DIRECTORY    The host cache; without it nothing is kept on disk\n"
        "cache-size=SIZE    Of all that it holds, default 0\n"
        "keep-free=SIZE     Of the file system: the cache does not grow below it, default 2G\n"
        "hydrate=SIZE       Filled in the background each second, default 64M; 0: nothing is\n"
        "trace-seconds=N    How long the first reads of a guest are recorded, default 120\n"
        "latency-ms=N       For measurements: every read of the store takes so much longer";
    p.magic_config_key = "store";
    p.get_ready = guarded<get_ready>;
    p.after_fork = guarded<after_fork>;
    p.unload = guarded<unload>;
    p.list_exports = guarded<list_exports>;
    p.default_export = default_export;
    p.open = guarded<open_export>;
    p.close = guarded<close_export>;
    p.get_size = guarded<get_size>;
    p.can_write = no;
    p.can_multi_conn = yes;
    p.can_extents = yes;
    p.can_cache = native_cache;
    p.is_rotational = no;
    p.block_size = block_size;
    p.pread = guarded<pread>;
    p.cache = guarded<cache>;
    p.extents = guarded<add_extents>;
    p.errno_is_preserved = 0;
    return p;
}

struct nbdkit_plugin description = describe();

} // namespace

extern "C" {
NBDKIT_REGISTER_PLUGIN(description)
}
