// SPDX-License-Identifier: Apache-2.0
// How a call of the operating system failed, in a sentence.
#pragma once

#include "karat/result.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace karat::net {

/// Fault::io of errno: "Cannot read a limit: Invalid argument".
inline Error os_error(std::string_view doing)
{
    return fail(Fault::io, fmt::format("Cannot {}: {}", doing, std::strerror(errno)));
}

} // namespace karat::net
