// SPDX-License-Identifier: Apache-2.0
// The system calls of the loop. Asio lends its socket addresses, whose C types need casts.
#pragma once

#include "http_table.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <span>

namespace karat::api {

/// Fault::unavailable when the address is taken; `what` names it.
Result<Fd> listen_on(boost::asio::ip::tcp::endpoint const& endpoint, std::string const& what);
/// The file is open to its owner only. Fault::unavailable when it exists.
Result<Fd> listen_on(std::string const& path);
Result<std::uint16_t> port_of(Fd const& listener);

struct Accepted {
    Fd fd; ///< Not open: errno says why.
    std::string peer;
};
enum class Family : unsigned char { tcp, local };
/// The next connection. May throw std::bad_alloc: then the connection is closed.
Accepted accept_one(Fd const& listener, Family family);

/// Reads once into `buffer` and gives it to the session; sends "100 Continue" where it is due.
/// Returns whether there may be more to do.
bool read_some(Connection& connection, std::span<char> buffer);
/// Sends once what the session has to say. Returns whether there may be more to do.
bool send_some(Connection& connection);

} // namespace karat::api
