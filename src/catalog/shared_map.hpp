// SPDX-License-Identifier: Apache-2.0
// An ordered map whose copies cost one pointer and share what they have in common. Readers hold a
// copy for as long as they like; a writer edits a copy of its own, which copies only the chunks
// that it touches. Two levels are enough for millions of entries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace karat::catalog {

/// Names one writer's edits, never used again: a chunk that carries it is in no other copy yet. Who
/// hands a copy to others stops using the number.
enum class Edit : std::uint64_t {};

template <class Key, class Value>
class SharedMap {
    struct Chunk;
    struct Root;

public:
    using Entry = std::pair<Key, Value>;

    SharedMap() = default;
    /// Takes entries whose keys rise.
    static SharedMap of(Edit edit, std::vector<Entry> entries)
    {
        SharedMap map;
        map.root_ = std::make_shared<Root>(Root{edit, {}, entries.size()});
        for (std::size_t from = 0; from < entries.size(); from += kFilled) {
            auto const first = entries.begin() + static_cast<std::ptrdiff_t>(from);
            auto const last = entries.begin() +
                              static_cast<std::ptrdiff_t>(std::min(from + kFilled, entries.size()));
            map.root_->chunks.push_back(std::make_shared<Chunk>(
                Chunk{edit, {std::make_move_iterator(first), std::make_move_iterator(last)}}));
        }
        return map;
    }

    /// Points at an entry; valid while the map that it came from, or a copy, is not edited.
    class Iterator {
    public:
        Entry const& operator*() const { return root_->chunks[chunk_]->entries[at_]; }
        Entry const* operator->() const { return &**this; }
        Iterator& operator++()
        {
            if (++at_ == root_->chunks[chunk_]->entries.size()) {
                ++chunk_;
                at_ = 0;
            }
            return *this;
        }
        bool operator==(Iterator const&) const = default;

    private:
        friend class SharedMap;
        Iterator(Root const* root, std::size_t chunk, std::size_t at)
            : root_(root)
            , chunk_(chunk)
            , at_(at)
        {
        }
        Root const* root_;
        std::size_t chunk_;
        std::size_t at_;
    };

    std::size_t size() const { return root_->size; }
    Iterator begin() const { return {root_.get(), 0, 0}; }
    Iterator end() const { return {root_.get(), root_->chunks.size(), 0}; }

    /// The first entry whose key is not below `key`.
    template <class Sought>
    Iterator lower_bound(Sought const& key) const
    {
        auto const chunk = chunk_for(key);
        if (chunk == root_->chunks.size())
            return end();
        auto const& entries = root_->chunks[chunk]->entries;
        return {root_.get(), chunk, position(entries, key)};
    }

    /// Null when absent.
    template <class Sought>
    Value const* find(Sought const& key) const
    {
        auto const at = lower_bound(key);
        return at != end() && at->first == key ? &at->second : nullptr;
    }

    /// Inserts or replaces.
    void set(Edit edit, Key const& key, Value value)
    {
        auto& root = own_root(edit);
        if (root.chunks.empty()) {
            root.chunks.push_back(std::make_shared<Chunk>(Chunk{edit, {{key, std::move(value)}}}));
            root.size = 1;
            return;
        }
        auto const chunk = std::min(chunk_for(key), root.chunks.size() - 1);
        auto& entries = own_chunk(edit, chunk).entries;
        auto const at = entries.begin() + static_cast<std::ptrdiff_t>(position(entries, key));
        if (at != entries.end() && at->first == key) {
            at->second = std::move(value);
            return;
        }
        entries.emplace(at, key, std::move(value));
        ++root.size;
        if (entries.size() > kMostEntries)
            split(edit, chunk);
    }

    /// Does nothing when absent.
    void erase(Edit edit, Key const& key)
    {
        if (find(key) == nullptr)
            return;
        auto& root = own_root(edit);
        auto const chunk = chunk_for(key);
        auto& entries = own_chunk(edit, chunk).entries;
        entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(position(entries, key)));
        --root.size;
        if (entries.empty())
            root.chunks.erase(root.chunks.begin() + static_cast<std::ptrdiff_t>(chunk));
    }

    /// The value to change in place; null when absent.
    Value* edit(Edit edit, Key const& key)
    {
        if (find(key) == nullptr)
            return nullptr;
        auto& entries = own_chunk(edit, chunk_for(key)).entries;
        return &entries[position(entries, key)].second;
    }

private:
    static constexpr std::size_t kMostEntries = 128;
    static constexpr std::size_t kFilled = kMostEntries * 7 / 8; // leaves room for some more

    struct Chunk {
        Edit edit{};
        std::vector<Entry> entries; // never empty within a root
    };
    struct Root {
        Edit edit{};
        std::vector<std::shared_ptr<Chunk>> chunks;
        std::size_t size = 0;
    };

    template <class Sought>
    static std::size_t position(std::vector<Entry> const& entries, Sought const& key)
    {
        auto const at =
            std::lower_bound(entries.begin(), entries.end(), key,
                             [](Entry const& entry, Sought const& k) { return entry.first < k; });
        return static_cast<std::size_t>(at - entries.begin());
    }
    /// The first chunk whose last key is not below `key`.
    template <class Sought>
    std::size_t chunk_for(Sought const& key) const
    {
        auto const& chunks = root_->chunks;
        auto const at = std::lower_bound(
            chunks.begin(), chunks.end(), key,
            [](auto const& chunk, Sought const& k) { return chunk->entries.back().first < k; });
        return static_cast<std::size_t>(at - chunks.begin());
    }
    Root& own_root(Edit edit)
    {
        if (root_->edit != edit)
            root_ = std::make_shared<Root>(Root{edit, root_->chunks, root_->size});
        return *root_;
    }
    Chunk& own_chunk(Edit edit, std::size_t at)
    {
        auto& chunk = own_root(edit).chunks[at];
        if (chunk->edit != edit)
            chunk = std::make_shared<Chunk>(Chunk{edit, chunk->entries});
        return *chunk;
    }
    /// The second half becomes a chunk of its own; of a map that grows at its end, little of it.
    void split(Edit edit, std::size_t at)
    {
        auto& chunks = root_->chunks;
        auto& entries = chunks[at]->entries;
        auto const keep = at + 1 == chunks.size() ? kFilled : kMostEntries / 2;
        auto const from = entries.begin() + static_cast<std::ptrdiff_t>(keep);
        auto upper = std::make_shared<Chunk>(
            Chunk{edit, {std::make_move_iterator(from), std::make_move_iterator(entries.end())}});
        entries.erase(from, entries.end());
        chunks.insert(chunks.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(upper));
    }

    std::shared_ptr<Root> root_ = std::make_shared<Root>();
};

} // namespace karat::catalog
