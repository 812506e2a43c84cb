// SPDX-License-Identifier: Apache-2.0
// The front desk: one endpoint that serves every AWS service over HTTP, the metadata service of
// the guests, and the operator's socket.
#pragma once

#include "karat/engine.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace karat::api {

/// A call as the dispatcher takes it: the same for the HTTP server and for tests.
struct Call {
    std::string method = "POST";
    std::string path = "/";
    std::string query;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string peer;
};

struct Reply {
    int status = 200;
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    bool signed_in = false; ///< The signature was good, whatever became of the call.
};

/// Signs callers in, finds the operation by the credential scope and the action, and runs it.
/// Thread-safe.
class Dispatcher {
public:
    /// `engine` and `env` outlive it. Tokens that callers carry are sealed with `token_key`: they
    /// are good for as long as the key stays.
    Dispatcher(Env env, engine::Engine& engine, Bytes token_key);
    ~Dispatcher();

    /// Verifies the signature (Signature Version 4) and answers in the service's protocol. Never
    /// throws; whatever is wrong becomes an error reply.
    Reply handle(Call const& call);

    /// The same without signature, for a caller who is already known: text tests.
    Reply handle_as(engine::Caller const& caller, std::string const& service, Call const& call);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The tables from faults to AWS codes, as text; goldens.
std::string print_fault_table();
std::string print_ebs_fault_table();

struct EndpointOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 4566;
    std::string admin_socket;   ///< For `karat`: a unix socket open to the daemon's user only.
    std::string data_directory; ///< Keeps the key that signs instance identity documents.
    int workers = 8;
};

/// What all sockets hold at the moment.
struct EndpointCounts {
    std::size_t connections = 0;
    std::size_t held_bytes = 0; ///< Of requests and replies.
};

/// Everything that listens. Made before the engine, because guests' metadata sockets are its part.
class Endpoint {
public:
    virtual ~Endpoint() = default;
    /// `env` outlives it. Makes or reads the identity key.
    static Result<std::unique_ptr<Endpoint>> create(Env env, EndpointOptions options);

    /// For engine::Parts.
    virtual engine::MetadataSockets& metadata() = 0;
    /// From now on guests are answered, each as soon as its socket is opened by metadata().
    virtual void answer_guests(engine::Engine& engine) = 0;
    /// Starts answering calls; `engine` outlives the Endpoint or stop(). Fault::unavailable when
    /// the port is taken.
    virtual Result<void> start(engine::Engine& engine) = 0;
    /// The port that TCP listens on, after start().
    virtual std::uint16_t port() const = 0;
    /// Lets running calls end and closes every socket.
    virtual void stop() = 0;
    virtual EndpointCounts counts() const = 0;
    /// "POST /v1/store-check for 12 s" of every call that runs, also while stop() waits for them.
    virtual std::vector<std::string> running() const = 0;
};

} // namespace karat::api
