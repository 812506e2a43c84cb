// SPDX-License-Identifier: Apache-2.0
// EC2 as a service: its operations, from the model; its faults are the general ones.
#include "service.hpp"

#include "handlers.hpp"

#include "karat/wire/ec2.hpp"

namespace karat::api::ec2 {
namespace {

#define KARAT_ROW(Name, name)                                                                      \
    {#Name,                                                                                        \
     run_query<wire::ec2::read_##name##_request, ec2::name, wire::ec2::write_##name##_result>},
constexpr Operation kOperations[] = {KARAT_EC2_OPERATIONS(KARAT_ROW)};
#undef KARAT_ROW

} // namespace

constinit Service const kService{
    .name = "ec2", .protocol = kEc2Protocol, .operations = kOperations, .faults = {}};

} // namespace karat::api::ec2
