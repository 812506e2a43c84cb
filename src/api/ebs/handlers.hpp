// SPDX-License-Identifier: Apache-2.0
// The EBS direct operations: snapshots block by block.
#pragma once

#include "desk.hpp"

#include "karat/wire/ebs.hpp"
#include "karat/wire/ebs_operations.hpp"

namespace karat::api::ebs {

/// Of a block, the unit in which EBS direct reads and writes.
inline constexpr auto kBlockBytes = static_cast<std::int32_t>(blocks::kStagedUnitBytes);

#define KARAT_DECLARE(Name, name)                                                                  \
    Result<wire::ebs::Name##Result> name(Desk const&, wire::ebs::Name##Request const&);
KARAT_EBS_OPERATIONS(KARAT_DECLARE)
#undef KARAT_DECLARE

} // namespace karat::api::ebs
