// SPDX-License-Identifier: Apache-2.0
#include "block_moves.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::compute {
namespace {

constexpr int kMaxSweeps = 64; // an overlay's file and its lower node become unused one by one

/// What a swap does to one disk: the node on top now, and the one to come.
struct Move {
    std::string from;
    std::string to;
};

struct Plan {
    std::vector<Move> moves;         ///< Still to be made; their new overlays are in QEMU.
    std::vector<std::string> frozen; ///< Nodes that shall be frozen afterwards.
};

Result<Plan> prepare(Qmp& qmp, std::vector<Swap> const& swaps)
{
    auto const graph = TRY(query_graph(qmp));
    Plan plan;
    for (Swap const& swap : swaps) {
        auto const chain = TRY(graph.chain(swap.volume));
        auto const wanted = overlay_node(swap.overlay);
        if (chain.size() > 1 && chain.front() == wanted) { // an earlier try came this far
            plan.frozen.push_back(chain[1]);
            continue;
        }
        if (chain.empty() || std::ranges::find(chain, wanted) != chain.end())
            return Error{
                Fault::wrong_state, Noun::volume,
                fmt::format("{} is below newer overlays of {}", swap.overlay, swap.volume.text())};
        TRY(add_missing(qmp, graph, file_options(swap.overlay, Position::top)));
        TRY(add_missing(qmp, graph, overlay_options(swap.overlay, "", Position::top)));
        plan.moves.push_back({chain.front(), wanted});
        plan.frozen.push_back(chain.front());
    }
    return plan;
}

Result<void> freeze(Qmp& qmp, std::vector<Move> const& moves)
{
    auto actions = Json::array();
    for (Move const& move : moves)
        actions.push_back(
            {{"type", "blockdev-snapshot"}, {"data", {{"node", move.from}, {"overlay", move.to}}}});
    TRY(qmp.run("transaction", {{"actions", actions}}));
    return {};
}

/// Everything is in the frozen files iff QEMU could make their nodes read-only: that step writes
/// the metadata which it kept in memory, and the transaction does not report its failure.
Result<void> check_frozen(Qmp& qmp, std::vector<std::string> const& frozen)
{
    auto const nodes = TRY(qmp.run("query-named-block-nodes", {{"flat", true}}));
    for (std::string const& name : frozen) {
        auto const is_frozen = [&](Json const& node) {
            return node.value("node-name", "") == name && node.value("ro", false);
        };
        if (std::ranges::none_of(nodes, is_frozen))
            return fail(Fault::io, "QEMU could not write out the frozen overlay " + name);
    }
    return {};
}

/// Refuses what would lose writes: another overlay on top than the one that is written now.
Result<void> check_kept(std::vector<std::string> const& chain, Disk const& disk)
{
    auto at = chain.begin();
    for (auto overlay = disk.overlays.rbegin(); overlay != disk.overlays.rend(); ++overlay) {
        at = std::find(at, chain.end(), overlay_node(*overlay));
        bool const is_top = overlay == disk.overlays.rbegin();
        if (at == chain.end() || (is_top && at != chain.begin()))
            return Error{Fault::wrong_state, Noun::volume,
                         fmt::format("{} does not run on {}", disk.volume.text(), *overlay)};
        ++at;
    }
    if (disk.overlays.empty())
        return Error{Fault::invalid, Noun::volume, disk.volume.text() + " needs an overlay"};
    return {};
}

std::string lower_of(std::vector<std::string> const& chain, std::string const& node)
{
    auto const at = std::ranges::find(chain, node);
    return at == chain.end() || at + 1 == chain.end() ? "" : *(at + 1);
}

Result<Swapped> swap(Qmp& qmp, Clock& clock, std::vector<Swap> const& swaps)
{
    auto const plan = TRY(prepare(qmp, swaps));
    auto const before = clock.steady();
    if (!plan.moves.empty())
        TRY(freeze(qmp, plan.moves));
    auto const pause = clock.steady() - before;
    TRY(check_frozen(qmp, plan.frozen));
    return Swapped{std::chrono::duration_cast<std::chrono::microseconds>(pause)};
}

} // namespace

Result<BlockGraph> query_graph(Qmp& qmp)
{
    auto const json = TRY(qmp.run("x-debug-query-block-graph"));
    return BlockGraph::parse(json);
}

Result<void> add_missing(Qmp& qmp, BlockGraph const& graph, Json const& options)
{
    if (!graph.has(options.value("node-name", "")))
        TRY(qmp.run("blockdev-add", options));
    return {};
}

Result<void> sweep(Qmp& qmp)
{
    for (int i = 0; i < kMaxSweeps; ++i) {
        auto const graph = TRY(query_graph(qmp));
        auto const unused = graph.unused();
        if (unused.empty())
            return {};
        for (std::string const& node : unused)
            TRY(qmp.run("blockdev-del", {{"node-name", node}}));
    }
    return fail(Fault::io, "QEMU keeps block nodes that nothing uses");
}

Result<Swapped> swap_overlays(Qmp& qmp, Clock& clock, std::vector<Swap> const& swaps)
{
    auto swapped = swap(qmp, clock, swaps);
    if (!swapped.ok()) { // new overlays that did not come into use must not stay open
        auto const swept = sweep(qmp);
        if (!swept.ok())
            log(Level::warn, "compute.nodes_left", swept.error());
    }
    return swapped;
}

Result<void> rebase(Qmp& qmp, Disk const& disk)
{
    auto const graph = TRY(query_graph(qmp));
    auto const chain = TRY(graph.chain(disk.volume));
    TRY(check_kept(chain, disk));
    if (disk.backing)
        TRY(add_missing(qmp, graph, backing_options(disk.volume, *disk.backing)));
    auto const wanted = chain_of(disk);
    auto reopened = Json::array();
    for (std::string const& path : disk.overlays) {
        auto const node = overlay_node(path);
        auto const lower = lower_of(wanted, node);
        auto const position = path == disk.overlays.back() ? Position::top : Position::below;
        if (lower_of(chain, node) != lower)
            reopened.push_back(overlay_options(path, lower, position));
    }
    if (!reopened.empty())
        TRY(qmp.run("blockdev-reopen", {{"options", reopened}}));
    return sweep(qmp);
}

} // namespace karat::compute
