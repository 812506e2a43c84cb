// SPDX-License-Identifier: Apache-2.0
// The only file that knows Boost.Beast.
#include "http_reader.hpp"

#include "karat/text.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace karat::api {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kChunkLineBytes = 256; // of which the size has at most 16
constexpr char kTlsHandshake = 0x16;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// Fills a request from a head that is there as a whole. The body is none of its business.
class HeadParser final : public http::basic_parser<true> {
public:
    HeadParser(HttpRequest& request, std::string& target, std::size_t most_headers)
        : request_(request)
        , target_(target)
        , most_headers_(most_headers)
    {
        skip(true);
        header_limit((std::numeric_limits<std::uint32_t>::max)());
    }
    bool too_many() const { return request_.headers.size() > most_headers_; }
    bool http10() const { return http10_; }

private:
    void on_request_impl(http::verb, beast::string_view method, beast::string_view target,
                         int version, beast::error_code&) override
    {
        request_.method = view(method);
        target_ = view(target);
        http10_ = version == 10;
    }
    void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                       beast::error_code& error) override
    {
        request_.headers.emplace_back(view(name), view(value));
        if (too_many())
            error = http::error::header_limit;
    }
    void on_header_impl(beast::error_code&) override {}
    void on_finish_impl(beast::error_code&) override {}
    // Never called: the body is skipped.
    void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, beast::error_code&) override {}
    std::size_t on_body_impl(beast::string_view, beast::error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, beast::error_code&) override
    {
        return 0;
    }

    HttpRequest& request_;
    std::string& target_;
    std::size_t most_headers_;
    bool http10_ = false;
};

/// What is wrong with the lines of a head, or nothing. `head` ends in an empty line.
std::string_view fault_of_lines(std::string_view head)
{
    for (std::size_t at = 0; at < head.size(); ++at) {
        if (head[at] == '\0')
            return "it holds a NUL byte";
        if (head[at] == '\n' && (at == 0 || head[at - 1] != '\r'))
            return "a line ends in a line feed alone";
        if (head[at] == '\r' && (at + 1 == head.size() || head[at + 1] != '\n'))
            return "it holds a carriage return alone";
        if (at >= 2 && head[at - 1] == '\n' && (head[at] == ' ' || head[at] == '\t'))
            return "a header goes on in another line";
    }
    return {};
}

/// Cuts "http://host" off a target in absolute form, which servers have to take.
std::string_view origin_form(std::string_view target)
{
    constexpr std::string_view kScheme = "http://";
    if (target.size() < kScheme.size() ||
        !equal_in_any_case(target.substr(0, kScheme.size()), kScheme))
        return target;
    target.remove_prefix(kScheme.size());
    auto const slash = target.find_first_of("/?");
    return slash == std::string_view::npos || target[slash] == '?' ? std::string_view{}
                                                                   : target.substr(slash);
}

/// A size in hexadecimal at the front of a chunk's line, and that nothing but an extension follows.
bool read_chunk_size(std::string_view line, std::size_t& size)
{
    auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error != std::errc() || end == line.data())
        return false;
    auto rest = line.substr(static_cast<std::size_t>(end - line.data()));
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    return (rest.empty() || rest.front() == ';') && std::ranges::none_of(rest, [](char c) {
               return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
           });
}

} // namespace

std::string_view HttpRequest::header(std::string_view name) const
{
    for (auto const& [key, value] : headers)
        if (equal_in_any_case(key, name))
            return value;
    return {};
}

std::size_t HttpRequest::header_count(std::string_view name) const
{
    return static_cast<std::size_t>(std::ranges::count_if(
        headers, [&](auto const& one) { return equal_in_any_case(one.first, name); }));
}

std::size_t RequestReader::held_bytes() const
{
    std::size_t bytes = request_.body.capacity() + target_.capacity();
    for (auto const& [key, value] : request_.headers)
        bytes += sizeof(std::pair<std::string, std::string>) + key.size() + value.size();
    return bytes;
}

RequestReader::Reading RequestReader::read(std::string_view bytes)
{
    std::size_t used = 0;
    while (true) {
        auto const before = used;
        auto const state = state_;
        auto const done = step(bytes.substr(used), used);
        if (done != Step::more || (used == before && state_ == state))
            return {done, used};
    }
}

RequestReader::Step RequestReader::step(std::string_view bytes, std::size_t& used)
{
    switch (state_) {
    case State::head:
        return read_head(bytes, used);
    case State::counted:
        return take_body(bytes, used, State::whole);
    case State::chunk_line:
        return read_chunk_line(bytes, used);
    case State::chunk:
        return take_body(bytes, used, State::chunk_end);
    case State::chunk_end:
    case State::last_line:
        return read_line_end(bytes, used);
    case State::whole:
        return Step::whole;
    case State::refused:
        return Step::refused;
    }
    return Step::refused;
}

RequestReader::Step RequestReader::read_head(std::string_view bytes, std::size_t& used)
{
    // Old clients send a line end too many after a body.
    if (!skipped_blank_ && !begun_ && bytes.starts_with("\r\n")) {
        skipped_blank_ = true;
        used += 2;
        return Step::more;
    }
    if (bytes.empty() || (!skipped_blank_ && bytes == "\r"))
        return Step::more;
    begun_ = true;
    if (bytes.front() == kTlsHandshake)
        return refuse(400, "This port speaks HTTP, not HTTPS: use an endpoint URL with http://");
    bool const is_letter = (bytes.front() >= 'A' && bytes.front() <= 'Z') ||
                           (bytes.front() >= 'a' && bytes.front() <= 'z');
    if (!is_letter)
        return refuse(400, "The request is not well-formed HTTP: it begins with no method");
    auto const end = bytes.find("\r\n\r\n", searched_ < 3 ? 0 : searched_ - 3);
    if (std::min(end, bytes.size()) > limits_.header_bytes)
        return refuse(431, fmt::format("The request's headers have more than {} bytes",
                                       limits_.header_bytes));
    if (end == std::string_view::npos) {
        searched_ = bytes.size();
        return Step::more;
    }
    used += end + 4;
    return parse_head(bytes.substr(0, end + 4));
}

