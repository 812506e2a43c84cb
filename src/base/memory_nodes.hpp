// SPDX-License-Identifier: Apache-2.0
// The files of the disk in memory, and what a crash leaves of each. Private to the room.
#pragma once

#include "karat/env.hpp"

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace karat::memory {

constexpr std::size_t kSector = 512; // what a disk writes whole or not at all

struct Write {
    std::uint64_t offset_bytes;
    Bytes bytes;         // of a write
    bool resize = false; // a truncate to offset_bytes instead
};

/// Of `write`, the first `length` bytes; all of a resize.
inline void apply_write(Bytes& to, Write const& write, std::size_t length)
{
    if (write.resize) {
        to.resize(write.offset_bytes);
        return;
    }
    auto const end = write.offset_bytes + length;
    if (to.size() < end)
        to.resize(end);
    if (length > 0)
        std::memcpy(to.data() + write.offset_bytes, write.bytes.data(), length);
}

/// A file's bytes, shared by whoever has the same ones, disks that a crash left among them.
class Contents {
public:
    Bytes const& bytes() const { return *bytes_; }
    std::size_t size() const { return bytes_->size(); }
    Bytes& change()
    {
        if (bytes_.use_count() > 1)
            bytes_ = std::make_shared<Bytes>(*bytes_);
        return *bytes_;
    }
    std::shared_ptr<Bytes const> share() const { return bytes_; }

private:
    std::shared_ptr<Bytes> bytes_ = std::make_shared<Bytes>();
};

/// One file: what readers see, what the platter holds, and the writes between the two.
struct Node {
    Contents cached;
    Contents synced;
    std::vector<Write> unsynced;
    bool lost = false; // its disk crashed; open handles are dead
    int handles = 0;   // open now
    unsigned mode = 0600;
};

/// The platter holds what readers see. A file that changed a little is changed there, too; else the
/// two share it, and the next write makes a copy of all of it.
inline void sync(Node& node)
{
    std::uint64_t written = 0;
    for (auto const& write : node.unsynced)
        written += write.resize ? node.cached.size() : write.bytes.size();
    if (written * 4 < node.cached.size())
        for (auto const& write : node.unsynced)
            apply_write(node.synced.change(), write, write.bytes.size());
    else
        node.synced = node.cached;
    node.unsynced.clear();
}

struct NameChange {
    std::string path;
    std::shared_ptr<Node> node; // null: the name went away
};

using Names = std::map<std::string, std::shared_ptr<Node>>;

inline void apply(Names& names, NameChange const& change)
{
    if (change.node)
        names[change.path] = change.node;
    else
        names.erase(change.path);
}

/// What the platter holds of a file when each unsynced write survives as `keep` says.
inline std::shared_ptr<Node> after_crash(Node const& node, std::function<bool()> const& keep)
{
    auto left = std::make_shared<Node>();
    left->synced = node.synced;
    left->mode = node.mode;
    for (auto const& write : node.unsynced) {
        if (!keep())
            continue;
        auto length = write.bytes.size();
        if (!write.resize && length > kSector && !keep())
            length = length / kSector / 2 * kSector;
        apply_write(left->synced.change(), write, length);
    }
    left->cached = left->synced;
    return left;
}

} // namespace karat::memory
