// SPDX-License-Identifier: Apache-2.0
// Snapshots in units of 512 KiB, as EBS direct has them: put together from units that come in any
// order, read and compared by unit. A part of the store's door (karat/blocks.hpp).
#pragma once

#include "karat/blocks.hpp"

namespace karat::blocks {

inline constexpr std::uint64_t kStagedUnitBytes = 512 << 10;

/// A unit of a snapshot that is being put together.
struct StagedUnit {
    std::uint32_t index = 0;              ///< Its offset in the volume, in units.
    std::span<std::byte const> data = {}; ///< kStagedUnitBytes.
    Hash sum = {};                        ///< Of `data`; whoever calls has compared it.
    Time when = {};
};

/// What has come so far.
struct StagedContents {
    std::uint64_t units = 0; ///< Each counted once, however often it came.
    Hash checksum = {};      ///< SHA-256 of the units' sums, by ascending index.
    Time last_put = {};      ///< Of the newest unit; the epoch if none came.
};

/// One snapshot that is being put together. Thread-safe. It lives on disk: after any crash it holds
/// every unit whose put() succeeded.
class Staged {
public:
    virtual ~Staged() = default;
    virtual std::uint64_t size_bytes() const = 0; ///< Of the volume.
    /// Keeps the unit, in place of one that came before. Durable when it succeeds. Zeroes are kept
    /// as data: such a unit is no hole. Fault::invalid beyond the volume's end, Fault::wrong_state
    /// after seal().
    virtual Result<void> put(StagedUnit const& unit) = 0;
    virtual Time last_put() const = 0;
    /// Lets running put()s end and refuses those that follow. The seal does not outlive the
    /// process.
    virtual Result<StagedContents> seal() = 0;
    /// Takes units again.
    virtual void unseal() = 0;
    /// Makes the snapshot: what it began as, with the units that came. As Ingest::commit();
    /// Fault::duplicate if it exists. What is staged stays until StagedSnapshots::drop().
    virtual Result<Committed> commit(Facts facts) = 0;
};

/// All of them. Thread-safe. They keep what they hold from being collected.
class StagedSnapshots {
public:
    virtual ~StagedSnapshots() = default;
    /// As Store::begin(); durable when it succeeds. Fault::duplicate also while one of that name is
    /// staged. The base may be removed afterwards.
    virtual Result<void> begin(Facts facts, std::optional<std::string> base) = 0;
    /// Fault::not_found if there is none of that name.
    virtual Result<std::shared_ptr<Staged>> find(std::string const& name) = 0;
    /// Success also if absent. One that somebody holds takes no more units.
    virtual Result<void> drop(std::string const& name) = 0;
    virtual std::vector<std::string> names() = 0;
};

/// Which units of a snapshot to list.
struct UnitQuery {
    std::uint32_t from = 0;
    std::size_t limit = 0; ///< At least 1.
};

/// A unit that two snapshots do not have alike.
struct UnitChange {
    std::uint32_t index = 0;
    bool in_first = false; ///< Holds data there; else it is a hole.
    bool in_second = false;
    bool operator==(UnitChange const&) const = default;
};

struct UnitChanges {
    std::vector<UnitChange> changes;        ///< Ascending.
    std::optional<std::uint32_t> next = {}; ///< Where to go on; nothing at the end.
};

/// Lists the units of `second` that hold data (without `first`), or that differ from `first`'s.
/// Skips what shares its map; looks into a bounded part of the maps, so the list may be short, and
/// even empty, before the end. A unit that was written anew with the bytes it had may be listed.
/// Both are views of one store.
Result<UnitChanges> changed_units(View const* first, View const& second, UnitQuery const& query);

/// Reads a unit and answers its SHA-256. Holes read as zeroes. Fault::invalid beyond the end.
Result<Hash> read_unit(View const& view, std::uint32_t index, std::span<std::byte> into);

} // namespace karat::blocks
