// SPDX-License-Identifier: Apache-2.0
// The addresses that this host takes for its own: those of its interfaces, their broadcast
// addresses, and what its local routing table adds.
#pragma once

#include "addresses.hpp"

#include "karat/fd.hpp"

#include <vector>

namespace karat::net {

class HostAddresses {
public:
    struct Range {
        Ipv4 address = 0;
        int prefix = 32;
    };
    /// None.
    HostAddresses() = default;
    explicit HostAddresses(std::vector<Range> ranges)
        : ranges_(std::move(ranges))
    {
    }
    /// Asks the kernel. Fault::io when it does not answer.
    static Result<HostAddresses> read();

    bool contain(Ipv4 address) const;

private:
    std::vector<Range> ranges_;
};

/// A descriptor that becomes readable when the addresses change; forget_changes() before they are
/// read again.
Result<Fd> watch_host_addresses();
void forget_changes(Fd const& watch);

} // namespace karat::net
