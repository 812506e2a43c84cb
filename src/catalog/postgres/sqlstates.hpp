// SPDX-License-Identifier: Apache-2.0
// What PostgreSQL's error codes mean to the catalog.
#pragma once

#include "database.hpp"

#include <span>

namespace karat::catalog {

struct SqlState {
    std::string_view code; ///< Five characters, or the class of codes: their first two.
    Fault fault;
    Database::Trouble trouble = Database::Trouble::other;
    std::string_view sentence = {}; ///< For the caller; empty: that the database failed.
};

/// Every code with a meaning of its own. A code comes before its class.
std::span<SqlState const> sql_states();

/// An error for this code, without what the server said: it may quote bound values, and some of
/// them are secrets. No code: the connection was lost.
Error postgres_error(std::string_view code);
Database::Trouble trouble_of(std::string_view code);

} // namespace karat::catalog
