// SPDX-License-Identifier: Apache-2.0
// The stream that carries frames between QEMU's `-netdev stream` and us: each frame behind its
// length, four bytes in network order. Bounded both ways; frames to a guest that does not take
// them are dropped, as a full switch does.
#pragma once

#include "addresses.hpp"

#include "karat/fd.hpp"

#include <functional>
#include <vector>

namespace karat::net {

/// Cuts a stream into frames. Pure; fuzzed by fuzz/net_frames.
class FrameReader {
public:
    static constexpr std::size_t kMaxBytes = 64 * 1024;

    /// Calls `on_frame` for every frame that is complete now. Fault::corrupt when a length exceeds
    /// kMaxBytes: the stream has no frames from there on.
    Result<void> feed(ConstFrame bytes, std::function<void(ConstFrame)> const& on_frame);

    explicit FrameReader(std::vector<std::uint8_t> begun = {})
        : pending_(std::move(begun))
    {
    }
    /// What has come of a frame that is not complete.
    std::vector<std::uint8_t> const& begun() const { return pending_; }

private:
    std::vector<std::uint8_t> pending_;
};

/// Single-threaded.
class FrameLink {
public:
    explicit FrameLink(Fd fd)
        : fd_(std::move(fd))
    {
    }
    /// Goes on where another, which has been taken apart, stopped.
    FrameLink(Fd fd, std::vector<std::uint8_t> begun, std::vector<std::uint8_t> unsent)
        : fd_(std::move(fd))
        , reader_(std::move(begun))
        , waiting_(std::move(unsent))
    {
    }
    int fd() const { return fd_.get(); }
    /// Takes what has arrived; Fault::unavailable when the peer is gone.
    Result<void> receive(std::function<void(ConstFrame)> const& on_frame);
    void send(ConstFrame frame);
    /// Sends what waits; call when the descriptor is writable and wants_write().
    void flush();
    bool wants_write() const { return sent_ < waiting_.size(); }
    /// What another needs to go on; this one is of no use afterwards.
    std::vector<std::uint8_t> const& begun() const { return reader_.begun(); }
    std::vector<std::uint8_t> unsent() const;
    Fd take_fd() { return std::move(fd_); }

private:
    static constexpr std::size_t kMaxWaitingBytes = 1024 * 1024;
    Fd fd_;
    FrameReader reader_;
    std::vector<std::uint8_t> waiting_;
    std::size_t sent_ = 0; ///< How much of `waiting_` is gone already.
};

} // namespace karat::net
