// SPDX-License-Identifier: Apache-2.0
#include "block_nodes.hpp"

#include "karat/hash.hpp"

#include <algorithm>

namespace karat::compute {
namespace {

constexpr std::size_t kNameDigits = 24; // QEMU's names have at most 31 characters
constexpr std::uint64_t kGiBytes = std::uint64_t{1} << 30;
/// Guests wait this long for karat-blk to come back, rather than have a disk that fails.
constexpr int kReconnectSeconds = 24 * 60 * 60;
constexpr int kOpenSeconds = 5; // for a disk that is plugged in while karat-blk is exchanged

std::string named(char kind, std::string_view what)
{
    return kind + sha256(what).text().substr(0, kNameDigits);
}

bool is_ours(std::string const& name)
{
    return name.size() == 1 + kNameDigits &&
           std::string_view("ofbd").find(name[0]) != std::string_view::npos;
}

Error unreadable() { return fail(Fault::io, "QEMU's block graph cannot be read"); }

Result<std::uint64_t> number(Json const& json, char const* member)
{
    auto const found = json.find(member);
    if (found == json.end() || !found->is_number_unsigned())
        return unreadable();
    return found->get<std::uint64_t>();
}

Result<std::string> text(Json const& json, char const* member)
{
    auto const found = json.find(member);
    if (found == json.end() || !found->is_string())
        return unreadable();
    return found->get<std::string>();
}

} // namespace

std::string overlay_node(std::string const& path) { return named('o', path); }

std::string file_node(std::string const& path) { return named('f', path); }

std::string backing_node(VolumeId const& volume, Backing const& backing)
{
    auto const& [socket, name, file] = backing;
    return named('b', volume.text() + '\n' + (file.empty() ? socket + '\n' + name : file));
}

std::string dead_node(VolumeId const& volume) { return named('d', volume.text()); }

Json overlay_options(std::string const& path, std::string const& lower, Position position)
{
    return {{"driver", "qcow2"},
            {"node-name", overlay_node(path)},
            {"file", file_node(path)},
            {"backing", lower.empty() ? Json() : Json(lower)},
            {"read-only", position == Position::below},
            {"discard", "unmap"},        // what the guest trims need not be kept in snapshots
            {"detect-zeroes", "unmap"}}; // nor zeroes that it writes
}

Json file_options(std::string const& path, Position position)
{
    return {{"driver", "file"},
            {"node-name", file_node(path)},
            {"filename", path},
            {"read-only", position == Position::below},
            {"discard", "unmap"}};
}

Json backing_options(VolumeId const& volume, Backing const& backing)
{
    if (!backing.file.empty())
        return {{"driver", "file"},
                {"node-name", backing_node(volume, backing)},
                {"read-only", true},
                {"filename", backing.file}};
    return {{"driver", "nbd"},
            {"node-name", backing_node(volume, backing)},
            {"read-only", true},
            {"server", {{"type", "unix"}, {"path", backing.socket}}},
            {"export", backing.name},
            {"reconnect-delay", kReconnectSeconds},
            {"open-timeout", kOpenSeconds}};
}

Json dead_options(VolumeId const& volume)
{
    auto failing = Json::array();
    for (char const* const type : {"read", "write", "flush", "discard", "write-zeroes"})
        failing.push_back({{"event", "none"}, {"iotype", type}, {"errno", 5}});
    return {{"driver", "blkdebug"},
            {"node-name", dead_node(volume)},
            {"image", {{"driver", "null-co"}, {"size", kGiBytes}, {"read-zeroes", true}}},
            {"inject-error", failing}};
}

std::vector<Json> disk_options(Disk const& disk)
{
    std::vector<Json> options;
    std::string lower;
    if (disk.backing) {
        options.push_back(backing_options(disk.volume, *disk.backing));
        lower = backing_node(disk.volume, *disk.backing);
    }
    for (std::string const& path : disk.overlays) {
        auto const position = path == disk.overlays.back() ? Position::top : Position::below;
        options.push_back(file_options(path, position));
        options.push_back(overlay_options(path, lower, position));
        lower = overlay_node(path);
    }
    return options;
}

std::vector<std::string> chain_of(Disk const& disk)
{
    std::vector<std::string> chain;
    for (auto overlay = disk.overlays.rbegin(); overlay != disk.overlays.rend(); ++overlay)
        chain.push_back(overlay_node(*overlay));
    if (disk.backing)
        chain.push_back(backing_node(disk.volume, *disk.backing));
    return chain;
}

Result<BlockGraph> BlockGraph::parse(Json const& json)
{
    auto const nodes = json.find("nodes");
    auto const edges = json.find("edges");
    if (nodes == json.end() || edges == json.end() || !nodes->is_array() || !edges->is_array())
        return unreadable();
    BlockGraph graph;
    for (Json const& node : *nodes)
        TRY(graph.add_node(node));
    for (Json const& edge : *edges)
        TRY(graph.add_edge(edge));
    return graph;
}

Result<void> BlockGraph::add_node(Json const& json)
{
    Node node;
    node.id = TRY(number(json, "id"));
    auto const type = TRY(text(json, "type"));
    node.device = type == "block-backend";
    node.name = TRY(text(json, "name"));
    nodes_.push_back(std::move(node));
    return {};
}

Result<void> BlockGraph::add_edge(Json const& json)
{
    Edge edge;
    edge.parent = TRY(number(json, "parent"));
    edge.child = TRY(number(json, "child"));
    edge.name = TRY(text(json, "name"));
    edges_.push_back(std::move(edge));
    return {};
}

bool BlockGraph::has(std::string const& node) const
{
    return std::ranges::any_of(nodes_, [&](Node const& n) { return !n.device && n.name == node; });
}

BlockGraph::Node const* BlockGraph::find(std::uint64_t id) const
{
    auto const found = std::ranges::find(nodes_, id, &Node::id);
    return found == nodes_.end() ? nullptr : &*found;
}

BlockGraph::Node const* BlockGraph::below(Node const& parent, std::string_view name) const
{
    for (Edge const& edge : edges_)
        if (edge.parent == parent.id && edge.name == name)
            return find(edge.child);
    return nullptr;
}

Result<std::vector<std::string>> BlockGraph::chain(VolumeId const& volume) const
{
    // The device's name is its path: /machine/peripheral/vol-…/virtio-backend
    auto const is_its_device = [&](Node const& node) {
        return node.device && node.name.find('/' + volume.text() + '/') != std::string::npos;
    };
    auto const device = std::ranges::find_if(nodes_, is_its_device);
    if (device == nodes_.end())
        return not_found(volume);
    std::vector<std::string> names;
    for (auto const* node = below(*device, "root"); node && names.size() < nodes_.size();
         node = below(*node, "backing"))
        names.push_back(node->name);
    return names;
}

std::vector<std::string> BlockGraph::unused() const
{
    std::vector<std::string> names;
    for (Node const& node : nodes_) {
        auto const points_here = [&](Edge const& edge) { return edge.child == node.id; };
        if (is_ours(node.name) && std::ranges::none_of(edges_, points_here))
            names.push_back(node.name);
    }
    return names;
}

std::set<std::uint64_t> BlockGraph::in_devices() const
{
    std::set<std::uint64_t> reached;
    for (Node const& node : nodes_)
        if (node.device && !node.name.empty())
            reached.insert(node.id);
    for (std::size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (Edge const& edge : edges_)
            if (reached.contains(edge.parent))
                reached.insert(edge.child);
    }
    return reached;
}

std::vector<std::string> BlockGraph::left_over() const
{
    auto const reached = in_devices();
    std::vector<std::string> names;
    for (Node const& node : nodes_)
        if (is_ours(node.name) && !reached.contains(node.id))
            names.push_back(node.name);
    return names;
}

} // namespace karat::compute
