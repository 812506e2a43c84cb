// SPDX-License-Identifier: Apache-2.0
// What the verbs of EBS direct are given and answer: snapshots block by block. A part of the
// engine's door (karat/engine.hpp).
#pragma once

#include "karat/nouns.hpp"
#include "karat/operator_requests.hpp"
#include "karat/staged.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace karat::engine {

/// A snapshot that will come block by block.
struct StartSnapshot {
    std::uint64_t size_gib = 0;
    std::optional<SnapshotId> parent; ///< Whose blocks it has where none comes.
    std::string description;
    EncryptionRequest encryption; ///< Nothing with a parent, whose key it has.
    int timeout_minutes = 60;
    std::string client_token;
    std::string fingerprint;
    Tags tags;
};

/// A block of 512 KiB (blocks::kStagedUnitBytes) for a snapshot.
struct NewBlock {
    SnapshotId snapshot;
    std::uint32_t index = 0;
    std::span<std::byte const> data; ///< Not owned.
    Hash sum;                        ///< Of `data`; whoever calls has compared it.
};

struct CompleteSnapshot {
    SnapshotId snapshot;
    std::uint64_t blocks = 0;     ///< So many were put.
    std::optional<Hash> checksum; ///< SHA-256 of their sums, by ascending index.
};

struct BlockList {
    Snapshot snapshot; ///< Whose blocks they are; the second of two.
    blocks::UnitChanges blocks;
};

/// Two snapshots to compare.
struct SnapshotPair {
    SnapshotId first;
    SnapshotId second;
};

} // namespace karat::engine
