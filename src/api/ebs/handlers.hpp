// SPDX-License-Identifier: Apache-2.0
// The EBS direct operations: snapshots block by block.
#pragma once

#include "tokens.hpp"

#include "karat/engine.hpp"
#include "karat/wire/ebs.hpp"
#include "karat/wire/ebs_operations.hpp"

namespace karat::api::ebs {

/// Of a block, the unit in which EBS direct reads and writes.
inline constexpr auto kBlockBytes = static_cast<std::int32_t>(blocks::kStagedUnitBytes);

/// What a handler works with beside its request.
struct Desk {
    engine::Engine& engine;
    engine::Caller const& caller;
    Tokens const& tokens;
    std::optional<Hash> body_sum; ///< Of the request's body, if checking the signature took it.
};

#define KARAT_DECLARE(Name, name)                                                                  \
    Result<wire::ebs::Name##Result> name(Desk const&, wire::ebs::Name##Request const&);
KARAT_EBS_OPERATIONS(KARAT_DECLARE)
#undef KARAT_DECLARE

} // namespace karat::api::ebs
