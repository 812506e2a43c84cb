// SPDX-License-Identifier: Apache-2.0
// The error replies of the protocols, ready for HTTP. What code and status a Fault has is api's to
// say; here it only gets its form. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace karat::wire {

/// What an error reply says, in AWS's words.
struct ErrorText {
    std::string_view code;
    std::string_view message;
    std::string_view request_id;
    int status = 400;
};

struct ErrorReply {
    int status;
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers; ///< Besides the content type.
};

/// `<Response><Errors><Error><Code/><Message/></Error></Errors><RequestID/></Response>`.
ErrorReply ec2_error(ErrorText const& error);
/// `<ErrorResponse><Error><Type/><Code/><Message/></Error><RequestId/></ErrorResponse>`; the type is
/// Sender below status 500 and Receiver from there.
ErrorReply query_error(ErrorText const& error, std::string_view xmlns);
/// `<Error><Code/><Message/><RequestId/></Error>`.
ErrorReply s3_error(ErrorText const& error);
/// `{"__type":…,"message":…}` of json-1.1.
ErrorReply json_error(ErrorText const& error);
/// `{"Message":…,"Reason":…}` of rest-json, and x-amzn-ErrorType; without a reason none is said.
ErrorReply rest_error(ErrorText const& error, std::string_view reason);

} // namespace karat::wire
