// SPDX-License-Identifier: Apache-2.0
// The only file that knows Boost.Beast. Two kinds of threads: one that moves bytes (Asio's loop),
// and a bounded pool that runs handlers, so that a slow call never keeps another from being read.
#include "http.hpp"

#include "karat/log.hpp"
#include "karat/mutex.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace karat::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kSmallBodyBytes = 4 << 10;
constexpr std::size_t kReadBytes = 64 << 10;

bool same_name(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

HttpRequest convert(http::request<http::string_body> message, std::string peer)
{
    HttpRequest request;
    request.method = std::string(message.method_string());
    auto const target = std::string(message.target());
    auto const mark = target.find('?');
    request.path = target.substr(0, mark);
    request.query = mark == std::string::npos ? "" : target.substr(mark + 1);
    for (auto const& field : message)
        request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.body = std::move(message.body());
    request.peer = std::move(peer);
    return request;
}

http::response<http::string_body> convert(HttpReply reply, unsigned version, bool keep_alive,
                                          bool head)
{
    http::response<http::string_body> message(static_cast<http::status>(reply.status), version);
    message.set(http::field::server, "karat");
    message.set(http::field::content_type, reply.content_type);
    for (auto const& [name, value] : reply.headers)
        message.set(name, value);
    message.keep_alive(keep_alive);
    auto const length = reply.body.size();
    if (!head)
        message.body() = std::move(reply.body);
    message.content_length(length);
    return message;
}

/// What a connection shares with its server: counted, and closed when its listener goes.
class Connection {
public:
    virtual ~Connection() = default;
    virtual void close() = 0;
};

/// One listener and the connections it accepted.
struct Listener {
    HttpRoute route;
    std::set<Connection*> connections; // on the loop's thread only
    std::function<void()> close_acceptor;
};

/// One connection: read, handle on the pool, write, again.
template <class Protocol>
class Session final : public Connection, public std::enable_shared_from_this<Session<Protocol>> {
public:
    using Socket = typename Protocol::socket;
    using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;

    Session(Socket socket, std::shared_ptr<Listener> listener, asio::thread_pool& pool,
            std::string peer)
        : stream_(std::move(socket))
        , listener_(std::move(listener))
        , pool_(pool)
        , peer_(std::move(peer))
    {
        listener_->connections.insert(this);
    }
    ~Session() override { listener_->connections.erase(this); }

    void close() override { stream_.close(); }
    void read()
    {
        parser_.emplace();
        parser_->body_limit(listener_->route.limits.body_bytes);
        parser_->header_limit(static_cast<std::uint32_t>(listener_->route.limits.header_bytes));
        stream_.expires_after(std::chrono::seconds(listener_->route.limits.idle_seconds));
        http::async_read_header(
            stream_, buffer_, *parser_,
            [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                self->on_header(error);
            });
    }

private:
    void on_header(beast::error_code error)
    {
        if (error)
            return on_request(error);
        if (same_name(std::string_view(parser_->get()[http::field::expect]), "100-continue"))
            return send_continue();
        read_body();
    }

    /// The client waits for a word before it sends its body.
    void send_continue()
    {
        continue_.emplace(http::status::continue_, parser_->get().version());
        http::async_write(stream_, *continue_,
                          [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                              if (!error)
                                  self->read_body();
                          });
    }

    void read_body()
    {
        // Beast reads as much at a time as the buffer has room for, or else 512 bytes.
        if (parser_->content_length_remaining().value_or(0) > kSmallBodyBytes)
            buffer_.reserve(kReadBytes);
        http::async_read(stream_, buffer_, *parser_,
                         [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                             self->on_request(error);
                         });
    }

    void on_request(beast::error_code error)
    {
        if (error == http::error::end_of_stream || error == asio::error::operation_aborted ||
            error == beast::error::timeout || error == asio::error::connection_reset)
            return stream_.close();
        if (error)
            return refuse(error);
        auto message = parser_->release();
        version_ = message.version();
        keep_alive_ = message.keep_alive();
        head_ = message.method() == http::verb::head;
        asio::post(pool_, [self = this->shared_from_this(),
                           request = convert(std::move(message), peer_)]() mutable {
            auto reply = self->listener_->route.handle(std::move(request));
            auto const loop = self->stream_.get_executor();
            // Handed on, not shared: the session must end on the loop's thread, not on this one.
            asio::post(loop, [self = std::move(self), reply = std::move(reply)]() mutable {
                self->write(std::move(reply));
            });
        });
    }

    /// The rest of the request is unread, so the connection ends after the answer.
    void refuse(beast::error_code error)
    {
        bool const large = error == http::error::body_limit;
        bool const wide = error == http::error::header_limit;
        auto const sentence =
            large  ? fmt::format("The request body has more than {} bytes",
                                 listener_->route.limits.body_bytes)
            : wide ? fmt::format("The request's headers have more than {} bytes",
                                 listener_->route.limits.header_bytes)
                   : fmt::format("The request is not well-formed HTTP: {}", error.message());
        keep_alive_ = false;
        linger_ = large;
        write(listener_->route.refuse(large ? 413 : wide ? 431 : 400, sentence));
    }

    void write(HttpReply reply)
    {
        reply_ = convert(std::move(reply), version_, keep_alive_, head_);
        stream_.expires_after(std::chrono::seconds(listener_->route.limits.idle_seconds));
        http::async_write(stream_, reply_,
                          [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                              self->after_write(error);
                          });
    }

    void after_write(beast::error_code error)
    {
        if (!error && keep_alive_)
            return read();
        if (!error && linger_)
            return drain();
        beast::error_code ignored;
        stream_.socket().shutdown(Protocol::socket::shutdown_send, ignored);
        stream_.close();
    }

    /// Reads a bounded rest of a refused body away: a reset before the client read our answer would
    /// hide the answer.
    void drain()
    {
        if (drained_bytes_ > 16 * listener_->route.limits.body_bytes)
            return stream_.close();
        stream_.expires_after(std::chrono::seconds(5));
        buffer_.clear();
        stream_.async_read_some(
            buffer_.prepare(64 << 10),
            [self = this->shared_from_this()](beast::error_code error, std::size_t got) {
                self->drained_bytes_ += got;
                error ? self->stream_.close() : self->drain();
            });
    }

    Stream stream_;
    std::shared_ptr<Listener> listener_;
    asio::thread_pool& pool_;
    std::string peer_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::empty_body>> continue_;
    http::response<http::string_body> reply_;
    unsigned version_ = 11;
    bool keep_alive_ = false;
    bool head_ = false;
    bool linger_ = false;
    std::size_t drained_bytes_ = 0;
};

std::string peer_of(asio::ip::tcp::socket const& socket)
{
    beast::error_code error;
    auto const endpoint = socket.remote_endpoint(error);
    return error ? "" : endpoint.address().to_string();
}
std::string peer_of(asio::local::stream_protocol::socket const&) { return ""; }

template <class Protocol>
class Acceptor final : public std::enable_shared_from_this<Acceptor<Protocol>> {
public:
    Acceptor(asio::io_context& loop, asio::thread_pool& pool, std::shared_ptr<Listener> listener)
        : acceptor_(loop)
        , pool_(pool)
        , listener_(std::move(listener))
    {
    }

    beast::error_code open(typename Protocol::endpoint const& endpoint)
    {
        beast::error_code error;
        acceptor_.open(endpoint.protocol(), error);
        // A unix socket's file gets the mode of its descriptor (unix(7)): nobody else may connect.
        // Never by the umask, which changes what other threads create meanwhile.
        if (!error && ::fchmod(acceptor_.native_handle(), S_IRUSR | S_IWUSR) != 0)
            error.assign(errno, asio::error::get_system_category());
        if (!error)
            acceptor_.set_option(asio::socket_base::reuse_address(true), error);
        if (!error)
            acceptor_.bind(endpoint, error);
        if (!error)
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        return error;
    }
    auto endpoint() const { return acceptor_.local_endpoint(); }
    void close()
    {
        beast::error_code ignored;
        acceptor_.close(ignored);
    }
    void accept()
    {
        acceptor_.async_accept(
            [self = this->shared_from_this()](beast::error_code error, auto socket) {
                if (error == asio::error::operation_aborted)
                    return;
                if (!error)
                    self->take(std::move(socket));
                self->accept();
            });
    }

private:
    void take(typename Protocol::socket socket)
    {
        if (listener_->connections.size() >= listener_->route.limits.connections)
            return; // closes it: the bound is finite
        auto peer = peer_of(socket);
        std::make_shared<Session<Protocol>>(std::move(socket), listener_, pool_, std::move(peer))
            ->read();
    }

    typename Protocol::acceptor acceptor_;
    asio::thread_pool& pool_;
    std::shared_ptr<Listener> listener_;
};

class BeastServer final : public HttpServer {
public:
    explicit BeastServer(int workers)
        : pool_(static_cast<std::size_t>(workers))
        , work_(asio::make_work_guard(loop_))
        , thread_([this] { loop_.run(); })
    {
    }
    ~BeastServer() override
    {
        asio::post(loop_, [this] {
            for (auto& listener : listeners_)
                close_listener(*listener);
        });
        pool_.join(); // handlers end; their answers are posted to a loop that still runs
        work_.reset();
        thread_.join();
        for (auto const& [name, entry] : unix_)
            ::unlink(entry.path.c_str());
    }

    Result<std::uint16_t> listen_tcp(std::string const& address, std::uint16_t port,
                                     HttpRoute route) override
    {
        beast::error_code error;
        auto const host = asio::ip::make_address(address, error);
        if (error)
            return fail(Fault::invalid,
                        fmt::format("'{}' is not an IP address to listen on", address));
        auto const started = TRY(start<asio::ip::tcp>({host, port}, std::move(route),
                                                      fmt::format("{} port {}", address, port)));
        return started.acceptor->endpoint().port();
    }

    Result<void> listen_unix(std::string const& path, HttpRoute route,
                             std::string const& name) override
    {
        if (path.size() >= sizeof(sockaddr_un::sun_path))
            return fail(Fault::invalid, fmt::format("The socket path {} is too long", path));
        close_unix(name);
        ::unlink(path.c_str());
        auto const started =
            TRY(start<asio::local::stream_protocol>({path}, std::move(route), path));
        Lock const guard(mutex_);
        unix_[name] = {path, started.listener};
        return {};
    }

    void close_unix(std::string const& name) override
    {
        UnixEntry entry;
        {
            Lock const guard(mutex_);
            auto const found = unix_.find(name);
            if (found == unix_.end())
                return;
            entry = found->second;
            unix_.erase(found);
        }
        asio::post(loop_, [this, listener = entry.listener] {
            close_listener(*listener);
            std::erase(listeners_, listener);
        });
        ::unlink(entry.path.c_str());
    }

private:
    struct UnixEntry {
        std::string path;
        std::shared_ptr<Listener> listener;
    };

    template <class Protocol>
    struct Started {
        std::shared_ptr<Acceptor<Protocol>> acceptor;
        std::shared_ptr<Listener> listener;
    };

    template <class Protocol>
    Result<Started<Protocol>> start(typename Protocol::endpoint const& endpoint, HttpRoute route,
                                    std::string const& what)
    {
        auto listener = std::make_shared<Listener>();
        listener->route = std::move(route);
        auto acceptor = std::make_shared<Acceptor<Protocol>>(loop_, pool_, listener);
        if (auto const error = acceptor->open(endpoint))
            return fail(error == asio::error::address_in_use ? Fault::unavailable : Fault::io,
                        fmt::format("Cannot listen on {}: {}", what, error.message()));
        listener->close_acceptor = [acceptor] { acceptor->close(); };
        asio::post(loop_, [this, listener, acceptor] {
            listeners_.push_back(listener);
            acceptor->accept();
        });
        return Started<Protocol>{acceptor, listener};
    }

    static void close_listener(Listener& listener)
    {
        // Once, and then forgotten: it holds the acceptor, which holds the listener.
        if (auto const close = std::exchange(listener.close_acceptor, {}))
            close();
        for (auto* const connection : listener.connections)
            connection->close();
    }

    asio::io_context loop_;
    asio::thread_pool pool_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::vector<std::shared_ptr<Listener>> listeners_; // on the loop's thread only
    Mutex mutex_;
    std::map<std::string, UnixEntry> unix_ GUARDED_BY(mutex_);
    std::jthread thread_; // last: it uses all of the above
};

} // namespace

std::string_view HttpRequest::header(std::string_view name) const
{
    for (auto const& [key, value] : headers)
        if (same_name(key, name))
            return value;
    return {};
}

std::unique_ptr<HttpServer> HttpServer::create(int workers)
{
    return std::make_unique<BeastServer>(workers);
}

} // namespace karat::api
