// SPDX-License-Identifier: Apache-2.0
// For tests: signed requests made by others, with what they were made of.
#pragma once

#include "karat/wire/sigv4.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace karat::wire {

struct Sample {
    std::string name;
    SignedRequest request; ///< Its body is a view of `body`: use with_body() after a copy.
    std::string body;
    std::string access_key_id;
    std::string secret;
    std::optional<std::string> session_token;
    SigningPolicy policy;
    Time now;
    std::string canonical;      ///< As the signer computed it; empty if unknown.
    std::string string_to_sign; ///< The same.

    SignedRequest with_body() const;
    SigningSecret signing_secret() const;
};

/// Splits the text of an HTTP request. Lines that begin with a blank continue a header.
void read_http(std::string_view text, Sample& sample);

/// The published vectors, each in both forms; none if the file is not there.
std::vector<Sample> published_samples();
/// Requests that botocore signed, from sigv4_golden.json beside this file.
std::vector<Sample> golden_samples();
/// Both.
std::vector<Sample> all_samples();

/// "ok" or the name of the fault.
std::string outcome(Sample const& sample, SignedRequest const& request, SigningKeys& keys);
std::string outcome(Sample const& sample);

} // namespace karat::wire
