// SPDX-License-Identifier: Apache-2.0
// Answers of the daemon on the terminal: lines with tabs for people, JSON for scripts.
#pragma once

#include "karat/json.hpp"
#include "karat/result.hpp"

#include <functional>
#include <string>
#include <vector>

namespace karat::cli {

using Json = nlohmann::json;

struct Options {
    std::string data = "/var/lib/karat";
    bool json = false;
    std::string socket() const { return data + "/run/admin.sock"; }
};

void print(std::string const& line);

/// Key and value of every member, a line each: "store.packs 3" of a member within a member, and a
/// line an element of a list.
void print_object(Options const& options, Json const& object);

/// One line a row, the named members between tabs. A terminal gets a line with their names first.
void print_rows(Options const& options, Json const& rows, std::vector<char const*> const& members);

/// Asks for page after page and prints their rows as one list.
struct Pages {
    std::string verb;
    char const* list; ///< The member of the answer that holds the rows.
    std::vector<char const*> members;
};
Result<void> print_pages(Options const& options, Pages const& pages, Json request);

/// "3d4h", "2h13m", "50s".
std::string human_time(std::int64_t seconds);

} // namespace karat::cli
