// SPDX-License-Identifier: Apache-2.0
// What karat-net is told: a JSON file named on its command line, read again on SIGHUP (when only
// the open ports, the hop limit and the reach may have changed).
#pragma once

#include "karat/env.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace karat::net {

/// An inclusive stretch of ports; -1 to -1 is all of them.
struct PortRange {
    std::string protocol; ///< "tcp" or "udp"; others are not forwarded.
    int from = 0;
    int to = 0;
    bool operator==(PortRange const&) const = default;
};

/// Where a guest may connect to.
enum class Reach : unsigned char {
    outside,  ///< Not to addresses that are this host's own.
    anywhere, ///< To this host's own addresses too, those of its loopback interface left out.
};

struct Settings {
    std::string instance;       ///< For the log only.
    int qemu_pid = 0;           ///< karat-net ends when this process does.
    std::string net_socket;     ///< QEMU's `-netdev stream` listens here.
    std::string console_socket; ///< QEMU's serial port listens here.
    std::string console_ring;   ///< Where serial output is kept.
    std::string qemu_log;       ///< Emptied when it grows large; a guest may make QEMU complain.
    std::string pid_file;       ///< Written when it serves; empty: it is not.
    std::string mac;            ///< Of the guest's interface.
    std::string private_ip;     ///< The guest's address.
    std::string domain;         ///< Of private names: "ec2.internal"; empty: nothing has a name.
    std::string subnet_cidr;    ///< Router .1, name server .2, .3 is used inside.
    std::string public_ip;      ///< Open ports are bound here; empty for none.
    std::string imds_socket;    ///< Answers 169.254.169.254:80; empty for nobody.
    std::vector<PortRange> open_ports;
    int hop_limit = 64; ///< TTL of what 169.254.169.254 sends, 1 to 255; 64 where it is not told.
    Reach reach = Reach::outside;
    bool operator==(Settings const&) const = default;
};

std::string to_json(Settings const& settings);
/// Fault::invalid with the member's name when one is missing or of another type.
Result<Settings> parse_settings(std::string_view json);

} // namespace karat::net
