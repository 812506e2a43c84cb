// SPDX-License-Identifier: Apache-2.0
// libslirp, owned: the guest's frames become sockets of this process and back. The only file that
// calls libslirp. Single-threaded.
#pragma once

#include "addresses.hpp"
#include "forwards.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <poll.h>
#include <set>
#include <string>
#include <vector>

namespace karat::net {

class Network {
public:
    using Send = std::function<void(ConstFrame)>; ///< To the guest.

    /// `imds_socket` answers TCP at addresses.inside:80; empty for nobody. Its path must be short.
    static Result<std::unique_ptr<Network>> create(Addresses const& addresses,
                                                   std::string const& imds_socket, Send send);
    ~Network();
    Network(Network const&) = delete;
    Network& operator=(Network const&) = delete;

    /// A frame from the guest, already judged.
    void input(ConstFrame frame);

    /// Appends what to poll for; returns how long to sleep at most.
    int before_poll(std::vector<pollfd>& polled);
    /// Takes what the poll found (the same vector) and runs what is due.
    void after_poll(std::vector<pollfd> const& polled, bool failed);

    /// Whether a connection to the metadata service is open, or its last bytes are on their way.
    bool asks_metadata() const;

    /// Listens on exactly these ports of `host` from now on, and forwards them to the guest's.
    /// Those that cannot be bound are logged and tried again by the next call.
    void set_forwards(Ipv4 host, std::set<Forward> const& forwards);

private:
    struct Slirped; // keeps libslirp's header out of the others
    explicit Network(std::unique_ptr<Slirped> slirped);
    std::unique_ptr<Slirped> slirped_;
};

} // namespace karat::net
