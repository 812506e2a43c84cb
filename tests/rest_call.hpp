// SPDX-License-Identifier: Apache-2.0
// EBS direct in the text tests: calls from words, and its replies as a person reads them.
#pragma once

#include "reply_text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace karat::testing {

bool is_rest_action(std::string_view action);
/// `params` are "Name=value"; "Tag.key=value" is a tag. "Data=word" makes a block of 512 KiB that
/// holds nothing but the word, "Data=zero" one of zeroes; its length and checksum are said too,
/// unless `params` say them.
api::Call make_rest_call(std::string const& action, std::vector<std::string> const& params);
/// Headers are members; of a block the word that it holds.
Node read_rest_reply(api::Reply const& reply);
/// "! 400 ValidationException INVALID_BLOCK The block …".
std::string print_rest_error(api::Reply const& reply);

} // namespace karat::testing
