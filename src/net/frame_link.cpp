// SPDX-License-Identifier: Apache-2.0
#include "frame_link.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>

namespace karat::net {
namespace {

constexpr std::size_t kLengthBytes = 4;

} // namespace

Result<void> FrameReader::feed(ConstFrame bytes, std::function<void(ConstFrame)> const& on_frame)
{
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    std::size_t at = 0;
    while (pending_.size() - at >= kLengthBytes) {
        std::size_t const length = load32(pending_, at);
        if (length > kMaxBytes)
            return fail(Fault::corrupt, fmt::format("A frame of {} bytes is announced", length));
        if (pending_.size() - at - kLengthBytes < length)
            break;
        on_frame(ConstFrame(pending_).subspan(at + kLengthBytes, length));
        at += kLengthBytes + length;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
}

Result<void> FrameLink::receive(std::function<void(ConstFrame)> const& on_frame)
{
    std::array<std::uint8_t, FrameReader::kMaxBytes> buffer; // NOLINT: filled by recv
    auto const got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0)
        return reader_.feed(ConstFrame(buffer).first(static_cast<std::size_t>(got)), on_frame);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return {};
    return fail(Fault::unavailable, got == 0 ? "QEMU closed the network" : std::strerror(errno));
}

void FrameLink::send(ConstFrame frame)
{
    if (waiting_.size() - sent_ + frame.size() > kMaxWaitingBytes)
        return;
    std::array<std::uint8_t, kLengthBytes> length{};
    store32(length, 0, static_cast<std::uint32_t>(frame.size()));
    waiting_.insert(waiting_.end(), length.begin(), length.end());
    waiting_.insert(waiting_.end(), frame.begin(), frame.end());
    flush();
}

std::vector<std::uint8_t> FrameLink::unsent() const
{
    return {waiting_.begin() + static_cast<std::ptrdiff_t>(sent_), waiting_.end()};
}

void FrameLink::flush()
{
    auto const put =
        ::send(fd_.get(), waiting_.data() + sent_, waiting_.size() - sent_, MSG_NOSIGNAL);
    if (put > 0)
        sent_ += static_cast<std::size_t>(put);
    if (sent_ < waiting_.size() / 2 + 1 && sent_ < waiting_.size())
        return; // moving the rest is worth it only now and then
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
}

} // namespace karat::net
