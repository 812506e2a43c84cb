// SPDX-License-Identifier: Apache-2.0
// The SSM operations: public parameters.
#pragma once

#include "desk.hpp"

#include "karat/wire/ssm.hpp"
#include "karat/wire/ssm_operations.hpp"

namespace karat::api::ssm {

#define KARAT_DECLARE(Name, name)                                                                  \
    Result<wire::ssm::Name##Result> name(Desk const&, wire::ssm::Name##Request const&);
KARAT_SSM_OPERATIONS(KARAT_DECLARE)
#undef KARAT_DECLARE

} // namespace karat::api::ssm
