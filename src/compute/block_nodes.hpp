// SPDX-License-Identifier: Apache-2.0
// QEMU's block nodes: how ours are named and made, and the graph that QEMU reports. Names follow
// from what a node is, so that a daemon that was restarted, or a task that runs twice, finds what
// is there by asking QEMU alone.
//
//   o… qcow2 overlay   f… its file   b… a volume's backing, NBD or raw   (… 24 hexadecimal digits)
//   d… what a volume's device has after the volume was pulled out of it
#pragma once

#include "qmp.hpp"

#include "karat/compute.hpp"

#include <set>

namespace karat::compute {

std::string overlay_node(std::string const& path);
std::string file_node(std::string const& path);
std::string backing_node(VolumeId const& volume, Backing const& backing);
std::string dead_node(VolumeId const& volume);

/// Whether an overlay is the one that is written.
enum class Position : unsigned char { top, below };

/// Options as blockdev-add, blockdev-reopen and -blockdev take them. `lower` is the node below,
/// empty for none.
Json overlay_options(std::string const& path, std::string const& lower, Position position);
Json file_options(std::string const& path, Position position);
Json backing_options(VolumeId const& volume, Backing const& backing);
/// A disk whose every read and write fails.
Json dead_options(VolumeId const& volume);

/// The nodes of a disk in the order in which they can be made.
std::vector<Json> disk_options(Disk const& disk);
/// The nodes that a disk's chain should have, top first.
std::vector<std::string> chain_of(Disk const& disk);

/// What x-debug-query-block-graph reports. (The stable queries of QEMU 7.2 do not tell which node
/// is the backing of which.)
class BlockGraph {
public:
    static Result<BlockGraph> parse(Json const& json);

    bool has(std::string const& node) const;
    /// The nodes of a volume's disk, top first; Fault::not_found if the machine has no such disk.
    Result<std::vector<std::string>> chain(VolumeId const& volume) const;
    /// The nodes of ours that nothing uses.
    std::vector<std::string> unused() const;
    /// The nodes of ours that no device of the guest has. More than unused(): QEMU itself holds
    /// what a device had until it has taken that apart, by a block backend without a name.
    std::vector<std::string> left_over() const;

private:
    struct Node {
        std::uint64_t id = 0;
        bool device = false; ///< A guest's device (a "block-backend"), else a block node.
        std::string name;
    };
    struct Edge {
        std::uint64_t parent = 0;
        std::uint64_t child = 0;
        std::string name;
    };
    Result<void> add_node(Json const& json);
    Result<void> add_edge(Json const& json);
    Node const* find(std::uint64_t id) const;
    Node const* below(Node const& parent, std::string_view edge) const;
    std::set<std::uint64_t> in_devices() const;

    std::vector<Node> nodes_;
    std::vector<Edge> edges_;
};

} // namespace karat::compute
