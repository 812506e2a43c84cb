// SPDX-License-Identifier: Apache-2.0
// "Did you mean …?" for names that people type.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace karat {

/// The candidate that differs least from `word`, when a slip of a key or two explains it; empty if
/// there is none.
std::string nearest(std::string_view word, std::span<std::string const> candidates);

/// "; did you mean 'x'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<std::string const> candidates);

} // namespace karat
