// SPDX-License-Identifier: Apache-2.0
#include "admin_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace karat::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint64_t kMaxAnswerBytes = 64 << 20;

/// The daemon's answer to one request, whatever its status.
Result<http::response<http::string_body>> exchange(std::string const& socket_path,
                                                   std::string const& verb, std::string const& body)
{
    asio::io_context context;
    asio::local::stream_protocol::socket socket(context);
    beast::error_code error;
    socket.connect(asio::local::stream_protocol::endpoint(socket_path), error);
    if (error)
        return fail(Fault::unavailable, fmt::format("No daemon answers at {} ({}); start karatd, "
                                                    "or name its data directory with --data",
                                                    socket_path, error.message()));
    http::request<http::string_body> request(http::verb::post, "/v1/" + verb, 11);
    request.set(http::field::host, "karat");
    request.set(http::field::content_type, "application/json");
    request.body() = body;
    request.prepare_payload();
    http::write(socket, request, error);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxAnswerBytes);
    if (!error)
        http::read(socket, buffer, parser, error);
    if (error)
        return fail(Fault::unavailable, fmt::format("The daemon at {} did not answer: {}",
                                                    socket_path, error.message()));
    return parser.release();
}

} // namespace

Result<nlohmann::json> ask(std::string const& socket_path, std::string const& verb,
                           nlohmann::json const& request)
{
    auto const reply = TRY(exchange(socket_path, verb, request.dump()));
    auto answer = nlohmann::json::parse(reply.body(), nullptr, false);
    if (answer.is_discarded())
        return fail(Fault::corrupt,
                    "The daemon's answer is not JSON; do karat and karatd have the same version?");
    if (reply.result() != http::status::ok)
        return fail(Fault::invalid, answer.value("message", "The daemon refused"));
    return answer;
}

} // namespace karat::cli
