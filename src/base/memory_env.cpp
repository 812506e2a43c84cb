// SPDX-License-Identifier: Apache-2.0
#include "karat/memory_env.hpp"

#include "memory_nodes.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <set>

namespace karat {

using namespace memory;

struct MemoryFiles::Disk {
    std::recursive_mutex mutex; // a hook may look at what a crash would leave
    Names names;                // as processes see them
    Names synced_names;         // as the platter has them
    std::vector<NameChange> unsynced_names;
    std::set<std::string> dirs{"", ".", "/"};
    std::map<std::string, int> locks;
    Hook hook;
    Hook open_hook;
    std::uint64_t capacity_bytes = std::uint64_t{1} << 40;
    std::vector<std::shared_ptr<Node>> unlinked; // takes room while it is open, as on any disk

    Result<void> before(std::string_view operation, std::string const& path)
    {
        return hook ? hook(operation, path) : Result<void>();
    }
    Result<void> before_open(std::string_view operation, std::string const& path)
    {
        return open_hook ? open_hook(operation, path) : Result<void>();
    }
    std::uint64_t used_bytes() const
    {
        std::uint64_t sum = 0;
        for (auto const& [path, node] : names)
            sum += node->cached.size();
        for (auto const& node : unlinked)
            if (node->handles > 0)
                sum += node->cached.size();
        return sum;
    }
    void set_name(std::string const& path, std::shared_ptr<Node> node)
    {
        std::erase_if(unlinked, [&](auto const& one) { return one == node || one->handles == 0; });
        if (auto const found = names.find(path); found != names.end() && found->second != node)
            unlinked.push_back(found->second);
        if (node)
            names[path] = node;
        else
            names.erase(path);
        unsynced_names.push_back({path, std::move(node)});
    }
    /// The names after a crash, with files of their own.
    Names after_crash(std::function<bool()> const& keep) const
    {
        auto left = synced_names;
        for (auto const& change : unsynced_names)
            if (keep())
                apply(left, change);
        std::map<Node*, std::shared_ptr<Node>> reborn;
        for (auto& [path, node] : left) {
            auto& fresh = reborn[node.get()];
            if (!fresh)
                fresh = karat::after_crash(*node, keep);
            node = fresh;
        }
        return left;
    }
};

namespace {

Error dead(std::string const& path)
{
    return fail(Fault::io, fmt::format("Cannot use {}: the disk lost power", path));
}

class MemoryLock final : public FileLock {
public:
    MemoryLock(std::recursive_mutex& mutex, std::map<std::string, int>& locks, std::string path,
               std::shared_ptr<void> owner)
        : mutex_(mutex)
        , locks_(locks)
        , path_(std::move(path))
        , owner_(std::move(owner))
    {
    }
    ~MemoryLock() override
    {
        std::scoped_lock const guard(mutex_);
        locks_.erase(path_);
    }

private:
    std::recursive_mutex& mutex_;
    std::map<std::string, int>& locks_;
    std::string path_;
    std::shared_ptr<void> owner_; // keeps the disk alive
};

template <class Disk>
class MemoryFile final : public File {
public:
    MemoryFile(std::shared_ptr<Disk> disk, std::shared_ptr<Node> node, std::string path)
        : disk_(std::move(disk))
        , node_(std::move(node))
        , path_(std::move(path))
    {
        ++node_->handles; // made under the disk's lock
    }
    ~MemoryFile() override
    {
        std::scoped_lock const guard(disk_->mutex);
        --node_->handles;
    }

    Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        std::scoped_lock const guard(disk_->mutex);
        TRY(alive());
        TRY(disk_->before("read", path_));
        if (offset_bytes >= node_->cached.size())
            return std::size_t{0};
        auto const length = std::min<std::size_t>(into.size(), node_->cached.size() - offset_bytes);
        if (length > 0)
            std::memcpy(into.data(), node_->cached.bytes().data() + offset_bytes, length);
        return length;
    }

    Result<void> write_at(std::uint64_t offset_bytes, std::span<std::byte const> from) override
    {
        std::scoped_lock const guard(disk_->mutex);
        TRY(alive());
        TRY(disk_->before("write", path_));
        auto const end = offset_bytes + from.size();
        auto const grows = end > node_->cached.size() ? end - node_->cached.size() : 0;
        if (grows > 0 && disk_->used_bytes() + grows > disk_->capacity_bytes)
            return fail(Fault::full,
                        fmt::format("Cannot write {}: No space left on device", path_));
        return change({offset_bytes, Bytes(from.begin(), from.end())});
    }

    Result<void> sync_data() override
    {
        std::scoped_lock const guard(disk_->mutex);
        TRY(alive());
        TRY(disk_->before("sync", path_));
        sync(*node_);
        return {};
    }

    Result<std::uint64_t> size_bytes() override
    {
        std::scoped_lock const guard(disk_->mutex);
        TRY(alive());
        return std::uint64_t{node_->cached.size()};
    }

