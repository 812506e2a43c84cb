// SPDX-License-Identifier: Apache-2.0
// What making, writing and reading of keys share: OpenSSL's key, and SSH's forms of it.
#pragma once

#include "openssh_key.hpp"

#include "karat/hash.hpp"

#include <memory>
#include <openssl/bn.h>
#include <openssl/evp.h>

namespace karat::engine {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_clear_free)>;

/// Of what is no public key.
Error bad_key();
/// Fault::invalid for keys of other types than RSA and ed25519, and RSA keys of sizes that SSH does
/// not take.
Result<PublicKey> describe(EVP_PKEY* key);

/// A number of an RSA key by OpenSSL's name ("n").
Result<Number> key_number(EVP_PKEY const* key, char const* parameter);

// Strings and numbers with their length before them (RFC 4251 §5).
void append_ssh_string(Bytes& to, std::span<std::byte const> bytes);
/// A positive number: a leading zero byte when the top bit is set.
void append_ssh_number(Bytes& to, BIGNUM const* number);
/// Cuts the next string off a blob.
Result<std::span<std::byte const>> take_ssh_string(std::span<std::byte const>& blob);

/// The public half, as OpenSSH's line holds it in base64.
Result<Bytes> ssh_blob(EVP_PKEY const* key);

} // namespace karat::engine
