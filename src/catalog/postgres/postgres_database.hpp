// SPDX-License-Identifier: Apache-2.0
// The catalog on a PostgreSQL server, for any number of processes.
#pragma once

#include "database.hpp"

namespace karat::catalog {

/// Connects to the server that the URL names. A connection that is lost is made again by the next
/// call outside of a transaction; those inside of one fail with Fault::unavailable.
Result<std::unique_ptr<Database>> open_postgres(std::string const& url);

/// The schema is not what its migrations make. What PostgreSQL says of its pages is its own affair.
Result<std::vector<std::string>> check_postgres(Database& database);

std::vector<Migration> const& postgres_migrations();

/// The statement as PostgreSQL has it: placeholders are numbered, not named.
std::string numbered(std::string_view text);

} // namespace karat::catalog
