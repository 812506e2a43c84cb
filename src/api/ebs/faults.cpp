// SPDX-License-Identifier: Apache-2.0
#include "faults.hpp"

#include "karat/api.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::api {
namespace ebs {
namespace {

struct Row {
    Fault fault;
    Noun noun; ///< none: the fault's general row, which comes last of its fault.
    EbsError error;
};

constexpr std::string_view kInvalid = "ValidationException";
constexpr EbsError kInvalidValue{400, kInvalid, "INVALID_PARAMETER_VALUE"};
constexpr EbsError kInternal{500, "InternalServerException", ""};

constexpr std::array kRows{
    Row{Fault::invalid, Noun::snapshot, {400, kInvalid, "INVALID_SNAPSHOT_ID"}},
    Row{Fault::invalid, Noun::page_token, {400, kInvalid, "INVALID_PAGE_TOKEN"}},
    Row{Fault::invalid, Noun::block_token, {400, kInvalid, "INVALID_BLOCK_TOKEN"}},
    Row{Fault::invalid, Noun::block, {400, kInvalid, "INVALID_BLOCK"}},
    Row{Fault::invalid, Noun::volume_size, {400, kInvalid, "INVALID_VOLUME_SIZE"}},
    Row{Fault::invalid, Noun::tag, {400, kInvalid, "INVALID_TAG"}},
    Row{Fault::invalid, Noun::encryption_key, {400, kInvalid, "INVALID_DEPENDENCY_REQUEST"}},
    Row{Fault::invalid, Noun::none, kInvalidValue},
    Row{Fault::missing, Noun::none, kInvalidValue},
    Row{Fault::unknown, Noun::action, {404, "UnknownOperationException", ""}},
    Row{Fault::unknown, Noun::none, kInvalidValue},
    Row{Fault::not_found,
        Noun::encryption_key,
        {404, "ResourceNotFoundException", "DEPENDENCY_RESOURCE_NOT_FOUND"}},
    Row{Fault::not_found, Noun::none, {404, "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND"}},
    Row{Fault::duplicate, Noun::none, {409, "ConflictException", ""}},
    Row{Fault::mismatch, Noun::snapshot, {400, kInvalid, "UNRELATED_SNAPSHOTS"}},
    Row{Fault::mismatch, Noun::none, {409, "ConflictException", ""}},
    Row{Fault::wrong_state, Noun::encryption_key, {400, kInvalid, "INVALID_DEPENDENCY_REQUEST"}},
    Row{Fault::wrong_state, Noun::none, {400, kInvalid, "INVALID_SNAPSHOT_ID"}},
    Row{Fault::in_use, Noun::none, {409, "ConflictException", ""}},
    Row{Fault::denied,
        Noun::encryption_key,
        {403, "AccessDeniedException", "DEPENDENCY_ACCESS_DENIED"}},
    Row{Fault::denied, Noun::none, {403, "AccessDeniedException", "UNAUTHORIZED_ACCOUNT"}},
    Row{Fault::dry_run, Noun::none, kInvalidValue},
    Row{Fault::exhausted, Noun::tag, {400, kInvalid, "INVALID_TAG"}},
    Row{Fault::exhausted, Noun::none, {402, "ServiceQuotaExceededException", ""}},
    Row{Fault::unsupported, Noun::none, kInvalidValue},
    Row{Fault::unavailable, Noun::none, kInternal},
    Row{Fault::corrupt, Noun::none, kInternal},
    Row{Fault::full, Noun::none, {402, "ServiceQuotaExceededException", ""}},
    Row{Fault::io, Noun::none, kInternal},
};

constexpr bool every_fault_has_a_row()
{
    for (auto value = static_cast<unsigned char>(Fault::invalid);
         value <= static_cast<unsigned char>(Fault::io); ++value)
        if (std::none_of(kRows.begin(), kRows.end(), [&](Row const& row) {
                return row.fault == static_cast<Fault>(value) && row.noun == Noun::none;
            }))
            return false;
    return true;
}
static_assert(every_fault_has_a_row());

} // namespace

EbsError ebs_error(Error const& error)
{
    for (auto const& row : kRows)
        if (row.fault == error.fault && (row.noun == error.noun || row.noun == Noun::none))
            return row.error;
    return kInternal;
}

} // namespace ebs

std::string print_ebs_fault_table()
{
    std::string text;
    for (auto const& row : ebs::kRows)
        text += fmt::format("{:<12} {:<20} {} {}{}{}\n", name(row.fault),
                            row.noun == Noun::none ? "*" : name(row.noun), row.error.status,
                            row.error.code, row.error.reason.empty() ? "" : " ", row.error.reason);
    return text;
}

} // namespace karat::api
