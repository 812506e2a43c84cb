// SPDX-License-Identifier: Apache-2.0
// Data directories of earlier releases as text, and back: what a release wrote is kept as the
// bytes that it wrote, and tests open it with the code of today.
#pragma once

#include "karat/catalog.hpp"
#include "karat/memory_env.hpp"

#include <string>
#include <string_view>

namespace karat::testing {

/// Every file below `directory` ("/data/"), by "file PATH SIZE" and lines of "OFFSET BASE64" for
/// what is not zero; those whose path contains `but` are left out.
std::string print_files(MemoryFiles const& files, std::string_view directory, std::string_view but);
/// Makes the files that print_files() printed, durably.
Result<void> make_files(Files& files, std::string_view printed);

/// The statements that make a catalog's database again; nobody may have it open.
Result<std::string> print_catalog(Env env, std::string const& path);
Result<void> make_catalog(Env env, std::string const& path, std::string const& printed);

/// Every noun of a catalog that its door shows, as the documents of today's program: one a line.
Result<std::string> print_nouns(catalog::Catalog& catalog);

} // namespace karat::testing
