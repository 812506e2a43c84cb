// SPDX-License-Identifier: Apache-2.0
#include "host_cache.hpp"

#include "karat/log.hpp"
#include "karat/priority.hpp"
#include "karat/record_locks.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace karat::blk {
namespace {

constexpr std::chrono::nanoseconds kClearUpEvery = std::chrono::seconds(10);
constexpr std::chrono::milliseconds kIdle{250};
constexpr std::uint64_t kStepBytes = 1 << 20;
/// What is kept free for others is given back when a quarter of it is gone: not at once, so that
/// filling and giving back do not take turns.
constexpr std::uint64_t kGiveBackParts = 4;
constexpr std::string_view kSuffixes[] = {kPartSuffix, kWholeSuffix, kFilledSuffix, kTraceSuffix};

/// The snapshot that a file belongs to; empty for one that is none of the cache's.
std::string snapshot_of(std::string_view file)
{
    for (auto const suffix : kSuffixes)
        if (file.size() > suffix.size() && file.ends_with(suffix))
            return std::string(file.substr(0, file.size() - suffix.size()));
    return {};
}

} // namespace

class DirectoryCache::CachedDisk final : public Disk {
public:
    CachedDisk(DirectoryCache& cache, SharedView view, std::shared_ptr<CacheFile> file)
        : cache_(cache)
        , view_(std::move(view))
        , file_(std::move(file))
    {
    }
    ~CachedDisk() override
    {
        if (file_)
            cache_.release(*file_);
    }
    blocks::View const& view() const override { return *view_; }
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        return file_ ? file_->read(offset_bytes, into) : view_->read(offset_bytes, into);
    }
    Result<void> prefetch(Range range) override
    {
        Bytes unused(file_ ? 0 : blocks::kBlockBytes);
        for (auto at = range.offset_bytes; at < range.end_bytes();) {
            if (file_) {
                at = TRY(file_->fill_at(at, Asker::guest));
                continue;
            }
            auto const length = std::min<std::uint64_t>(unused.size(), range.end_bytes() - at);
            TRY(view_->read(at, std::span(unused).first(length)));
            at += length;
        }
        return {};
    }

private:
    DirectoryCache& cache_;
    SharedView const view_;
    std::shared_ptr<CacheFile> const file_; ///< None: there is no room for it.
};

DirectoryCache::DirectoryCache(Env env, blocks::Reader& reader, CacheOptions options,
                               std::unique_ptr<FileLock> lock)
    : env_(env)
    , reader_(reader)
    , options_(std::move(options))
    , place_{options_.directory, boot_id_of(options_.boot), options_.keep_free_bytes}
    , lock_(std::move(lock))
{
}

DirectoryCache::~DirectoryCache() = default;

Result<std::unique_ptr<HostCache>> HostCache::open(Env env, blocks::Reader& reader,
                                                   CacheOptions options)
{
    TRY(env.files.make_dirs(options.directory));
    auto lock = TRY(env.files.lock(options.directory + '/' + std::string(kLockName)));
    auto cache = std::make_unique<DirectoryCache>(env, reader, std::move(options), std::move(lock));
    TRY(cache->clear_up());
    return std::unique_ptr<HostCache>(std::move(cache));
}

Result<std::unique_ptr<Disk>> DirectoryCache::disk(std::string const& name)
{
    auto view = TRY(reader_.view(name));
    std::shared_ptr<CacheFile> file;
    if (view->encrypted()) // the cache's files are plain
        return std::unique_ptr<Disk>(std::make_unique<CachedDisk>(*this, std::move(view), nullptr));
    auto admitted = admit(view);
    if (admitted.ok())
        file = std::move(admitted).value();
    else
        log(Level::warn, "cache.bypassed", admitted.error(), {{"snapshot", name}});
    return std::unique_ptr<Disk>(
        std::make_unique<CachedDisk>(*this, std::move(view), std::move(file)));
}

