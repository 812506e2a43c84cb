// SPDX-License-Identifier: Apache-2.0
// One HTTP connection as a state machine over bytes: no sockets, no threads, no clock. The loop
// gives it what came and sends what it has to say; tests and the fuzzer do the same in memory.
#pragma once

#include "http_reader.hpp"

#include <array>
#include <optional>

namespace karat::api {

class HttpSession {
public:
    enum class Phase : unsigned char {
        waiting,   ///< For a request's head.
        receiving, ///< A request's body.
        ready,     ///< take_request() has a whole request.
        handling,  ///< Until answer().
        writing,   ///< output() is to be sent.
        draining,  ///< Our side is said: nothing more is sent, what comes is thrown away.
        closed,
    };

    /// `route` outlives it.
    explicit HttpSession(HttpRoute const& route)
        : route_(route)
    {
    }

    Phase phase() const { return phase_; }
    /// Whether the caller proved who they are at the latest request.
    bool known() const { return known_; }
    /// Whether the first bytes of a request are here.
    bool begun() const { return !in_.empty() || (reader_ && reader_->begun()); }
    std::size_t held_bytes() const;
    /// Counts all bytes that came and went.
    std::uint64_t moved_bytes() const { return moved_bytes_; }

    /// Bytes from the client: in the phases waiting, receiving and draining.
    void receive(std::string_view bytes);
    /// The client sends no more. What it sent whole is still answered.
    void end_of_input();
    /// ready -> handling.
    HttpRequest take_request();
    /// handling -> writing. The one call that a worker thread makes.
    void answer(HttpReply reply);
    /// The same where answer() or the handler has failed: says so without allocating, and closes.
    void answer_without_memory() noexcept;
    /// The request that is ready cannot be taken now.
    void refuse(int status, std::string const& sentence);
    /// To be sent next, in this order; also "100 Continue" while receiving.
    std::array<std::string_view, 2> output() const { return {head_, body_}; }
    /// So many bytes of output() are out. When all are, the next request is looked at.
    void sent(std::size_t bytes);
    void close() noexcept;

private:
    void read_on(std::string_view bytes);
    void write_refusal();
    void next_request();

    HttpRoute const& route_;
    Phase phase_ = Phase::waiting;
    std::string in_; ///< What came and was not looked at yet.
    std::optional<RequestReader> reader_;
    std::string head_text_; ///< What head_ and body_ are the unsent ends of.
    std::string body_text_;
    std::string_view head_;
    std::string_view body_;
    std::uint64_t moved_bytes_ = 0;
    std::size_t drained_bytes_ = 0;
    bool known_ = false;
    bool keep_alive_ = false;
    bool head_method_ = false;
    bool linger_ = false; ///< There may be input that nobody looked at: read it before closing.
};

} // namespace karat::api
