// SPDX-License-Identifier: Apache-2.0
#include "http_session.hpp"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

namespace karat::api {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kNoMemory = "HTTP/1.1 503 Service Unavailable\r\n"
                                       "Server: karat\r\n"
                                       "Content-Length: 0\r\n"
                                       "Connection: close\r\n\r\n";
constexpr std::size_t kKeptBytes = 4 << 10; // of a buffer, between requests

/// A handler's header with a line end in it would be read as two.
bool is_one_line(std::string_view text)
{
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

std::string head_of(HttpReply const& reply, bool keep_alive)
{
    auto const reason =
        boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(reply.status));
    auto text = fmt::format("HTTP/1.1 {} {}\r\nServer: karat\r\nContent-Type: {}\r\n", reply.status,
                            std::string_view(reason.data(), reason.size()), reply.content_type);
    for (auto const& [name, value] : reply.headers)
        if (is_one_line(name) && is_one_line(value))
            text += fmt::format("{}: {}\r\n", name, value);
    if (!keep_alive)
        text += "Connection: close\r\n";
    text += fmt::format("Content-Length: {}\r\n\r\n", reply.body.size());
    return text;
}

void release(std::string& text)
{
    text.clear();
    if (text.capacity() > kKeptBytes)
        text = std::string();
}

} // namespace

std::size_t HttpSession::held_bytes() const
{
    return in_.capacity() + head_text_.capacity() + body_text_.capacity() +
           (reader_ ? reader_->held_bytes() : 0);
}

void HttpSession::receive(std::string_view bytes)
{
    moved_bytes_ += bytes.size();
    if (phase_ == Phase::draining) {
        drained_bytes_ += bytes.size();
        if (drained_bytes_ > 16 * route_.limits.body_bytes)
            close();
        return;
    }
    if (in_.empty())
        return read_on(bytes);
    auto all = std::exchange(in_, {});
    all += bytes;
    read_on(all);
}

/// Reads as much of a request as there is; the rest stays in in_.
void HttpSession::read_on(std::string_view bytes)
{
    if (!reader_)
        reader_.emplace(route_.limits);
    auto reading = reader_->read(bytes);
    bytes.remove_prefix(reading.used);
    if (reading.step == RequestReader::Step::expectant) {
        if (bytes.empty() && head_.empty())
            head_ = kContinue; // else the client has not waited
        reading = reader_->read(bytes);
        bytes.remove_prefix(reading.used);
    }
    if (reading.step == RequestReader::Step::refused)
        return write_refusal();
    in_ = bytes;
    phase_ = reading.step == RequestReader::Step::whole ? Phase::ready
             : reader_->has_head()                      ? Phase::receiving
                                                        : Phase::waiting;
}

/// The rest of the request is unread, so the connection ends after the answer. Closing at once
/// would reset it, and the client would not see why.
void HttpSession::write_refusal()
{
    linger_ = true;
    keep_alive_ = false;
    head_method_ = false;
    known_ = false;
    auto const reply = route_.refuse(reader_->status(), reader_->sentence());
    reader_.reset();
    phase_ = Phase::handling;
    answer(reply);
}

void HttpSession::refuse(int status, std::string const& sentence)
{
    VERIFY(phase_ == Phase::ready || phase_ == Phase::receiving);
    reader_.reset();
    linger_ = true;
    keep_alive_ = false;
    phase_ = Phase::handling;
    answer(route_.refuse(status, sentence));
}

void HttpSession::end_of_input()
{
    if (phase_ == Phase::waiting || phase_ == Phase::receiving || phase_ == Phase::draining)
        close();
}

HttpRequest HttpSession::take_request()
{
    VERIFY(phase_ == Phase::ready && reader_);
    keep_alive_ = reader_->keep_alive();
    head_method_ = reader_->is_head_method();
    auto request = reader_->take();
    reader_.reset();
    phase_ = Phase::handling;
    return request;
}

void HttpSession::answer(HttpReply reply)
{
    VERIFY(phase_ == Phase::handling);
    head_text_ = head_of(reply, keep_alive_);
    body_text_ = head_method_ ? std::string() : std::move(reply.body);
    known_ = reply.known;
    head_ = head_text_;
    body_ = body_text_;
    phase_ = Phase::writing;
}

void HttpSession::answer_without_memory() noexcept
{
    head_ = kNoMemory;
    body_ = {};
    keep_alive_ = false;
    phase_ = Phase::writing;
}

void HttpSession::sent(std::size_t bytes)
{
    moved_bytes_ += bytes;
    auto const of_head = std::min(bytes, head_.size());
    head_.remove_prefix(of_head);
    VERIFY(bytes - of_head <= body_.size());
    body_.remove_prefix(bytes - of_head);
    if (phase_ == Phase::writing && head_.empty() && body_.empty())
        next_request();
}

void HttpSession::next_request()
{
    release(head_text_);
    release(body_text_);
    if (!keep_alive_) {
        phase_ = linger_ || !in_.empty() ? Phase::draining : Phase::closed;
        release(in_);
        return;
    }
    phase_ = Phase::waiting;
    if (in_.empty())
        return release(in_);
    read_on(std::exchange(in_, {}));
}

void HttpSession::close() noexcept
{
    phase_ = Phase::closed;
    head_ = {};
    body_ = {};
    reader_.reset();
    for (auto* const text : {&in_, &head_text_, &body_text_})
        *text = std::string(); // by move: gives the memory back, and takes none
}

} // namespace karat::api
