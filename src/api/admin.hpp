// SPDX-License-Identifier: Apache-2.0
// The operator's side: what `karat` asks over the admin socket. JSON in, JSON out:
//   POST /v1/<verb> with a JSON object; 200 with a JSON object, or an error {"fault", "message"}.
#pragma once

#include "http.hpp"

#include "karat/engine.hpp"

namespace karat::api {

/// Answers one admin request. Thread-safe. The socket's file permission is the authority.
HttpReply handle_admin(engine::Engine& engine, HttpRequest const& request);

/// Whether the verb may take long: it opens a file that the operator names, or reads the store.
bool admin_takes_long(HttpRequest const& request);

} // namespace karat::api
