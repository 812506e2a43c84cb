// SPDX-License-Identifier: Apache-2.0
#include "one_request.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::net {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

/// What matters of a message's head.
struct Head {
    std::size_t bytes = 0; ///< With the empty line at its end.
    std::string_view first_line;
    std::string kept; ///< Its lines without those about the connection.
    std::optional<std::size_t> body_bytes;
    bool doubtful = false; ///< Lengths that contradict each other, or cannot be read.
};

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

void take_field(Head& head, std::string_view line)
{
    auto const colon = std::min(line.find(':'), line.size());
    auto const name = trimmed(line.substr(0, colon));
    if (equal_in_any_case(name, "Connection") || equal_in_any_case(name, "Keep-Alive") ||
        equal_in_any_case(name, "Expect"))
        return;
    if (equal_in_any_case(name, "Transfer-Encoding"))
        head.doubtful = true;
    if (equal_in_any_case(name, "Content-Length")) {
        auto const length =
            number_of<std::size_t>(trimmed(line.substr(std::min(colon + 1, line.size()))));
        head.doubtful = head.doubtful || head.body_bytes || !length;
        head.body_bytes = length;
    }
    head.kept += line;
    head.kept += kLineEnd;
}

/// Nothing while the head's end has not come.
std::optional<Head> read_head(std::string_view bytes)
{
    auto const end = bytes.find(kHeadEnd);
    if (end == std::string_view::npos)
        return std::nullopt;
    Head head;
    head.bytes = end + kHeadEnd.size();
    auto lines = bytes.substr(0, end + kLineEnd.size());
    head.first_line = lines.substr(0, lines.find(kLineEnd));
    lines.remove_prefix(head.first_line.size() + kLineEnd.size());
    while (!lines.empty()) {
        auto const line = lines.substr(0, lines.find(kLineEnd));
        take_field(head, line);
        lines.remove_prefix(line.size() + kLineEnd.size());
    }
    return head;
}

} // namespace

Request read_request(std::string_view bytes)
{
    auto const head = read_head(bytes);
    if (!head)
        return {bytes.size() > kMaxHeadBytes ? Reading::refused : Reading::incomplete};
    auto const body_bytes = head->body_bytes.value_or(0);
    if (head->bytes > kMaxHeadBytes || head->doubtful || body_bytes > kMaxRequestBodyBytes)
        return {Reading::refused};
    if (bytes.size() - head->bytes < body_bytes)
        return {};
    Request request{Reading::complete};
    request.head_only = head->first_line.starts_with("HEAD ");
    request.forwarded = fmt::format("{}\r\n{}Connection: close\r\n\r\n{}", head->first_line,
                                    head->kept, bytes.substr(head->bytes, body_bytes));
    return request;
}

Reading read_reply(std::string_view bytes, bool head_only, bool ended)
{
    if (bytes.size() > kMaxReplyBytes)
        return Reading::refused;
    auto const head = read_head(bytes);
    if (!head)
        return Reading::incomplete;
    if (head_only)
        return Reading::complete;
    if (!head->body_bytes || head->doubtful)
        return ended ? Reading::complete : Reading::incomplete;
    return bytes.size() - head->bytes >= *head->body_bytes ? Reading::complete
                                                           : Reading::incomplete;
}

std::string make_reply(std::string_view status)
{
    return fmt::format("HTTP/1.1 {0}\r\nContent-Type: text/plain\r\nContent-Length: {1}\r\n"
                       "Connection: close\r\n\r\n{0}\n",
                       status, status.size() + 1);
}

} // namespace karat::net
