// SPDX-License-Identifier: Apache-2.0
// The three doors of a daemon over real sockets: a Karat in memory whose API, metadata service and
// admin socket listen. And a client that sends whatever bytes it is told to.
#pragma once

#include "world.hpp"

#include "karat/fd.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace karat::testing {

enum class Door : unsigned char { api, metadata, admin };
inline constexpr Door kDoors[] = {Door::api, Door::metadata, Door::admin};
char const* name(Door door);

class Doors {
public:
    /// The sockets are in `directory`. One guest runs; its metadata is what Door::metadata serves.
    static Result<std::unique_ptr<Doors>> open(std::string const& directory);
    ~Doors();

    Result<Fd> connect(Door door) const;
    /// A call of EC2 with these parameters, signed now by the account "demo", that asks to close.
    std::string sign(std::string_view parameters) const;
    InstanceId const& guest() const { return *guest_; }
    World& world() { return *world_; }
    api::Endpoint& endpoint() { return *endpoint_; }

private:
    Doors() = default;

    std::string directory_;
    std::unique_ptr<World> world_;
    std::optional<AccessKey> key_;
    std::optional<InstanceId> guest_;
    std::unique_ptr<api::Endpoint> endpoint_;
};

/// Sends all; false when the other side has closed. Waits at most ten seconds for room.
bool send_all(Fd const& socket, std::string_view bytes);
/// Says that nothing more will be sent.
void end_input(Fd const& socket);
/// Resets the connection.
void reset(Fd& socket);
/// What comes until the other side closes; gives up after `patience_ms` without a byte.
std::string read_to_end(Fd const& socket, int patience_ms = 20'000);
/// A request that is answered by each door, and after which it closes.
inline constexpr std::string_view kLastRequest =
    "GET /latest/meta-data/ HTTP/1.1\r\nHost: karat\r\nConnection: close\r\n\r\n";

} // namespace karat::testing
