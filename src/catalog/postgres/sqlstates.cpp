// SPDX-License-Identifier: Apache-2.0
#include "postgres/sqlstates.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

using Trouble = Database::Trouble;

constexpr std::string_view kAway = "The catalog's server cannot be reached: try again";
constexpr std::string_view kBusy = "The catalog's server is busy: try again";
constexpr std::string_view kConflict =
    "Another transaction in the catalog's database was in the way: try again";

constexpr SqlState kStates[] = {
    {"08", Fault::unavailable, Trouble::other, kAway}, // connection exceptions
    {"22021", Fault::invalid, Trouble::other, "A text is not UTF-8 or holds a NUL character"},
    {"23503", Fault::not_found},                  // foreign_key_violation
    {"23505", Fault::duplicate},                  // unique_violation
    {"25006", Fault::unavailable, Trouble::other, // read_only_sql_transaction
     "The catalog's server only reads, as a standby does: try again"},
    {"25P03", Fault::unavailable, Trouble::other, kBusy}, // idle_in_transaction_session_timeout
    {"40001", Fault::unavailable, Trouble::conflict, kConflict}, // serialization_failure
    {"40P01", Fault::unavailable, Trouble::conflict, kConflict}, // deadlock_detected
    {"42501", Fault::io, Trouble::other,                         // insufficient_privilege
     "The catalog's role may not do this in its database"},
    {"53100", Fault::full, Trouble::full, // disk_full
     "The disk of the catalog's server is full: the catalog cannot keep the change"},
    {"53200", Fault::unavailable, Trouble::other, // out_of_memory
     "The catalog's server lacks the memory for this now; try again"},
    {"53", Fault::unavailable, Trouble::other, kBusy},    // too many connections and the like
    {"54", Fault::exhausted},                             // a value is too large for it
    {"55P03", Fault::unavailable, Trouble::other, kBusy}, // lock_not_available
    {"57014", Fault::unavailable, Trouble::other, kBusy}, // query_canceled
    {"57P", Fault::unavailable, Trouble::other, kAway},   // it is stopped, starts, or crashed
    {"58", Fault::io},                                    // the server's system said no
};

SqlState const* find_state(std::string_view code)
{
    for (auto const& state : kStates)
        if (code.starts_with(state.code))
            return &state;
    return nullptr;
}

} // namespace

std::span<SqlState const> sql_states() { return kStates; }

Error postgres_error(std::string_view code)
{
    if (code.empty())
        return fail(Fault::unavailable, std::string(kAway));
    auto const* const state = find_state(code);
    if (state != nullptr && !state->sentence.empty())
        return fail(state->fault, fmt::format("{} (SQLSTATE {})", state->sentence, code));
    return fail(state ? state->fault : Fault::corrupt,
                fmt::format("The catalog's database failed (SQLSTATE {})", code));
}

Database::Trouble trouble_of(std::string_view code)
{
    auto const* const state = find_state(code);
    return state ? state->trouble : Trouble::other;
}

} // namespace karat::catalog
