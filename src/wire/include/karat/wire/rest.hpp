// SPDX-License-Identifier: Apache-2.0
// What requests and replies of the rest-json protocol are made of: the path names the operation,
// and members stand in the path, the query, headers and the body. Reads strangers' bytes:
// everything here is total and bounded.
#pragma once

#include "karat/result.hpp"
#include "karat/wire/params.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace karat::wire {

using RestHeaders = std::vector<std::pair<std::string, std::string>>;

/// A request whose path has been matched. Does not own headers and body.
struct RestRequest {
    Params labels; ///< The parts of the path that the pattern names, decoded.
    Params query;  ///< As parse_query() reads it.
    RestHeaders const& headers;
    std::string_view body;
};

struct RestReply {
    int status = 200;
    std::string content_type;
    std::string body;
    RestHeaders headers = {};
};

/// "/snapshots/{SnapshotId}/blocks" and the method; the operation answers with `status`.
struct RestRoute {
    std::string_view method;
    std::string_view pattern;
    int status;
};

struct RestMatch {
    std::size_t index; ///< Of the route.
    Params labels;
};

/// The first route that fits; a part of the path that the pattern names is not empty. `path` is
/// percent-encoded, and the one that was signed (normalise_path). Nothing when none fits.
std::optional<RestMatch> match_route(std::span<RestRoute const> routes, std::string_view method,
                                     std::string_view path);

} // namespace karat::wire
