// SPDX-License-Identifier: Apache-2.0
// Replies as a person reads them: the same short text from EC2's XML and from JSON.
#pragma once

#include "karat/api.hpp"

#include <string>
#include <vector>

namespace karat::testing {

/// What a reply holds, whatever it was written in. Members of lists are called "item" or "member".
struct Node {
    std::string name;
    std::string text; ///< Of a leaf.
    std::vector<Node> children;
};

/// The reply without its request id and without white space around texts.
Node read_reply(api::Reply const& reply);

/// "! 400 InvalidAMIID.NotFound The image …".
std::string print_error(api::Reply const& reply);

/// Everything: one line a member, members of members indented, short lists on one line.
std::string print_whole(Node const& reply);

/// The chosen members. `paths` are names with '/' between, the first letter in either case. One
/// line for each thing that has the first path: its values in the order of the paths, "-" for none,
/// "," between several. A path that ends in ":text" is decoded from base64.
std::string print_members(Node const& reply, std::vector<std::string> const& paths);

} // namespace karat::testing
