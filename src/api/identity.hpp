// SPDX-License-Identifier: Apache-2.0
// The key and certificate that sign instance identity documents, as EC2's regions have one each.
#pragma once

#include "karat/env.hpp"

#include <memory>
#include <string>

namespace karat::api {

/// Thread-safe.
class Identity {
public:
    /// Reads `directory`/identity.pem, or makes it (mode 0600): an RSA-2048 key and its self-signed
    /// certificate. The certificate alone is written to identity-certificate.pem, for verifiers.
    static Result<std::unique_ptr<Identity>> open(Env env, std::string const& directory);
    virtual ~Identity() = default;

    /// base64 of the RSA-SHA-256 signature of the document's bytes.
    virtual Result<std::string> signature(std::string const& document) = 0;
    /// A PKCS#7 SignedData that holds the document, base64 in lines, without PEM armour.
    virtual Result<std::string> pkcs7(std::string const& document) = 0;
};

} // namespace karat::api
