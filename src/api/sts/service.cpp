// SPDX-License-Identifier: Apache-2.0
// STS as a service.
#include "service.hpp"

#include "handlers.hpp"

namespace karat::api::sts {
namespace {

#define KARAT_ROW(Name, name)                                                                      \
    {#Name,                                                                                        \
     run_query<wire::sts::read_##name##_request, sts::name, wire::sts::write_##name##_result>},
constexpr Operation kOperations[] = {KARAT_STS_OPERATIONS(KARAT_ROW)};
#undef KARAT_ROW

constexpr FaultRow kFaults[] = {
    {Fault::unavailable, Noun::none, {503, "ServiceUnavailable"}},
    {Fault::io, Noun::none, {500, "InternalFailure"}},
    {Fault::corrupt, Noun::none, {500, "InternalFailure"}},
};

} // namespace

constinit Service const kService{.name = "sts",
                                 .protocol = kQueryProtocol,
                                 .operations = kOperations,
                                 .faults = kFaults,
                                 .xmlns = wire::sts::kNamespace};

} // namespace karat::api::sts
