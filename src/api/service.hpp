// SPDX-License-Identifier: Apache-2.0
// A service as an object: its name, its protocol, its operations and what it calls faults. Each
// service's folder makes one (service.cpp); dispatch.cpp knows them by this alone. Private to the
// room.
#pragma once

#include "desk.hpp"
#include "faults.hpp"

#include "karat/api.hpp"
#include "karat/wire/errors.hpp"
#include "karat/wire/rest.hpp"
#include "karat/wire/sigv4.hpp"

#include <span>
#include <string>
#include <string_view>

namespace karat::api {

/// What an operation is run with. Does not own.
struct Job {
    Desk const& desk;
    Call const& call;
    wire::Params params; ///< Of the query and the rest protocols, without the signature's.
    wire::Params labels; ///< The parts of the path that a rest route names.
    std::string const& request_id;
};

struct Operation {
    std::string_view name;
    /// Reads the request, calls the handler, writes the reply.
    Result<Reply> (*run)(Job const&);
};

struct Service;

/// What a call names, and its parameters.
struct Found {
    Operation const* operation;
    wire::Params params;
    wire::Params labels;
};

/// How the calls and errors of a protocol look.
struct Protocol {
    /// `action` is set as soon as the call names one, for the log. Fault::missing or unknown,
    /// Noun::action, when it names none of the service's.
    Result<Found> (*find)(Service const& service, Call const& call, std::string& action);
    wire::ErrorReply (*error)(wire::ErrorText const& text, std::string_view reason,
                              std::string_view xmlns);
    /// What a refused signature is called, by what the clients' retry rules expect.
    AwsError (*signature_error)(wire::SignatureFault fault);
};

extern Protocol const kEc2Protocol;   ///< Parameters in, XML out.
extern Protocol const kQueryProtocol; ///< The same; lists and errors look different.
extern Protocol const kJsonProtocol;  ///< json-1.1: the operation is in X-Amz-Target.
extern Protocol const kRestProtocol;  ///< rest-json: the operation is in the method and the path.

struct Service {
    std::string_view name; ///< As in the credential scope.
    Protocol const& protocol;
    std::span<Operation const> operations;
    std::span<FaultRow const> faults;             ///< Before the ones that all services share.
    std::span<wire::RestRoute const> routes = {}; ///< Of rest: one an operation, in their order.
    std::string_view xmlns = {};                  ///< Of query errors.
};

namespace ebs {
extern Service const kService;
}
namespace ec2 {
extern Service const kService;
}
namespace ssm {
extern Service const kService;
}
namespace sts {
extern Service const kService;
}

/// A verb that changes something sees to DryRun before it does; one that only reads gets here.
Result<void> check_dry_run(bool dry_run);

/// Operation::run of a query protocol.
template <auto read, auto handle, auto write>
Result<Reply> run_query(Job const& job)
{
    auto const request = TRY(read(job.params));
    auto caller = job.desk.caller;
    if constexpr (requires { request.dry_run; })
        caller.dry_run = request.dry_run;
    Desk const desk{job.desk.engine, caller, job.desk.tokens, job.desk.body_sum};
    auto const result = TRY(handle(desk, request));
    TRY(check_dry_run(caller.dry_run));
    return Reply{.content_type = "text/xml;charset=UTF-8", .body = write(result, job.request_id)};
}

template <auto read, auto handle, auto write>
Result<Reply> run_json(Job const& job)
{
    auto const request = TRY(read(job.call.body));
    auto const result = TRY(handle(job.desk, request));
    return Reply{.content_type = "application/x-amz-json-1.1", .body = write(result)};
}

template <auto read, auto handle, auto write>
Result<Reply> run_rest(Job const& job)
{
    wire::RestRequest const rest{job.labels, job.params, job.call.headers, job.call.body};
    auto const request = TRY(read(rest));
    auto result = TRY(handle(job.desk, request));
    wire::RestReply made = write(std::move(result));
    return Reply{made.status, std::move(made.content_type), std::move(made.body),
                 std::move(made.headers)};
}

} // namespace karat::api
