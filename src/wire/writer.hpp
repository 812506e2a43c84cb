// SPDX-License-Identifier: Apache-2.0
// From a generated reply struct to its text, by its Shape. Absent values are left out, lists
// without elements are written as empty ones, but for those that are only_filled (tags).
#pragma once

#include "shape.hpp"

#include "karat/wire/rest.hpp"

#include <string>
#include <string_view>

namespace karat::wire {

struct ReplyHead {
    std::string_view operation;
    std::string_view xmlns;
    std::string_view request_id;
};

/// `<XResponse xmlns="…"><requestId>…</requestId>…`; an operation that has nothing to say answers
/// `<return>true</return>`.
std::string write_ec2_reply(ReplyHead const& head, Shape const& shape, void const* object);

/// `<XResponse xmlns="…"><XResult>…</XResult><ResponseMetadata>…`.
std::string write_query_reply(ReplyHead const& head, Shape const& shape, void const* object);

std::string write_json_reply(Shape const& shape, void const* object);

/// Members in headers, the others as a JSON body.
RestReply write_rest_reply(int status, Shape const& shape, void const* object);
/// The same reply with bytes as its body.
RestReply with_payload(RestReply reply, std::string payload);

} // namespace karat::wire