/// The snapshot's file; nothing when there is no room for it.
Result<std::shared_ptr<CacheFile>> DirectoryCache::admit(SharedView const& view)
{
    std::scoped_lock const guard(mutex_);
    auto const& name = view->facts().name;
    auto const bytes = view->full_size_bytes();
    auto found = entries_.find(name);
    if (found != entries_.end() && found->second.file && found->second.file->broken()) {
        TRY(remove_files(name));
        found = entries_.end();
    }
    if (found == entries_.end()) {
        bool const fits = options_.limit_bytes != 0 && TRY(make_room(bytes));
        if (!fits) {
            if (options_.limit_bytes != 0) // else nobody wants a cache
                log(Level::info, "cache.no_room", {{"snapshot", name}, {"bytes", bytes}});
            return std::shared_ptr<CacheFile>();
        }
        found = entries_.emplace(name, Entry{.full_bytes = bytes, .file = {}}).first;
    }
    auto& entry = found->second;
    if (!entry.file) {
        auto opened = CacheFile::open(env_, place_, view);
        if (!opened.ok()) {
            entries_.erase(found);
            return opened.take_error();
        }
        entry.file = std::move(opened).value();
        begin_launch(entry.file);
    }
    entry.last_use = ++uses_;
    ++entry.users;
    return entry.file;
}

/// A guest that finds nothing here yet is led by what an earlier one read.
void DirectoryCache::begin_launch(std::shared_ptr<CacheFile> const& file)
{
    if (!file->began_cold())
        return;
    auto const bytes =
        read_file(env_.files, place_.path(file->name(), kTraceSuffix), kMaxTraceBytes);
    if (!bytes.ok())
        return;
    auto trace = decode_trace(bytes.value(), file->view().root());
    if (!trace)
        return;
    file->stop_tracing();
    prefetcher_.add(file, std::move(*trace));
}

void DirectoryCache::release(CacheFile const& file)
{
    std::scoped_lock const guard(mutex_);
    auto const found = entries_.find(file.name());
    if (found == entries_.end() || found->second.file.get() != &file)
        return; // removed meanwhile
    auto& entry = found->second;
    entry.last_use = ++uses_;
    if (--entry.users == 0 && file.whole())
        entry.file.reset();
}

Result<bool> DirectoryCache::make_room(std::uint64_t bytes)
{
    if (bytes > options_.limit_bytes)
        return false;
    while (true) {
        std::uint64_t total = 0;
        for (auto const& [name, entry] : entries_)
            total += entry.full_bytes;
        if (total <= options_.limit_bytes - bytes)
            return true;
        bool const evicted = TRY(evict_oldest());
        if (!evicted)
            return false;
    }
}

/// Not what a connection uses, nor what QEMU has open itself.
Result<bool> DirectoryCache::evict_oldest()
{
    std::vector<std::pair<std::uint64_t, std::string>> unused;
    for (auto const& [name, entry] : entries_)
        if (entry.users == 0)
            unused.emplace_back(entry.last_use, name);
    std::ranges::sort(unused);
    for (auto const& [last_use, name] : unused) {
        bool const locked = TRY(locked_by_others(place_.path(name, kWholeSuffix)));
        if (locked)
            continue;
        log(Level::info, "cache.evicted",
            {{"snapshot", name}, {"bytes", entries_.at(name).full_bytes}});
        TRY(remove_files(name));
        return true;
    }
    return false;
}

/// One file a time; tend() is called several times a second.
Result<void> DirectoryCache::give_back()
{
    auto const free = TRY(env_.files.free_bytes(options_.directory));
    if (free >= options_.keep_free_bytes / kGiveBackParts * (kGiveBackParts - 1))
        return {};
    std::scoped_lock const guard(mutex_);
    bool const evicted = TRY(evict_oldest());
    if (!evicted)
        (void)TRY(give_up_oldest());
    return {};
}

/// Of those that connections use and QEMU does not: their guests read from the store.
Result<bool> DirectoryCache::give_up_oldest()
{
    Entry* oldest = nullptr;
    for (auto& [name, entry] : entries_)
        if (entry.file && !entry.file->whole() && entry.file->filled_bytes() > 0 &&
            (oldest == nullptr || entry.last_use < oldest->last_use))
            oldest = &entry;
    if (oldest == nullptr)
        return false;
    auto const file = oldest->file;
    log(Level::info, "cache.evicted",
        {{"snapshot", file->name()}, {"bytes", file->filled_bytes()}});
    TRY(file->give_up());
    TRY(remove_files(file->name()));
    return true;
}

/// All but the trace. Who has the file open may go on with it.
Result<void> DirectoryCache::remove_files(std::string const& snapshot)
{
    entries_.erase(snapshot);
    for (auto const suffix : {kWholeSuffix, kPartSuffix, kFilledSuffix})
        TRY(env_.files.remove(place_.path(snapshot, suffix)));
    return {};
}

