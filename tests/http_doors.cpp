// SPDX-License-Identifier: Apache-2.0
#include "http_doors.hpp"

#include "karat/hash.hpp"

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace karat::testing {
namespace {

constexpr int kPatienceMs = 10'000;

Result<InstanceId> launch(World& world)
{
    auto const caller = TRY(world.caller("demo", "us-east-1"));
    auto const image = TRY(world.import(caller, "disk", 4 << 20, {}));
    TRY(world.work());
    auto const reply = world.dispatcher().handle_as(
        caller, "ec2",
        {.body = "Action=RunInstances&MinCount=1&MaxCount=1&InstanceType=t3.nano&ImageId=" +
                 image.image.text()});
    auto const at = reply.body.find("<instanceId>");
    if (at == std::string::npos)
        return fail(Fault::invalid, reply.body);
    TRY(world.work());
    constexpr std::size_t kIdBytes = 19;
    return InstanceId::parse(reply.body.substr(at + std::strlen("<instanceId>"), kIdBytes));
}

Result<Fd> connect_tcp(std::uint16_t port)
{
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    boost::asio::ip::tcp::endpoint const to(boost::asio::ip::address_v4::loopback(), port);
    if (::connect(fd.get(), to.data(), static_cast<socklen_t>(to.size())) != 0)
        return fail(Fault::unavailable, std::strerror(errno));
    return fd;
}

} // namespace

char const* name(Door door)
{
    switch (door) {
    case Door::api:
        return "api";
    case Door::metadata:
        return "metadata";
    case Door::admin:
        return "admin";
    }
    return "?";
}

Result<std::unique_ptr<Doors>> Doors::open(std::string const& directory)
{
    auto doors = std::unique_ptr<Doors>(new Doors);
    std::filesystem::create_directories(directory);
    doors->directory_ = directory;
    doors->world_ = TRY(World::create(31));
    auto const guest = TRY(launch(*doors->world_));
    doors->guest_ = guest;
    auto const account = TRY(doors->world_->engine().account_named("demo"));
    doors->key_ = TRY(doors->world_->engine().create_access_key(account.id));
    Env const env{doors->world_->env().files, posix_env().clock, posix_env().chance};
    doors->endpoint_ = TRY(api::Endpoint::create(env, {.port = 0,
                                                       .admin_socket = directory + "/admin",
                                                       .data_directory = "/data",
                                                       .workers = 2}));
    doors->endpoint_->answer_guests(doors->world_->engine());
    TRY(doors->endpoint_->start(doors->world_->engine()));
    TRY(doors->endpoint_->metadata().open(guest, directory + "/metadata"));
    return doors;
}

Doors::~Doors() = default;

Result<Fd> Doors::connect(Door door) const
{
    if (door == Door::api)
        return connect_tcp(endpoint_->port());
    return connect_unix(directory_ + "/" + name(door));
}

std::string Doors::sign(std::string_view parameters) const
{
    auto date = format_time(posix_env().clock.now()); // 2026-01-02T03:04:05.678Z
    std::erase_if(date, [](char c) { return c == '-' || c == ':'; });
    date.replace(15, std::string::npos, "Z");
    auto const day = date.substr(0, 8);
    auto const host = fmt::format("127.0.0.1:{}", endpoint_->port());
    auto const asked = fmt::format("POST\n/\n\nhost:{}\nx-amz-date:{}\n\nhost;x-amz-date\n{}", host,
                                   date, sha256(parameters).text());
    auto const scope = fmt::format("{}/us-east-1/ec2/aws4_request", day);
    auto key = hmac_sha256(as_bytes("AWS4" + std::string(key_->secret.reveal())), day);
    for (std::string_view const part : {"us-east-1", "ec2", "aws4_request"})
        key = hmac_sha256(key.bytes, part);
    auto const signature = hmac_sha256(
        key.bytes, fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, scope, sha256(asked).text()));
    return fmt::format(
        "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Date: {}\r\nConnection: close\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders=host;x-amz-date, "
        "Signature={}\r\nContent-Length: {}\r\n\r\n{}",
        host, date, key_->id, scope, signature.text(), parameters.size(), parameters);
}

bool send_all(Fd const& socket, std::string_view bytes)
{
    while (!bytes.empty()) {
        pollfd ready{socket.get(), POLLOUT, 0};
        if (::poll(&ready, 1, kPatienceMs) != 1)
            return false;
        auto const put =
            ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EAGAIN)
            continue;
        if (put < 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

void end_input(Fd const& socket) { ::shutdown(socket.get(), SHUT_WR); }

void reset(Fd& socket)
{
    linger const at_once{1, 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket.reset();
}

std::string read_to_end(Fd const& socket, int patience_ms)
{
    std::string text;
    std::array<char, 4096> piece{};
    while (true) {
        pollfd ready{socket.get(), POLLIN, 0};
        if (::poll(&ready, 1, patience_ms) != 1)
            return text + "[still open]";
        auto const got = ::recv(socket.get(), piece.data(), piece.size(), 0);
        if (got <= 0)
            return text;
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
}

} // namespace karat::testing
