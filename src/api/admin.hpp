// SPDX-License-Identifier: Apache-2.0
// The operator's side: what `karat` asks over the admin socket. JSON in, JSON out:
//   POST /v1/<verb> with a JSON object; 200 with a JSON object, or an error {"fault", "message"}.
#pragma once

#include "http.hpp"

#include "karat/engine.hpp"

namespace karat::api {

/// Answers one admin request. Thread-safe. The socket's file permission is the authority.
HttpReply handle_admin(engine::Engine& engine, HttpRequest const& request);

} // namespace karat::api