    Result<void> truncate(std::uint64_t size_bytes) override
    {
        std::scoped_lock const guard(disk_->mutex);
        TRY(alive());
        TRY(disk_->before("truncate", path_));
        return change({size_bytes, {}, true});
    }

    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        std::scoped_lock const guard(disk_->mutex);
        TRY(alive());
        constexpr std::uint64_t kBlock = 4096;
        auto const& bytes = node_->cached.bytes();
        auto const data_in = [&](std::uint64_t block) {
            auto const from = static_cast<std::ptrdiff_t>(block * kBlock);
            auto const to = static_cast<std::ptrdiff_t>(
                std::min<std::uint64_t>(bytes.size(), (block + 1) * kBlock));
            return std::any_of(bytes.begin() + from, bytes.begin() + to,
                               [](std::byte b) { return b != std::byte{0}; });
        };
        auto block = offset_bytes / kBlock;
        while (block * kBlock < bytes.size() && !data_in(block))
            ++block;
        if (block * kBlock >= bytes.size())
            return std::optional<Range>();
        auto const start = std::max(offset_bytes, block * kBlock);
        while (block * kBlock < bytes.size() && data_in(block))
            ++block;
        return std::optional(
            Range{start, std::min<std::uint64_t>(bytes.size(), block * kBlock) - start});
    }

    Result<void> punch_hole(Range range) override
    {
        std::scoped_lock const guard(disk_->mutex);
        TRY(alive());
        TRY(disk_->before("punch", path_));
        auto const end = std::min<std::uint64_t>(range.end_bytes(), node_->cached.size());
        if (range.offset_bytes >= end)
            return {};
        return change({range.offset_bytes, Bytes(end - range.offset_bytes)});
    }

private:
    Result<void> alive() const { return node_->lost ? Result<void>(dead(path_)) : Result<void>(); }
    Result<void> change(Write write)
    {
        apply_write(node_->cached.change(), write, write.bytes.size());
        node_->unsynced.push_back(std::move(write));
        return {};
    }

    std::shared_ptr<Disk> disk_;
    std::shared_ptr<Node> node_;
    std::string path_;
};

} // namespace

MemoryFiles::MemoryFiles()
    : disk_(std::make_shared<Disk>())
{
}
MemoryFiles::~MemoryFiles() = default;

Result<std::unique_ptr<File>> MemoryFiles::open(std::string const& path, Access access)
{
    std::scoped_lock const guard(disk_->mutex);
    auto const found = disk_->names.find(path);
    auto node = found == disk_->names.end() ? nullptr : found->second;
    if (node && access == Access::create_new)
        return fail(Fault::duplicate, fmt::format("Cannot open {}: File exists", path));
    if (!node) {
        bool const creates = access == Access::create || access == Access::create_new;
        if (!creates || !disk_->dirs.contains(parent_of(path)))
            return fail(Fault::not_found,
                        fmt::format("Cannot open {}: No such file or directory", path));
        TRY(disk_->before("create", path));
        node = std::make_shared<Node>();
        disk_->set_name(path, node);
    } else {
        TRY(disk_->before_open("open", path));
    }
    return std::unique_ptr<File>(std::make_unique<MemoryFile<Disk>>(disk_, node, path));
}

Result<void> MemoryFiles::remove(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    TRY(disk_->before("remove", path));
    if (disk_->names.contains(path))
        disk_->set_name(path, nullptr);
    return {};
}

Result<void> MemoryFiles::rename(std::string const& from, std::string const& to)
{
    std::scoped_lock const guard(disk_->mutex);
    TRY(disk_->before("rename", from));
    auto const found = disk_->names.find(from);
    if (found == disk_->names.end())
        return fail(Fault::not_found,
                    fmt::format("Cannot rename {}: No such file or directory", from));
    auto const node = found->second;
    disk_->set_name(to, node);
    disk_->set_name(from, nullptr);
    std::erase(disk_->unlinked, node); // it still has a name
    return {};
}

Result<void> MemoryFiles::sync_dir(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    TRY(disk_->before("sync_dir", path));
    std::erase_if(disk_->unsynced_names, [&](NameChange const& change) {
        if (parent_of(change.path) != path)
            return false;
        apply(disk_->synced_names, change);
        return true;
    });
    return {};
}

Result<void> MemoryFiles::make_dirs(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    for (auto part = path; !disk_->dirs.contains(part); part = parent_of(part))
        disk_->dirs.insert(part);
    return {};
}

Result<void> MemoryFiles::remove_dir(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    auto const below = disk_->names.lower_bound(path + '/');
    if (below != disk_->names.end() && below->first.starts_with(path + '/'))
        return fail(Fault::io,
                    fmt::format("Cannot remove the directory {}: Directory not empty", path));
    disk_->dirs.erase(path);
    return {};
}

