// SPDX-License-Identifier: Apache-2.0
#include "handover.hpp"

#include "os_error.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace karat::net {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kWithLink = 1;
constexpr std::uint8_t kWithConsole = 2;
constexpr std::size_t kHeadBytes = 6;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kMaxBodyBytes = 32 * 1024 * 1024;
constexpr timeval kGivePatience{1, 0};
constexpr timeval kTakePatience{6, 0}; // the predecessor first brings to an end what it can

using Head = std::array<std::uint8_t, kHeadBytes>;
constexpr std::size_t kMaxDescriptors = 2;
/// Room for the descriptors beside a message.
union Ancillary {
    cmsghdr aligned;
    std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> bytes;
};

Result<void> block_with(Fd const& fd, timeval patience)
{
    int const flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0 ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        return os_error("set up the handover");
    return {};
}

Result<void> send_head(Fd const& to, Head& head, std::vector<int> const& descriptors)
{
    iovec part = {head.data(), head.size()};
    Ancillary ancillary = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        auto const bytes = descriptors.size() * sizeof(int);
        message.msg_control = ancillary.bytes.data();
        message.msg_controllen = CMSG_SPACE(bytes);
        auto* const control = CMSG_FIRSTHDR(&message);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(bytes);
        std::memcpy(CMSG_DATA(control), descriptors.data(), bytes);
    }
    if (::sendmsg(to.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(head.size()))
        return os_error("hand over");
    return {};
}

std::vector<Fd> descriptors_of(msghdr& message)
{
    std::vector<Fd> found;
    for (auto* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
            continue;
        auto const count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(one) + i * sizeof(int), sizeof fd);
            found.emplace_back(fd);
        }
    }
    return found;
}

Result<std::vector<Fd>> receive_head(Fd const& from, Head& head)
{
    iovec part = {head.data(), head.size()};
    Ancillary ancillary = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = sizeof ancillary;
    auto const got = ::recvmsg(from.get(), &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    auto descriptors = descriptors_of(message);
    if (got != static_cast<ssize_t>(head.size()))
        return fail(Fault::unavailable, "The karat-net before this one does not hand over");
    return descriptors;
}

Result<FrameBytes> receive_body(Fd const& from, std::size_t length)
{
    if (length > kMaxBodyBytes)
        return fail(Fault::corrupt, "What the karat-net before this one hands over is too long");
    FrameBytes body(length);
    if (length != 0 &&
        ::recv(from.get(), body.data(), length, MSG_WAITALL) != static_cast<ssize_t>(length))
        return fail(Fault::unavailable, "The karat-net before this one stopped handing over");
    return body;
}

void put_piece(FrameBytes& body, ConstFrame piece)
{
    auto const at = body.size();
    body.resize(at + kLengthBytes);
    store32(body, at, static_cast<std::uint32_t>(piece.size()));
    body.insert(body.end(), piece.begin(), piece.end());
}

Result<FrameBytes> take_piece(ConstFrame& body)
{
    if (body.size() < kLengthBytes || body.size() - kLengthBytes < load32(body, 0))
        return fail(Fault::corrupt, "What the karat-net before this one hands over is cut short");
    auto const piece = body.subspan(kLengthBytes, load32(body, 0));
    body = body.subspan(kLengthBytes + piece.size());
    return FrameBytes(piece.begin(), piece.end());
}

} // namespace

FrameBytes write_pieces(Handover const& handover)
{
    FrameBytes body;
    put_piece(body, handover.begun);
    put_piece(body, handover.unsent);
    for (auto const& frame : handover.held)
        put_piece(body, frame);
    return body;
}

Result<void> read_pieces(ConstFrame body, Handover& into)
{
    into.begun = TRY(take_piece(body));
    into.unsent = TRY(take_piece(body));
    while (!body.empty()) {
        if (into.held.size() == kMaxHeldFrames)
            return fail(Fault::corrupt, "The karat-net before this one hands over too many frames");
        into.held.push_back(TRY(take_piece(body)));
    }
    return {};
}

Result<void> hand_over(Fd const& to, Handover const& handover)
{
    TRY(block_with(to, kGivePatience));
    auto const body = write_pieces(handover);
    Head head = {kVersion};
    std::vector<int> descriptors;
    if (handover.link.open()) {
        head[1] |= kWithLink;
        descriptors.push_back(handover.link.get());
    }
    if (handover.console.open()) {
        head[1] |= kWithConsole;
        descriptors.push_back(handover.console.get());
    }
    store32(head, 2, static_cast<std::uint32_t>(body.size()));
    TRY(send_head(to, head, descriptors));
    for (std::size_t sent = 0; sent < body.size();) {
        auto const put = ::send(to.get(), body.data() + sent, body.size() - sent, MSG_NOSIGNAL);
        if (put <= 0)
            return os_error("hand over");
        sent += static_cast<std::size_t>(put);
    }
    return {};
}

Result<std::optional<Handover>> take_over(std::string const& socket)
{
    auto from = connect_unix(socket);
    if (!from.ok() && from.error().fault == Fault::unavailable)
        return std::optional<Handover>();
    if (!from.ok())
        return from.take_error();
    TRY(block_with(from.value(), kTakePatience));
    Head head = {};
    auto descriptors = TRY(receive_head(from.value(), head));
    auto const wanted = std::size_t{(head[1] & kWithLink) != 0} + ((head[1] & kWithConsole) != 0);
    if (head[0] != kVersion || descriptors.size() != wanted)
        return fail(Fault::unavailable, "The karat-net before this one hands over in another form");
    auto const body = TRY(receive_body(from.value(), load32(head, 2)));
    Handover taken;
    TRY(read_pieces(body, taken));
    if (head[1] & kWithConsole) {
        taken.console = std::move(descriptors.back());
        descriptors.pop_back();
    }
    if (head[1] & kWithLink)
        taken.link = std::move(descriptors.back());
    return std::optional(std::move(taken));
}

} // namespace karat::net
