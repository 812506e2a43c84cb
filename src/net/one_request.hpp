// SPDX-License-Identifier: Apache-2.0
// As much of HTTP as it takes to carry one request of a guest's to the daemon, and its reply back:
// where each ends. What they say is the daemon's to understand. Pure; fuzzed by fuzz/net_request.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace karat::net {

inline constexpr std::size_t kMaxHeadBytes = 16 * 1024;
inline constexpr std::size_t kMaxRequestBodyBytes = 4096;
inline constexpr std::size_t kMaxReplyBytes = 512 * 1024;

enum class Reading : unsigned char {
    incomplete,
    complete,
    refused, ///< Too large, or its end cannot be told for certain.
};

struct Request {
    Reading reading = Reading::incomplete;
    /// When complete: what to send to the daemon. As the guest sent it, but that it asks for the
    /// connection to be closed, and that nothing follows.
    std::string forwarded = {};
    bool head_only = false; ///< The reply has no body, whatever length it names.
};
/// What `bytes`, all that came so far, are.
Request read_request(std::string_view bytes);

/// Whether the daemon's reply is all there. `ended`: the daemon closed the connection.
Reading read_reply(std::string_view bytes, bool head_only, bool ended);

/// The reply to a request that is refused, or that the daemon did not answer.
std::string make_reply(std::string_view status);

} // namespace karat::net
