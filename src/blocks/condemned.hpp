// SPDX-License-Identifier: Apache-2.0
// What the collector means to delete, and since which epoch (FORMAT.md, "Condemned"). Pure: no I/O,
// not locked (Packs does that). Eight bytes of memory a condemned record.
#pragma once

#include "extent_index.hpp"

#include <map>
#include <span>
#include <vector>

namespace karat::blocks {

class Condemned {
public:
    /// Of the newest collection; 0 before the first.
    Epoch epoch() const { return epoch_; }
    /// A collection begins; the result is its epoch. After sixteen million of them the count begins
    /// anew and everything is pardoned.
    Epoch begin_epoch();

    std::uint64_t count() const { return count_; }
    /// Since when the record there is condemned; 0 if it is not.
    Epoch since(Place place) const;
    /// Does nothing when it is condemned already.
    void add(Place place, Epoch since);
    /// Whether it was condemned.
    bool pardon(Place place);
    void pardon_all();
    /// The pack is gone.
    void forget_pack(std::uint32_t pack);
    /// Pardons every place of which known(place) is false; whether there was one.
    template <class Known>
    bool keep_only(Known const& known);

    /// Of the file that it was read from, or was last written to.
    std::uint64_t edition() const { return edition_; }
    /// The file's bytes, of the next edition.
    Bytes encode();
    /// Fault::corrupt for anything but what encode() writes.
    static Result<Condemned> decode(std::span<std::byte const> bytes);
    /// The edition that the head of a file names; 0 if it is none.
    static std::uint64_t edition_of(std::span<std::byte const> head);

private:
    struct Item {
        std::uint32_t offset;
        Epoch since; // 0: pardoned
    };

    Epoch epoch_ = 0;
    std::uint64_t edition_ = 0;
    std::uint64_t count_ = 0;
    std::map<std::uint32_t, std::vector<Item>> packs_; // items ascend by offset
};

template <class Known>
bool Condemned::keep_only(Known const& known)
{
    bool any = false;
    for (auto const& [pack, items] : packs_)
        for (auto const& item : items)
            if (item.since != 0 && !known(Place{pack, item.offset}))
                any = pardon({pack, item.offset}) || any;
    return any;
}

} // namespace karat::blocks
