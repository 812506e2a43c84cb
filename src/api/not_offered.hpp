// SPDX-License-Identifier: Apache-2.0
// The answer to a call that is signed for a service that Karat does not have. Private to the room.
#pragma once

#include "karat/api.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace karat::api {

/// A refusal in the form that the service's clients read, with a code that is about neither
/// credentials nor a passing trouble, so that they say it at once; nullopt where the call names one
/// of `offered` or no service. The signature is not looked at: the answer is the same for everyone.
/// Pure.
std::optional<Reply> refuse_other_service(Call const& call,
                                          std::span<std::string_view const> offered,
                                          std::string_view request_id);

} // namespace karat::api
