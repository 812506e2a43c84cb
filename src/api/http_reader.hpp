// SPDX-License-Identifier: Apache-2.0
// From bytes to one HTTP/1.1 request. Beast reads the request line and the header fields; where the
// body ends is decided here, strictly, because two programs that disagree on it let one client
// speak for another. Refused: more than one Content-Length, or one beside Transfer-Encoding; any
// coding but chunked; trailer fields; folded lines; a line feed or carriage return alone; NUL.
#pragma once

#include "http.hpp"

namespace karat::api {

class RequestReader {
public:
    enum class Step : unsigned char {
        more,      ///< Everything that was given is used up or not yet enough.
        expectant, ///< The client waits for "100 Continue" before it sends the body. Said once.
        whole,     ///< take() has the request.
        refused,   ///< status() and sentence() say why. The rest of the bytes means nothing.
    };
    struct Reading {
        Step step;
        std::size_t used; ///< How many bytes from the front are done with.
    };

    explicit RequestReader(HttpLimits const& limits)
        : limits_(limits)
    {
    }

    /// Reads on, with the bytes that were not used before at the front.
    Reading read(std::string_view bytes);

    /// Whether a byte of a request has come, and whether its head is complete.
    bool begun() const { return begun_; }
    bool has_head() const { return state_ != State::head; }
    bool keep_alive() const { return keep_alive_; }
    bool is_head_method() const { return request_.method == "HEAD"; }
    std::size_t held_bytes() const;

    HttpRequest take() { return std::move(request_); }
    int status() const { return status_; }
    std::string const& sentence() const { return sentence_; }

private:
    enum class State : unsigned char {
        head,
        counted,    ///< A body whose length was given; left_ bytes of it are to come.
        chunk_line, ///< The size of a chunk.
        chunk,      ///< left_ bytes of a chunk.
        chunk_end,  ///< The line end after a chunk.
        last_line,  ///< The line end after the last chunk, or a trailer field.
        whole,
        refused,
    };

    Step step(std::string_view bytes, std::size_t& used);
    Step read_head(std::string_view bytes, std::size_t& used);
    Step parse_head(std::string_view head);
    Step frame();
    Step take_body(std::string_view bytes, std::size_t& used, State next);
    Step read_chunk_line(std::string_view bytes, std::size_t& used);
    Step read_line_end(std::string_view bytes, std::size_t& used);
    Step refuse(int status, std::string sentence);
    Step too_large();
    Step body_follows();

    HttpLimits const& limits_;
    State state_ = State::head;
    HttpRequest request_;
    std::string target_;
    std::size_t searched_ = 0; ///< Bytes of the head in which no end was found.
    std::size_t left_ = 0;
    std::size_t framing_ = 0; ///< Bytes around the chunks.
    int status_ = 0;
    std::string sentence_;
    bool begun_ = false;
    bool skipped_blank_ = false;
    bool keep_alive_ = false;
    bool http10_ = false;
    bool expects_ = false;
};

} // namespace karat::api
