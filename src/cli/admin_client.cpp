// SPDX-License-Identifier: Apache-2.0
#include "admin_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <sys/un.h>

namespace karat::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint64_t kMaxAnswerBytes = 64 << 20;
constexpr std::chrono::seconds kPatience{60};

/// Whether the verb is answered at once by a daemon that is well. The others may take hours.
bool is_quick(std::string_view verb)
{
    return verb == "status" || verb == "task" || verb.ends_with("-list");
}

/// Why no daemon answers at the socket, and what to do.
std::string why_not_connected(std::string const& socket_path, beast::error_code error)
{
    auto const data =
        std::filesystem::path(socket_path).parent_path().parent_path().lexically_normal().string();
    std::error_code looked;
    bool const is_there = std::filesystem::exists(data, looked);
    if (error == asio::error::access_denied || looked)
        return fmt::format("This user may not open {}; run karat as the user that the daemon runs "
                           "as, for example with sudo",
                           socket_path);
    if (!is_there)
        return fmt::format("There is no data directory {}; name the daemon's with --data or "
                           "KARAT_DATA",
                           data);
    return fmt::format("No daemon runs over {} ({}); start karatd, or name another data directory "
                       "with --data or KARAT_DATA",
                       data, error.message());
}

using Response = http::response_parser<http::string_body>;

/// Sends the request and reads the answer, for at most `patience` if given.
Result<void> talk(asio::io_context& context, asio::local::stream_protocol::socket& socket,
                  http::request<http::string_body>& request, Response& answer, bool quick)
{
    beast::flat_buffer buffer;
    beast::error_code error = asio::error::would_block;
    http::async_write(socket, request, [&](beast::error_code failed, std::size_t) {
        error = failed;
        if (!failed)
            http::async_read(socket, buffer, answer,
                             [&](beast::error_code ended, std::size_t) { error = ended; });
    });
    if (quick)
        context.run_for(kPatience);
    else
        context.run();
    if (!context.stopped()) {
        socket.close();
        context.run(); // the handlers end, which name what is on this stack
        return fail(Fault::unavailable,
                    fmt::format("The daemon does not answer within {} seconds: see its log, and "
                                "restart it if it hangs; guests run on",
                                kPatience.count()));
    }
    if (error)
        return fail(Fault::unavailable, "The daemon ended before it answered: " + error.message());
    return {};
}

/// The daemon's answer to one request, whatever its status.
Result<http::response<http::string_body>> exchange(std::string const& socket_path,
                                                   std::string const& verb, std::string const& body)
{
    if (socket_path.size() >= sizeof(sockaddr_un::sun_path))
        return fail(Fault::invalid,
                    fmt::format("The path {} is too long for a socket; no daemon can serve there",
                                socket_path));
    asio::io_context context;
    asio::local::stream_protocol::socket socket(context);
    beast::error_code error;
    if (socket.connect(asio::local::stream_protocol::endpoint(socket_path), error))
        return fail(Fault::unavailable, why_not_connected(socket_path, error));
    http::request<http::string_body> request(http::verb::post, "/v1/" + verb, 11);
    request.set(http::field::host, "karat");
    request.set(http::field::content_type, "application/json");
    request.body() = body;
    request.prepare_payload();
    Response answer;
    answer.body_limit(kMaxAnswerBytes);
    TRY(talk(context, socket, request, answer, is_quick(verb)));
    return answer.release();
}

} // namespace

Result<nlohmann::json> ask(std::string const& socket_path, std::string const& verb,
                           nlohmann::json const& request)
{
    auto const reply = TRY(exchange(socket_path, verb, request.dump()));
    auto answer = nlohmann::json::parse(reply.body(), nullptr, false);
    if (!answer.is_object())
        return fail(Fault::corrupt,
                    "The daemon's answer is not JSON; do karat and karatd have the same version?");
    if (reply.result() == http::status::not_found)
        return fail(Fault::unsupported,
                    fmt::format("The running karatd does not know '{}': it is of another version "
                                "than this karat. Restart it with the programs of one version",
                                verb));
    if (reply.result() != http::status::ok)
        return fail(Fault::invalid, answer.value("message", "The daemon refused"));
    return answer;
}

} // namespace karat::cli
