// SPDX-License-Identifier: Apache-2.0
// What a handler works with beside its request.
#pragma once

#include "tokens.hpp"

#include "karat/engine.hpp"

#include <optional>

namespace karat::api {

struct Desk {
    engine::Engine& engine;
    engine::Caller const& caller;
    Tokens const& tokens;
    std::optional<Hash> body_sum =
        {}; ///< Of the request's body, if checking the signature took it.
};

} // namespace karat::api
