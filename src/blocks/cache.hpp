// SPDX-License-Identifier: Apache-2.0
// A bounded cache of what was read and verified, by hash: extents and decoded pages. Contents never
// change under a hash, so nothing is ever invalidated.
#pragma once

#include "karat/hash.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>

namespace karat::blocks {

/// Least recently used goes first. Thread-safe, in shards so that threads rarely meet. Values are
/// looked at in place, under the shard's lock: `look` is short and takes no other lock.
template <class Value>
class Cache {
public:
    explicit Cache(std::uint64_t limit_bytes)
        : shard_limit_bytes_(limit_bytes / kShards)
    {
    }

    /// Calls look(value) if the hash is here.
    template <class Look>
    bool find(Hash const& hash, Look const& look)
    {
        auto& shard = shard_of(hash);
        std::scoped_lock const guard(shard.mutex);
        auto const found = shard.by_hash.find(hash);
        if (found == shard.by_hash.end())
            return false;
        shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
        look(std::as_const(found->second->value));
        return true;
    }

    void insert(Hash const& hash, Value value, std::uint64_t cost_bytes)
    {
        auto& shard = shard_of(hash);
        std::scoped_lock const guard(shard.mutex);
        if (cost_bytes > shard_limit_bytes_ || shard.by_hash.contains(hash))
            return;
        shard.recent.push_front({hash, std::move(value), cost_bytes});
        shard.by_hash.emplace(hash, shard.recent.begin());
        shard.used_bytes += cost_bytes;
        while (shard.used_bytes > shard_limit_bytes_) {
            shard.used_bytes -= shard.recent.back().cost_bytes;
            shard.by_hash.erase(shard.recent.back().hash);
            shard.recent.pop_back();
        }
    }

private:
    static constexpr std::size_t kShards = 8;
    struct Item {
        Hash hash;
        Value value;
        std::uint64_t cost_bytes;
    };
    struct ByContent {
        std::size_t operator()(Hash const& hash) const
        {
            std::size_t value = 0; // a SHA-256: any eight bytes are as good as a hash of it
            std::memcpy(&value, hash.bytes.data() + 8, sizeof value);
            return value;
        }
    };
    struct Shard {
        std::mutex mutex;
        std::list<Item> recent;
        std::unordered_map<Hash, typename std::list<Item>::iterator, ByContent> by_hash;
        std::uint64_t used_bytes = 0;
    };
    Shard& shard_of(Hash const& hash)
    {
        return shards_[std::to_integer<std::size_t>(hash.bytes[0]) % kShards];
    }

    std::uint64_t shard_limit_bytes_;
    std::array<Shard, kShards> shards_;
};

} // namespace karat::blocks
