// SPDX-License-Identifier: Apache-2.0
// Keys in OpenSSH's form (RFC 4253 §6.6, RFC 8709), made and read with OpenSSL.
#pragma once

#include "karat/nouns.hpp"

namespace karat::engine {

struct PublicKey {
    std::string type;         ///< "rsa" or "ed25519".
    std::string openssh_line; ///< "ssh-rsa AAAA…" without a comment.
    std::string fingerprint;  ///< As EC2 shows it; see fingerprint rules in the .cpp.
};

struct NewKey {
    PublicKey public_key;
    Secret private_pem; ///< PKCS#1 "BEGIN RSA PRIVATE KEY" for rsa, PKCS#8 for ed25519.
};

/// `type` is "rsa" (2048 bits) or "ed25519"; Fault::invalid for another word.
Result<NewKey> generate_key(std::string const& type);

/// Reads an OpenSSH line, a PEM public key, or the base64 of a DER public key.
Result<PublicKey> read_public_key(std::string const& text);

} // namespace karat::engine
