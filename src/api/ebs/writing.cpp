// SPDX-License-Identifier: Apache-2.0
// StartSnapshot, PutSnapshotBlock, CompleteSnapshot.
#include "handlers.hpp"

#include "tags.hpp"

#include <fmt/format.h>

namespace karat::api::ebs {
namespace {

constexpr std::string_view kAlgorithm = "SHA256";
constexpr char const* kSseKms = "sse-kms";

Result<Hash> read_checksum(std::string const& text)
{
    auto const bytes = from_base64(text);
    Hash sum;
    if (!bytes.ok() || bytes.value().size() != sum.bytes.size())
        return fail(Fault::invalid, "x-amz-Checksum must be the base64 of a SHA-256 digest");
    std::ranges::copy(bytes.value(), sum.bytes.begin());
    return sum;
}

} // namespace

Result<wire::ebs::StartSnapshotResult>
start_snapshot(Desk const& desk, wire::ebs::StartSnapshotRequest const& request)
{
    engine::StartSnapshot start{.size_gib = static_cast<std::uint64_t>(request.volume_size),
                                .description = request.description.value_or(""),
                                .encryption = {request.encrypted, request.kms_key_arn.value_or("")},
                                .timeout_minutes = request.timeout.value_or(60),
                                .client_token = request.client_token.value_or(""),
                                .fingerprint = fingerprint(request)};
    if (request.parent_snapshot_id)
        start.parent = TRY(SnapshotId::parse(*request.parent_snapshot_id));
    start.tags = TRY(tags_of(request.tags));
    auto const made = TRY(desk.engine.start_snapshot(desk.caller, start));
    wire::ebs::StartSnapshotResult result{.description = made.description,
                                          .snapshot_id = made.id.text(),
                                          .owner_id = made.owner.text(),
                                          .status = std::string(word(made.state)),
                                          .start_time = made.started,
                                          .volume_size = static_cast<std::int32_t>(made.size_gib),
                                          .block_size = kBlockBytes};
    for (auto const& [key, value] : made.tags)
        result.tags.push_back({.key = key, .value = value});
    if (!made.kms_key.empty()) {
        result.kms_key_arn = made.kms_key;
        result.sse_type = kSseKms;
    }
    if (made.parent)
        result.parent_snapshot_id = made.parent->text();
    return result;
}

Result<wire::ebs::PutSnapshotBlockResult>
put_snapshot_block(Desk const& desk, wire::ebs::PutSnapshotBlockRequest const& request)
{
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    auto const sum = TRY(read_checksum(request.checksum));
    if (request.data_length != kBlockBytes || request.block_data.size() != blocks::kStagedUnitBytes)
        return Error{Fault::invalid, Noun::block,
                     fmt::format("A block has {} bytes; x-amz-Data-Length says {}, and the body "
                                 "has {}",
                                 kBlockBytes, request.data_length, request.block_data.size())};
    auto const found = desk.body_sum ? *desk.body_sum : sha256(request.block_data);
    if (found != sum)
        return Error{Fault::invalid, Noun::block,
                     "The block is not the one that x-amz-Checksum was computed over"};
    TRY(desk.engine.put_block(desk.caller,
                              {.snapshot = id,
                               .index = static_cast<std::uint32_t>(request.block_index),
                               .data = as_bytes(request.block_data),
                               .sum = sum}));
    return wire::ebs::PutSnapshotBlockResult{.checksum = to_base64(sum.bytes),
                                             .checksum_algorithm = std::string(kAlgorithm)};
}

Result<wire::ebs::CompleteSnapshotResult>
complete_snapshot(Desk const& desk, wire::ebs::CompleteSnapshotRequest const& request)
{
    engine::CompleteSnapshot complete{.snapshot = TRY(SnapshotId::parse(request.snapshot_id)),
                                      .blocks =
                                          static_cast<std::uint64_t>(request.changed_blocks_count),
                                      .checksum = {}};
    bool const checks = request.checksum.has_value();
    if (checks != request.checksum_algorithm.has_value() ||
        checks != request.checksum_aggregation_method.has_value())
        return fail(Fault::invalid,
                    "x-amz-Checksum, x-amz-Checksum-Algorithm and "
                    "x-amz-Checksum-Aggregation-Method come together or not at all");
    if (checks)
        complete.checksum = TRY(read_checksum(*request.checksum));
    auto const made = TRY(desk.engine.complete_snapshot(desk.caller, complete));
    return wire::ebs::CompleteSnapshotResult{.status = std::string(word(made.state))};
}

} // namespace karat::api::ebs
