// SPDX-License-Identifier: Apache-2.0
#include "forwards.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>

namespace karat::net {
namespace {

constexpr int kLastPort = 65535;

// What people look for behind "all traffic": shells, web and its usual alternatives, desktops,
// WinRM, databases, registries and dashboards.
constexpr std::array kTcpWellKnown = {21,   22,   25,   53,   80,    110,   143,  389,  443,  445,
                                      465,  587,  636,  993,  995,   1433,  1521, 2049, 2375, 2376,
                                      3000, 3128, 3306, 3389, 5000,  5432,  5601, 5672, 5900, 5985,
                                      5986, 6379, 6443, 8000, 8008,  8080,  8081, 8443, 8888, 9000,
                                      9090, 9092, 9100, 9200, 11211, 15672, 27017};
constexpr std::array kUdpWellKnown = {53, 69, 123, 161, 443, 500, 514, 1194, 4500, 5353, 51820};

std::optional<Transport> transport_of(std::string const& protocol)
{
    if (protocol == "tcp")
        return Transport::tcp;
    if (protocol == "udp")
        return Transport::udp;
    return std::nullopt;
}

std::string describe(PortRange const& range)
{
    return fmt::format("{} {}-{}", range.protocol, range.from, range.to);
}

template <std::size_t N>
std::vector<int> those_within(std::array<int, N> const& ports, int from, int to)
{
    std::vector<int> within;
    std::ranges::copy_if(ports, std::back_inserter(within),
                         [=](int port) { return from <= port && port <= to; });
    return within;
}

std::vector<int> ports_of(Transport transport, int from, int to)
{
    if (to - from >= kWideRange)
        return transport == Transport::tcp ? those_within(kTcpWellKnown, from, to)
                                           : those_within(kUdpWellKnown, from, to);
    std::vector<int> ports;
    for (int port = from; port <= to; ++port)
        ports.push_back(port);
    return ports;
}

void add(Plan& plan, Transport transport, PortRange const& range)
{
    bool const all = range.from == -1;
    int const from = all ? 1 : std::max(range.from, 1);
    int const to = all ? kLastPort : std::min(range.to, kLastPort);
    for (int const port : ports_of(transport, from, to)) {
        if (plan.forwards.size() >= kMaxForwards && !plan.forwards.contains({transport, port})) {
            plan.left_out.push_back(describe(range) + ": too many ports");
            return;
        }
        plan.forwards.insert({transport, port});
    }
    if (to - from >= kWideRange)
        plan.left_out.push_back(describe(range) + ": only its well-known ports");
}

} // namespace

Plan plan_forwards(std::vector<PortRange> const& open_ports)
{
    // Narrow ranges first: what was asked for by number must not fall to a wide one's list.
    auto ranges = open_ports;
    std::ranges::stable_sort(ranges, {}, [](PortRange const& range) {
        return range.from == -1 ? kLastPort : range.to - range.from;
    });
    Plan plan;
    for (PortRange const& range : ranges) {
        auto const transport = transport_of(range.protocol);
        if (transport)
            add(plan, *transport, range);
        else
            plan.left_out.push_back(describe(range) + ": not tcp or udp");
    }
    return plan;
}

} // namespace karat::net
