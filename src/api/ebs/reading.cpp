// SPDX-License-Identifier: Apache-2.0
// ListSnapshotBlocks, ListChangedBlocks, GetSnapshotBlock.
#include "handlers.hpp"

#include <charconv>
#include <fmt/format.h>

namespace karat::api::ebs {
namespace {

constexpr std::int32_t kPageResults = 100;
constexpr std::chrono::hours kBlockTokenLives{24 * 7};
constexpr std::chrono::minutes kPageTokenLives{60};

std::string block_purpose(engine::Caller const& caller, std::string const& snapshot)
{
    return fmt::format("block {} {} {}", caller.account.text(), caller.region, snapshot);
}

/// `snapshots` are those that the list is of.
std::string page_purpose(engine::Caller const& caller, std::string const& snapshots)
{
    return fmt::format("page {} {} {}", caller.account.text(), caller.region, snapshots);
}

/// What a token of ours says; nothing of none.
std::optional<std::uint32_t> number_of(std::optional<std::string> const& text)
{
    std::uint32_t number = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc())
        return {};
    return number;
}

/// Makes the block tokens of one snapshot for one reply.
class BlockTokens {
public:
    BlockTokens(Desk const& desk, std::string const& snapshot, Time expires)
        : tokens_(desk.tokens)
        , purpose_(block_purpose(desk.caller, snapshot))
        , expires_(expires)
    {
    }
    std::string of(std::uint32_t index) const
    {
        return tokens_.make(purpose_, std::to_string(index), expires_);
    }

private:
    Tokens const& tokens_;
    std::string purpose_;
    Time expires_;
};

/// Where a list begins: at the token's place, or where the caller says.
template <class Request>
Result<blocks::UnitQuery> query_of(Desk const& desk, Request const& request,
                                   std::string const& purpose)
{
    blocks::UnitQuery query{
        .from = static_cast<std::uint32_t>(request.starting_block_index.value_or(0)),
        .limit = static_cast<std::size_t>(request.max_results.value_or(kPageResults))};
    if (request.next_token) {
        auto const next =
            number_of(desk.tokens.read(purpose, *request.next_token, desk.engine.now()));
        if (!next)
            return Error{Fault::invalid, Noun::page_token,
                         "The page token is not one of this list, or it has expired; list anew"};
        query.from = *next;
    }
    return query;
}

/// What both lists say beside their blocks.
template <class Reply>
void finish(Reply& reply, Desk const& desk, engine::BlockList const& list,
            std::string const& purpose)
{
    auto const now = desk.engine.now();
    reply.expiry_time = now + kBlockTokenLives;
    reply.volume_size = static_cast<std::int32_t>(list.snapshot.size_gib);
    reply.block_size = kBlockBytes;
    if (list.blocks.next)
        reply.next_token =
            desk.tokens.make(purpose, std::to_string(*list.blocks.next), now + kPageTokenLives);
}

} // namespace

Result<wire::ebs::ListSnapshotBlocksResult>
list_snapshot_blocks(Desk const& desk, wire::ebs::ListSnapshotBlocksRequest const& request)
{
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    auto const purpose = page_purpose(desk.caller, id.text());
    auto const query = TRY(query_of(desk, request, purpose));
    auto const list = TRY(desk.engine.snapshot_blocks(desk.caller, id, query));
    wire::ebs::ListSnapshotBlocksResult reply;
    finish(reply, desk, list, purpose);
    BlockTokens const tokens(desk, id.text(), *reply.expiry_time);
    for (auto const& one : list.blocks.changes)
        reply.blocks.push_back({.block_index = static_cast<std::int32_t>(one.index),
                                .block_token = tokens.of(one.index)});
    return reply;
}

Result<wire::ebs::ListChangedBlocksResult>
list_changed_blocks(Desk const& desk, wire::ebs::ListChangedBlocksRequest const& request)
{
    auto const second = TRY(SnapshotId::parse(request.second_snapshot_id));
    if (!request.first_snapshot_id)
        return fail(Fault::missing,
                    "The request must contain the parameter firstSnapshotId: the snapshot to "
                    "compare with");
    auto const first = TRY(SnapshotId::parse(*request.first_snapshot_id));
    auto const purpose = page_purpose(desk.caller, first.text() + " " + second.text());
    auto const query = TRY(query_of(desk, request, purpose));
    auto const list =
        TRY(desk.engine.changed_blocks(desk.caller, {.first = first, .second = second}, query));
    wire::ebs::ListChangedBlocksResult reply;
    finish(reply, desk, list, purpose);
    BlockTokens const first_tokens(desk, first.text(), *reply.expiry_time);
    BlockTokens const second_tokens(desk, second.text(), *reply.expiry_time);
    for (auto const& one : list.blocks.changes) {
        auto& block = reply.changed_blocks.emplace_back();
        block.block_index = static_cast<std::int32_t>(one.index);
        if (one.in_first)
            block.first_block_token = first_tokens.of(one.index);
        if (one.in_second)
            block.second_block_token = second_tokens.of(one.index);
    }
    return reply;
}

Result<wire::ebs::GetSnapshotBlockResult>
get_snapshot_block(Desk const& desk, wire::ebs::GetSnapshotBlockRequest const& request)
{
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    auto const index = static_cast<std::uint32_t>(request.block_index);
    auto const allowed = desk.tokens.read(block_purpose(desk.caller, id.text()),
                                          request.block_token, desk.engine.now());
    if (number_of(allowed) != index)
        return Error{Fault::invalid, Noun::block_token,
                     "The block token is not one of this block for this account, or it has "
                     "expired; list the blocks anew"};
    wire::ebs::GetSnapshotBlockResult reply{.data_length = kBlockBytes};
    reply.block_data.resize(blocks::kStagedUnitBytes);
    auto const sum = TRY(desk.engine.read_block(
        desk.caller, id, index, std::as_writable_bytes(std::span(reply.block_data))));
    reply.checksum = to_base64(sum.bytes);
    reply.checksum_algorithm = "SHA256";
    return reply;
}

} // namespace karat::api::ebs
