// SPDX-License-Identifier: Apache-2.0
// What the readers' tests compare: a refusal in words.
#pragma once

#include "karat/result.hpp"

#include <string>

namespace karat::wire {

/// "none" of a value, otherwise the fault's name and the message.
template <class T>
std::string complaint(Result<T> const& result)
{
    if (result.ok())
        return "none";
    return std::string(name(result.error().fault)) + ": " + result.error().message;
}

} // namespace karat::wire
