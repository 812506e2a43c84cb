// SPDX-License-Identifier: Apache-2.0
// How the text tests are written down: blocks, words, sizes, and calls.
#pragma once

#include "karat/api.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace karat::testing {

struct Block {
    std::vector<std::string> head; ///< Commands and comments, as written.
    std::string expected;
};

std::vector<Block> parse_blocks(std::string const& text);
std::string print_blocks(std::vector<Block> const& blocks);

/// Words between blanks; "…" keeps blanks; a '#' that begins a word begins a comment.
std::vector<std::string> split_words(std::string_view line);
/// "10s", "5m", "1h", "250ms".
std::chrono::milliseconds read_duration(std::string_view text);
/// "4M", "512K", or bytes.
std::uint64_t read_size(std::string_view text);

/// Everything but letters and digits as %XX.
std::string percent_encode(std::string_view text);

/// "ec2", "ssm" or "sts".
std::string_view service_of(std::string_view action);
/// The call in the protocol of its service; `params` are "Name=value".
api::Call make_call(std::string const& action, std::vector<std::string> const& params);

} // namespace karat::testing