Result<std::vector<std::string>> MemoryFiles::list(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    TRY(disk_->before_open("list", path));
    if (!disk_->dirs.contains(path))
        return fail(Fault::not_found,
                    fmt::format("Cannot list {}: No such file or directory", path));
    std::set<std::string> found;
    auto const add = [&](std::string const& candidate) {
        if (parent_of(candidate) == path && candidate.size() > path.size() + 1)
            found.insert(candidate.substr(path == "/" ? 1 : path.size() + 1));
    };
    for (auto const& [candidate, node] : disk_->names)
        add(candidate);
    for (auto const& candidate : disk_->dirs)
        add(candidate);
    return std::vector<std::string>(found.begin(), found.end());
}

Result<bool> MemoryFiles::exists(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    return disk_->names.contains(path) || disk_->dirs.contains(path);
}

Result<unsigned> MemoryFiles::mode(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    auto const found = disk_->names.find(path);
    if (found == disk_->names.end())
        return fail(Fault::not_found,
                    fmt::format("Cannot look at {}: No such file or directory", path));
    return found->second->mode;
}

Result<std::unique_ptr<FileLock>> MemoryFiles::lock(std::string const& path)
{
    std::scoped_lock const guard(disk_->mutex);
    TRY(disk_->before_open("lock", path));
    if (!disk_->locks.emplace(path, 1).second)
        return fail(Fault::unavailable, fmt::format("{} is locked by another process", path));
    return std::unique_ptr<FileLock>(
        std::make_unique<MemoryLock>(disk_->mutex, disk_->locks, path, disk_));
}

Result<std::uint64_t> MemoryFiles::free_bytes(std::string const&)
{
    std::scoped_lock const guard(disk_->mutex);
    auto const used = disk_->used_bytes();
    return used < disk_->capacity_bytes ? disk_->capacity_bytes - used : 0;
}

void MemoryFiles::crash()
{
    crash([] { return false; });
}

void MemoryFiles::crash(std::function<bool()> const& keep)
{
    std::scoped_lock const guard(disk_->mutex);
    auto left = disk_->after_crash(keep);
    // Handles from before the crash hold the old nodes, which die; names have new ones.
    for (auto const* const names : {&disk_->names, &disk_->synced_names})
        for (auto const& [path, node] : *names)
            node->lost = true;
    for (auto const& node : std::exchange(disk_->unlinked, {}))
        node->lost = true;
    disk_->synced_names = std::move(left);
    disk_->names = disk_->synced_names;
    disk_->unsynced_names.clear();
    disk_->locks.clear();
}

std::unique_ptr<MemoryFiles> MemoryFiles::after_crash(std::function<bool()> const& keep) const
{
    auto copy = std::make_unique<MemoryFiles>();
    std::scoped_lock const guard(disk_->mutex);
    copy->disk_->synced_names = disk_->after_crash(keep);
    copy->disk_->names = copy->disk_->synced_names;
    copy->disk_->dirs = disk_->dirs;
    return copy;
}

std::map<std::string, std::shared_ptr<Bytes const>> MemoryFiles::contents() const
{
    std::scoped_lock const guard(disk_->mutex);
    std::map<std::string, std::shared_ptr<Bytes const>> contents;
    for (auto const& [path, node] : disk_->names)
        contents.emplace_hint(contents.end(), path, node->cached.share());
    return contents;
}

void MemoryFiles::set_hook(Hook hook)
{
    std::scoped_lock const guard(disk_->mutex);
    disk_->hook = std::move(hook);
}

void MemoryFiles::set_open_hook(Hook hook)
{
    std::scoped_lock const guard(disk_->mutex);
    disk_->open_hook = std::move(hook);
}

void MemoryFiles::set_mode(std::string const& path, unsigned mode)
{
    std::scoped_lock const guard(disk_->mutex);
    auto const found = disk_->names.find(path);
    VERIFY(found != disk_->names.end());
    found->second->mode = mode;
}

void MemoryFiles::set_capacity_bytes(std::uint64_t capacity_bytes)
{
    std::scoped_lock const guard(disk_->mutex);
    disk_->capacity_bytes = capacity_bytes;
}

Time ManualClock::now() { return now_.load() + jumped_.load(); }
std::chrono::nanoseconds ManualClock::steady() { return now_.load() - origin_; }
void ManualClock::advance(std::chrono::milliseconds by) { now_.store(now_.load() + by); }

void ManualClock::jump(std::chrono::milliseconds by) { jumped_.store(jumped_.load() + by); }

void SeededChance::fill(std::span<std::byte> into)
{
    for (auto& b : into) {
        auto z = state_.fetch_add(0x9e3779b97f4a7c15) + 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        b = static_cast<std::byte>(z ^ (z >> 31));
    }
}

bool SeededChance::flip()
{
    std::byte coin{};
    fill({&coin, 1});
    return (coin & std::byte{1}) != std::byte{0};
}

MemoryEnv::MemoryEnv(std::uint64_t seed)
    : clock(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1))
    , chance(seed)
{
}

} // namespace karat
