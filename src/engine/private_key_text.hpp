// SPDX-License-Identifier: Apache-2.0
// Private keys as their owners keep them. Without a passphrase: the reply that carries one is the
// only copy.
#pragma once

#include "evp_key.hpp"

namespace karat::engine {

/// `pem`: PKCS#1 for RSA, OpenSSH's own form for ed25519. `ppk`: PuTTY's, in its version 2, which
/// every PuTTY reads.
Result<Secret> private_key_text(EVP_PKEY const* key, KeyFormat format);

} // namespace karat::engine