Result<void> DirectoryCache::clear_up()
{
    std::scoped_lock const guard(mutex_);
    std::set<std::string> known;
    for (auto& name : TRY(reader_.names()))
        known.insert(std::move(name));
    std::set<std::string> cached;
    for (auto const& file : TRY(env_.files.list(place_.directory))) {
        auto const snapshot = snapshot_of(file);
        if (known.contains(snapshot))
            cached.insert(snapshot);
        else if (file != kLockName)
            TRY(env_.files.remove(place_.directory + '/' + file));
    }
    std::erase_if(entries_, [&](auto const& entry) { return !known.contains(entry.first); });
    for (auto const& snapshot : cached)
        if (!entries_.contains(snapshot))
            TRY(take_up(snapshot));
    (void)TRY(make_room(0));
    return {};
}

/// Counts what an earlier process left of a snapshot, or removes it.
Result<void> DirectoryCache::take_up(std::string const& snapshot)
{
    bool const whole = TRY(env_.files.exists(place_.path(snapshot, kWholeSuffix)));
    auto const file = env_.files.open(place_.path(snapshot, kFilledSuffix), Access::read);
    auto const header = file.ok() ? TRY(read_header(*file.value())) : std::optional<Header>();
    if (!header || (!whole && header->boot != place_.boot))
        return remove_files(snapshot);
    entries_[snapshot].full_bytes = header->full_bytes;
    return {};
}

std::vector<std::shared_ptr<CacheFile>> DirectoryCache::open_files()
{
    std::scoped_lock const guard(mutex_);
    std::vector<std::shared_ptr<CacheFile>> files;
    for (auto const& [name, entry] : entries_)
        if (entry.file)
            files.push_back(entry.file);
    return files;
}

Result<void> DirectoryCache::keep_trace(CacheFile& file)
{
    auto const trace = file.take_trace(options_.trace_for);
    if (trace.empty())
        return {};
    log(Level::info, "cache.traced", {{"snapshot", file.name()}, {"pieces", trace.size()}});
    return replace_file(env_.files, place_.path(file.name(), kTraceSuffix),
                        encode_trace(file.view().root(), trace));
}

bool DirectoryCache::wants_more(CacheFile& file) const
{
    return options_.hydrate_bytes_per_second != 0 && !file.whole() && file.hydrates() &&
           file.keeps() && file.filled_bytes() > 0 && !file.tracing();
}

Result<bool> DirectoryCache::tend()
{
    auto const now = env_.clock.steady();
    if (now >= clear_up_at_) {
        clear_up_at_ = now + kClearUpEvery;
        TRY(clear_up());
    }
    TRY(give_back());
    bool more = false;
    for (auto const& file : open_files()) {
        TRY(keep_trace(*file));
        if (more || !wants_more(*file))
            continue;
        more = true;
        TRY(hydrate(*file));
    }
    return more;
}

Result<void> DirectoryCache::hydrate(CacheFile& file)
{
    auto const done = file.hydrate(kStepBytes);
    if (!done.ok()) {
        file.stop_hydration();
        log(Level::warn, "cache.not_filled", done.error(), {{"snapshot", file.name()}});
        return {};
    }
    if (!done.value())
        return {};
    log(Level::info, "cache.whole",
        {{"snapshot", file.name()}, {"bytes", file.view().full_size_bytes()}});
    std::scoped_lock const guard(mutex_);
    auto const found = entries_.find(file.name());
    if (found != entries_.end() && found->second.file.get() == &file && found->second.users == 0)
        found->second.file.reset();
    return {};
}

void DirectoryCache::start()
{
    prefetcher_.start(options_.prefetchers);
    tender_ = Thread("cache.tender", Thread::OnThrow::go_on,
                     [this](std::stop_token const& stop) { work(stop); });
}

void DirectoryCache::work(std::stop_token const& stop)
{
    take_lowest_priority();
    std::mutex mutex;
    std::condition_variable_any never;
    auto const rate = std::max<std::uint64_t>(1, options_.hydrate_bytes_per_second);
    std::chrono::nanoseconds const step(kStepBytes * 1'000'000'000 / rate);
    while (!stop.stop_requested()) {
        auto const tended = tend();
        if (!tended.ok())
            log(Level::warn, "cache.trouble", tended.error());
        bool const more = tended.ok() && tended.value();
        std::unique_lock guard(mutex);
        never.wait_for(guard, stop, more ? step : std::chrono::nanoseconds(kIdle),
                       [] { return false; });
    }
}

std::string whole_file(std::string const& directory, std::string const& snapshot)
{
    return directory + '/' + snapshot + std::string(kWholeSuffix);
}

} // namespace karat::blk
