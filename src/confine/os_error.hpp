// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "karat/result.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace karat::confine {

inline Error os_error(std::string_view doing)
{
    return fail(Fault::io, fmt::format("Cannot {}: {}", doing, std::strerror(errno)));
}

} // namespace karat::confine
