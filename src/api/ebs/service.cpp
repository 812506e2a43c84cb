// SPDX-License-Identifier: Apache-2.0
// EBS direct as a service: an error is an exception and, for some, a reason.
#include "service.hpp"

#include "handlers.hpp"

#include <algorithm>
#include <array>

namespace karat::api::ebs {
namespace {

#define KARAT_ROW(Name, name)                                                                      \
    {#Name,                                                                                        \
     run_rest<wire::ebs::read_##name##_request, ebs::name, wire::ebs::write_##name##_result>},
constexpr Operation kOperations[] = {KARAT_EBS_OPERATIONS(KARAT_ROW)};
#undef KARAT_ROW
static_assert(std::size(kOperations) == std::size(wire::ebs::kRoutes)); // both in the model's order

constexpr std::string_view kInvalid = "ValidationException";
constexpr AwsError kInvalidValue{400, kInvalid, "INVALID_PARAMETER_VALUE"};
constexpr AwsError kInternal{500, "InternalServerException"};

constexpr std::array kFaults{
    FaultRow{Fault::invalid, Noun::snapshot, {400, kInvalid, "INVALID_SNAPSHOT_ID"}},
    FaultRow{Fault::invalid, Noun::page_token, {400, kInvalid, "INVALID_PAGE_TOKEN"}},
    FaultRow{Fault::invalid, Noun::block_token, {400, kInvalid, "INVALID_BLOCK_TOKEN"}},
    FaultRow{Fault::invalid, Noun::block, {400, kInvalid, "INVALID_BLOCK"}},
    FaultRow{Fault::invalid, Noun::volume_size, {400, kInvalid, "INVALID_VOLUME_SIZE"}},
    FaultRow{Fault::invalid, Noun::tag, {400, kInvalid, "INVALID_TAG"}},
    FaultRow{Fault::invalid, Noun::encryption_key, {400, kInvalid, "INVALID_DEPENDENCY_REQUEST"}},
    FaultRow{Fault::invalid, Noun::none, kInvalidValue},
    FaultRow{Fault::missing, Noun::none, kInvalidValue},
    FaultRow{Fault::unknown, Noun::action, {404, "UnknownOperationException", ""}},
    FaultRow{Fault::unknown, Noun::none, kInvalidValue},
    FaultRow{Fault::not_found,
             Noun::encryption_key,
             {404, "ResourceNotFoundException", "DEPENDENCY_RESOURCE_NOT_FOUND"}},
    FaultRow{
        Fault::not_found, Noun::none, {404, "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND"}},
    FaultRow{Fault::duplicate, Noun::none, {409, "ConflictException", ""}},
    FaultRow{Fault::mismatch, Noun::snapshot, {400, kInvalid, "UNRELATED_SNAPSHOTS"}},
    FaultRow{Fault::mismatch, Noun::none, {409, "ConflictException", ""}},
    FaultRow{
        Fault::wrong_state, Noun::encryption_key, {400, kInvalid, "INVALID_DEPENDENCY_REQUEST"}},
    FaultRow{Fault::wrong_state, Noun::none, {400, kInvalid, "INVALID_SNAPSHOT_ID"}},
    FaultRow{Fault::in_use, Noun::none, {409, "ConflictException", ""}},
    FaultRow{Fault::denied,
             Noun::encryption_key,
             {403, "AccessDeniedException", "DEPENDENCY_ACCESS_DENIED"}},
    FaultRow{Fault::denied, Noun::none, {403, "AccessDeniedException", "UNAUTHORIZED_ACCOUNT"}},
    FaultRow{Fault::dry_run, Noun::none, kInvalidValue},
    FaultRow{Fault::exhausted, Noun::tag, {400, kInvalid, "INVALID_TAG"}},
    FaultRow{Fault::exhausted, Noun::none, {402, "ServiceQuotaExceededException", ""}},
    FaultRow{Fault::unsupported, Noun::none, kInvalidValue},
    FaultRow{Fault::unavailable, Noun::none, {503, "ServiceUnavailable"}},
    FaultRow{Fault::corrupt, Noun::none, kInternal},
    FaultRow{Fault::full, Noun::none, {402, "ServiceQuotaExceededException", ""}},
    FaultRow{Fault::io, Noun::none, kInternal},
};

constexpr bool every_fault_is_named()
{
    for (auto value = static_cast<unsigned char>(Fault::invalid);
         value <= static_cast<unsigned char>(Fault::io); ++value)
        if (std::none_of(kFaults.begin(), kFaults.end(), [&](FaultRow const& row) {
                return row.fault == static_cast<Fault>(value) && row.noun == Noun::none;
            }))
            return false;
    return true;
}
static_assert(every_fault_is_named());

} // namespace

constinit Service const kService{.name = "ebs",
                                 .protocol = kRestProtocol,
                                 .operations = kOperations,
                                 .faults = kFaults,
                                 .routes = wire::ebs::kRoutes};

} // namespace karat::api::ebs

namespace karat::api {

std::string print_ebs_fault_table() { return print_rows(ebs::kService.faults); }

} // namespace karat::api
