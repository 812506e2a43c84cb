// SPDX-License-Identifier: Apache-2.0
// SSM as a service.
#include "service.hpp"

#include "handlers.hpp"

namespace karat::api::ssm {
namespace {

#define KARAT_ROW(Name, name)                                                                      \
    {#Name,                                                                                        \
     run_json<wire::ssm::read_##name##_request, ssm::name, wire::ssm::write_##name##_result>},
constexpr Operation kOperations[] = {KARAT_SSM_OPERATIONS(KARAT_ROW)};
#undef KARAT_ROW

constexpr FaultRow kFaults[] = {
    {Fault::unavailable, Noun::none, {503, "ServiceUnavailable"}},
    {Fault::io, Noun::none, {500, "InternalServerError"}},
    {Fault::corrupt, Noun::none, {500, "InternalServerError"}},
};

} // namespace

constinit Service const kService{
    .name = "ssm", .protocol = kJsonProtocol, .operations = kOperations, .faults = kFaults};

} // namespace karat::api::ssm
