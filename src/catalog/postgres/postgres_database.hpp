// SPDX-License-Identifier: Apache-2.0
// The catalog on a PostgreSQL server, for any number of processes.
#pragma once

#include "database.hpp"

namespace karat::catalog {

std::vector<Migration> const& postgres_migrations();

} // namespace karat::catalog