RequestReader::Step RequestReader::parse_head(std::string_view head)
{
    if (auto const fault = fault_of_lines(head); !fault.empty())
        return refuse(400, fmt::format("The request is not well-formed HTTP: {}", fault));
    HeadParser parser(request_, target_, limits_.headers);
    beast::error_code error;
    parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
    if (parser.too_many())
        return refuse(431, fmt::format("The request has more than {} headers", limits_.headers));
    if (error == http::error::bad_version)
        return refuse(505, "The request is not HTTP/1.1 or HTTP/1.0");
    if (error)
        return refuse(400, fmt::format("The request is not well-formed HTTP: {}", error.message()));
    http10_ = parser.http10();
    keep_alive_ = parser.keep_alive();
    auto const target = origin_form(target_);
    if (!target.starts_with('/') || target.find('#') != std::string_view::npos)
        return refuse(400, "The request's target is not a path");
    auto const mark = std::min(target.find('?'), target.size());
    request_.path = target.substr(0, mark);
    request_.query = target.substr(std::min(mark + 1, target.size()));
    target_ = std::string();
    return frame();
}

/// Decides how long the body is.
RequestReader::Step RequestReader::frame()
{
    auto const lengths = request_.header_count("content-length");
    auto const codings = request_.header_count("transfer-encoding");
    if (request_.header_count("host") > 1 || (request_.header_count("host") == 0 && !http10_))
        return refuse(400, "The request must have one Host header");
    if (lengths > 1 || (lengths == 1 && codings > 0))
        return refuse(400, "The request gives the length of its body twice");
    if (codings > 0 && http10_)
        return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    if (codings > 1 ||
        (codings == 1 && !equal_in_any_case(request_.header("transfer-encoding"), "chunked")))
        return refuse(501, "The only Transfer-Encoding that is taken is chunked");
    auto const expect = request_.header("expect");
    expects_ = !http10_ && equal_in_any_case(expect, "100-continue");
    if (!expect.empty() && !equal_in_any_case(expect, "100-continue"))
        return refuse(417, "The only Expect that is taken is 100-continue");
    if (codings == 1) {
        state_ = State::chunk_line;
        return body_follows();
    }
    if (lengths == 1) {
        auto const text = request_.header("content-length");
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), left_);
        if (error == std::errc::result_out_of_range)
            return too_large();
        if (error != std::errc() || end != text.data() + text.size())
            return refuse(400, "The Content-Length is not a number");
    }
    if (left_ > limits_.body_bytes)
        return too_large();
    state_ = left_ == 0 ? State::whole : State::counted;
    return left_ == 0 ? Step::whole : body_follows();
}

RequestReader::Step RequestReader::body_follows()
{
    return std::exchange(expects_, false) ? Step::expectant : Step::more;
}

RequestReader::Step RequestReader::take_body(std::string_view bytes, std::size_t& used, State next)
{
    auto const part = bytes.substr(0, left_);
    // The whole of what was announced at once: growing by doubling would copy it again and again.
    // Not before a good part of it is here, though: announcing costs nothing.
    if (request_.body.size() + part.size() > (16U << 10))
        request_.body.reserve(request_.body.size() + left_);
    request_.body += part;
    used += part.size();
    left_ -= part.size();
    if (left_ == 0)
        state_ = next;
    return state_ == State::whole ? Step::whole : Step::more;
}

RequestReader::Step RequestReader::read_chunk_line(std::string_view bytes, std::size_t& used)
{
    auto const end = bytes.substr(0, kChunkLineBytes + 2).find("\r\n");
    if (end == std::string_view::npos)
        return bytes.size() < kChunkLineBytes + 2
                   ? Step::more
                   : refuse(400, "A chunk of the body begins with too long a line");
    std::size_t size = 0;
    if (!read_chunk_size(bytes.substr(0, end), size))
        return refuse(400, "A chunk of the body does not begin with its size");
    used += end + 2;
    framing_ += end + 4;
    if (framing_ > limits_.body_bytes)
        return refuse(400, "The body comes in too many chunks");
    if (size > limits_.body_bytes || request_.body.size() + size > limits_.body_bytes)
        return too_large();
    left_ = size;
    state_ = size == 0 ? State::last_line : State::chunk;
    return Step::more;
}

RequestReader::Step RequestReader::read_line_end(std::string_view bytes, std::size_t& used)
{
    constexpr std::string_view kLineEnd = "\r\n";
    if (bytes.size() < 2 && kLineEnd.starts_with(bytes))
        return Step::more;
    if (!bytes.starts_with(kLineEnd))
        return state_ == State::last_line
                   ? refuse(400, "Trailer fields after the body are not taken")
                   : refuse(400, "A chunk of the body is longer than its size");
    used += 2;
    state_ = state_ == State::last_line ? State::whole : State::chunk_line;
    return state_ == State::whole ? Step::whole : Step::more;
}

RequestReader::Step RequestReader::refuse(int status, std::string sentence)
{
    state_ = State::refused;
    keep_alive_ = false;
    status_ = status;
    sentence_ = std::move(sentence);
    request_.body = std::string();
    return Step::refused;
}

RequestReader::Step RequestReader::too_large()
{
    return refuse(413, fmt::format("The request body has more than {} bytes", limits_.body_bytes));
}

} // namespace karat::api
