// SPDX-License-Identifier: Apache-2.0
// Keys in OpenSSH's form (RFC 4253 §6.6, RFC 8709), made and read with OpenSSL.
#pragma once

#include "karat/engine.hpp"

namespace karat::engine {

struct PublicKey {
    std::string type;         ///< "rsa" or "ed25519".
    std::string openssh_line; ///< "ssh-rsa AAAA…" without a comment.
    std::string fingerprint;  ///< As EC2 shows it; see fingerprint rules in the .cpp.
};

struct NewKey {
    PublicKey public_key;
    Secret private_text; ///< As private_key_text() writes it.
};

/// `type` is "rsa" (2048 bits) or "ed25519"; Fault::invalid for another word.
Result<NewKey> generate_key(std::string const& type, KeyFormat format);

/// Reads an OpenSSH line, RFC 4716's form, a PEM public key, or the base64 of a DER public key; at
/// most 16 KiB. Fault::invalid for all else.
Result<PublicKey> read_public_key(std::string const& text);

} // namespace karat::engine
