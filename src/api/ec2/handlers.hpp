// SPDX-License-Identifier: Apache-2.0
// One function an EC2 operation: parse, call one verb, reply. Signing in, DryRun, counting, logging
// and faults happen once, in dispatch.cpp. An operation of the model without a handler does not
// link.
#pragma once

#include "desk.hpp"

#include "karat/wire/ec2_operations.hpp"

namespace karat::api::ec2 {

#define KARAT_DECLARE(Name, name)                                                                  \
    Result<wire::ec2::Name##Result> name(Desk const&, wire::ec2::Name##Request const&);
KARAT_EC2_OPERATIONS(KARAT_DECLARE)
#undef KARAT_DECLARE

} // namespace karat::api::ec2
