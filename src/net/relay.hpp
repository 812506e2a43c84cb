// SPDX-License-Identifier: Apache-2.0
// Carries the guest's requests for metadata to the daemon, one request a connection, as EC2 does.
// The guest's connections end here, so that a restart of the daemon breaks none: a request that was
// not answered in full is asked again, which is safe, as none of them changes anything.
// Single-threaded.
#pragma once

#include "one_request.hpp"

#include "karat/env.hpp"
#include "karat/fd.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <poll.h>
#include <vector>

namespace karat::net {

class Relay {
public:
    static constexpr std::size_t kMaxConnections = 32; ///< More are closed at once.

    /// Listens on `own_socket` (a stale one is replaced) for what the daemon's socket answers.
    static Result<std::unique_ptr<Relay>> listen(Env env, std::string const& own_socket,
                                                 std::string daemon_socket);
    ~Relay();
    Relay(Relay const&) = delete;
    Relay& operator=(Relay const&) = delete;

    /// Appends what to poll for; returns how long to sleep at most.
    int before_poll(std::vector<pollfd>& polled);
    /// Takes what the poll found (the same vector) and does what is due.
    void after_poll(std::vector<pollfd> const& polled);
    /// Takes those that have connected. To be called before each frame that may connect one more:
    /// libslirp would wait for ever, and we with it, if it found the queue full.
    void accept_all();

private:
    class Exchange;
    Relay(Env env, Fd listener, std::string daemon_socket);

    Env env_;
    Fd listener_;
    std::string daemon_socket_;
    std::size_t first_ = 0; ///< Where ours begin in what is polled.
    std::list<Exchange> exchanges_;
};

} // namespace karat::net
