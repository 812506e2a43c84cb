// SPDX-License-Identifier: Apache-2.0
// The STS operations: who am I.
#pragma once

#include "desk.hpp"

#include "karat/wire/sts.hpp"
#include "karat/wire/sts_operations.hpp"

namespace karat::api::sts {

#define KARAT_DECLARE(Name, name)                                                                  \
    Result<wire::sts::Name##Result> name(Desk const&, wire::sts::Name##Request const&);
KARAT_STS_OPERATIONS(KARAT_DECLARE)
#undef KARAT_DECLARE

} // namespace karat::api::sts
