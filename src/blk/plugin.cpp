// SPDX-License-Identifier: Apache-2.0
// The nbdkit plugin karat-blk: every snapshot of a store, read-only, by export name. nbdkit calls
// each function from any of its threads at once; the reader and its views are thread-safe.
#include "karat/blocks.hpp"
#include "karat/keys.hpp"
#include "karat/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

// The header wants to know which version of its interface we speak before it is read.
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

namespace {

using namespace karat;

constexpr std::uint64_t kDefaultCacheBytes = 256 << 20;
constexpr std::uint32_t kPreferredBytes = 64 << 10; // an extent, on average
constexpr std::uint32_t kMaximumBytes = 32 << 20;   // what NBD clients expect at most

/// nbdkit's callbacks have no place for state of their own, so this is the plugin's.
struct Plugin {
    std::string store;
    std::string key_file; ///< Its path; what is in it is never on the command line.
    std::uint64_t cache_bytes = kDefaultCacheBytes;
    std::unique_ptr<keys::Keys> keys;
    std::unique_ptr<blocks::Reader> reader; ///< Last: it uses the keys.
};
Plugin& plugin()
{
    static Plugin instance;
    return instance;
}

/// One connection.
struct Handle {
    std::shared_ptr<blocks::View const> view;
};
Handle& handle_of(void* handle) { return *static_cast<Handle*>(handle); }

int refuse(Error const& error, int code)
{
    nbdkit_error("%s", error.message.c_str());
    nbdkit_set_error(code);
    return -1;
}

/// nbdkit changes its directory when it goes to the background.
int set_path(std::string& to, char const* value)
{
    std::unique_ptr<char, void (*)(void*)> const path(nbdkit_absolute_path(value), std::free);
    if (!path)
        return -1;
    to = path.get();
    return 0;
}

int config(char const* key, char const* value)
{
    std::string_view const name = key;
    if (name == "store")
        return set_path(plugin().store, value);
    if (name == "keys")
        return set_path(plugin().key_file, value);
    if (name == "cache") {
        auto const size = nbdkit_parse_size(value);
        if (size < 0)
            return -1;
        plugin().cache_bytes = static_cast<std::uint64_t>(size);
        return 0;
    }
    nbdkit_error("karat-blk knows store=, keys= and cache=, not '%s'", key);
    return -1;
}

int config_complete()
{
    if (!plugin().store.empty())
        return 0;
    nbdkit_error("karat-blk needs store=DIRECTORY, the block store to serve");
    return -1;
}

int get_ready()
{
    raise_file_limit(); // a store of some terabytes has thousands of packs
    // Before nbdkit gives up privileges: a key file that cannot be used is told now, not when the
    // first guest waits for its disk.
    if (!plugin().key_file.empty()) {
        plugin().keys = keys::make_file_keys(posix_env(), plugin().key_file);
        if (auto const readable = plugin().keys->list(); !readable.ok())
            log(Level::error, "blk.keys", readable.error());
    }
    blocks::Options const options{.cache_bytes = plugin().cache_bytes, .keys = plugin().keys.get()};
    auto reader = blocks::Reader::open(posix_env(), plugin().store, options);
    if (!reader.ok())
        return refuse(reader.error(), EINVAL);
    plugin().reader = std::move(reader).value();
    return 0;
}

void unload()
{
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

void* open_export(int)
{
    auto const* const name = nbdkit_export_name();
    if (name == nullptr)
        return nullptr;
    auto view = plugin().reader->view(name);
    if (!view.ok()) {
        auto const fault = view.error().fault;
        (void)refuse(view.error(), fault == Fault::not_found ? ENOENT
                                   : fault == Fault::denied  ? EACCES
                                                             : EIO);
        return nullptr;
    }
    return std::make_unique<Handle>(Handle{std::move(view).value()}).release();
}

void close_export(void* handle) { std::unique_ptr<Handle> const owned(&handle_of(handle)); }

std::int64_t get_size(void* handle)
{
    return static_cast<std::int64_t>(handle_of(handle).view->facts().size_bytes);
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
    std::span<std::byte> const into(static_cast<std::byte*>(buffer), count);
    auto const read = handle_of(handle).view->read(offset, into);
    if (read.ok())
        return 0;
    log(Level::error, "blk.read", read.error(),
        {{"export", handle_of(handle).view->facts().name}, {"offset", offset}});
    return refuse(read.error(), EIO);
}

/// Reads what is asked for into the cache of extents.
int cache(void* handle, std::uint32_t count, std::uint64_t offset, std::uint32_t)
{
    Bytes part(blocks::kBlockBytes);
    auto const& view = *handle_of(handle).view;
    for (auto const end = offset + count; offset < end; offset += part.size()) {
        auto const length = std::min<std::uint64_t>(part.size(), end - offset);
        auto const read = view.read(offset, std::span(part).first(length));
        if (!read.ok())
            return refuse(read.error(), EIO);
    }
    return 0;
}

int add_extents(void* handle, std::uint32_t count, std::uint64_t offset, std::uint32_t,
                struct nbdkit_extents* extents)
{
    auto const& view = *handle_of(handle).view;
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

struct nbdkit_plugin describe()
{
    struct nbdkit_plugin p = {};
    p.name = "karat-blk";
    p.longname = "Karat's snapshots";
    p.description = "Serves the snapshots of a Karat block store, read-only, by export name";
    p.config = config;
    p.config_complete = config_complete;
    p.config_help = "store=DIRECTORY  The block store (required)\n"
                    "keys=FILE        The key file, for encrypted snapshots\n"
                    "cache=SIZE       Memory for decompressed extents, default 256M";
    p.magic_config_key = "store";
    p.get_ready = get_ready;
    p.unload = unload;
    p.list_exports = list_exports;
    p.default_export = default_export;
    p.open = [](int readonly) { return open_export(readonly); };
    p.close = close_export;
    p.get_size = get_size;
    p.can_write = no;
    p.can_multi_conn = yes;
    p.can_extents = yes;
    p.can_cache = native_cache;
    p.is_rotational = no;
    p.block_size = block_size;
    p.pread = pread;
    p.cache = cache;
    p.extents = add_extents;
    p.errno_is_preserved = 0;
    return p;
}

struct nbdkit_plugin description = describe();

} // namespace

extern "C" {
NBDKIT_REGISTER_PLUGIN(description)
}
