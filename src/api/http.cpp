// SPDX-License-Identifier: Apache-2.0
// Sockets and the loop. One thread moves bytes of all connections (epoll, edge-triggered), the
// workers run handlers, so that a slow call never keeps another from being read. The loop allocates
// nothing but what belongs to one connection: where that fails, that connection ends (decision
// 031).
#include "http.hpp"

#include "http_sockets.hpp"
#include "http_workers.hpp"

#include "karat/log.hpp"
#include "karat/thread.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <span>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace karat::api {
namespace {

namespace asio = boost::asio;
using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr std::size_t kReadBytes = 64 << 10;
constexpr int kReadsInTurn = 16;           // then others get theirs
constexpr int kAcceptsInTurn = 16;         // likewise
constexpr std::size_t kDroppedInTurn = 16; // overdue ones; closing a socket takes its time
constexpr std::size_t kClosedForWant = 8;  // idle connections, when descriptors have run out
constexpr nanoseconds kAcceptPause = 100ms;
constexpr nanoseconds kSaidForWant = 60s;
constexpr nanoseconds kLastWords = 3s; // for clients to read their replies when the server ends
constexpr std::uint32_t kConnectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/// Whether accept() failed for want of descriptors or memory, not for what became of one client.
bool is_want(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/// One that a worker has counts as a stranger's: nothing is done for it.
bool is_of_known_caller(epoll_event const& event)
{
    auto const* const polled = static_cast<Polled const*>(event.data.ptr);
    if (polled->kind != Polled::Kind::connection)
        return false;
    auto const& connection = *static_cast<Connection const*>(polled);
    return !ConnectionTable::is_handled(connection) && connection.session.known();
}

struct Listener : Polled {
    Listener(HttpRoute the_route, Fd the_fd)
        : Polled{Kind::listener}
        , route(std::move(the_route))
        , table(route)
        , fd(std::move(the_fd))
    {
    }
    HttpRoute const route;
    ConnectionTable table;
    Fd fd;
    std::string path;                 ///< Of a unix socket.
    std::atomic<bool> closing{false}; ///< Said by any thread; the loop closes.
    bool is_watched = false;          ///< epoll knows it.
    std::optional<nanoseconds> paused_until;
};

class EpollServer final : public HttpServer {
public:
    EpollServer(Clock& clock, HttpThreads threads, Fd poll, Fd wake)
        : clock_(clock)
        , poll_(std::move(poll))
        , wake_(std::move(wake))
        , workers_(clock, threads, [this] { wake_loop(); })
    {
        if (!watch(EPOLL_CTL_ADD, wake_, &wake_mark_, EPOLLIN))
            throw std::system_error(errno, std::generic_category());
        thread_ = Thread("http", Thread::OnThrow::go_on, [this](std::stop_token const&) { run(); });
    }
    ~EpollServer() override { stop(); }

    void stop() override
    {
        ending_ = true;
        wake_loop();
        if (thread_.joinable())
            thread_.join();
        workers_.stop();
        Lock const guard(mutex_);
        for (auto const& [name, entry] : unix_)
            ::unlink(entry.path.c_str());
        unix_.clear();
    }

    Result<std::uint16_t> listen_tcp(std::string const& address, std::uint16_t port,
                                     HttpRoute route) override
    {
        boost::system::error_code error;
        auto const host = asio::ip::make_address(address, error);
        if (error)
            return fail(Fault::invalid,
                        fmt::format("'{}' is not an IP address to listen on", address));
        auto fd = TRY(listen_on(asio::ip::tcp::endpoint(host, port),
                                fmt::format("{} port {}", address, port)));
        auto const taken = TRY(port_of(fd));
        add(std::make_unique<Listener>(std::move(route), std::move(fd)), {});
        return taken;
    }

    Result<void> listen_unix(std::string const& path, HttpRoute route,
                             std::string const& name) override
    {
        if (path.size() >= sizeof(sockaddr_un::sun_path))
            return fail(Fault::invalid, fmt::format("The socket path {} is too long", path));
        close_unix(name);
        ::unlink(path.c_str());
        auto fd = TRY(listen_on(path));
        auto listener = std::make_unique<Listener>(std::move(route), std::move(fd));
        listener->path = path;
        add(std::move(listener), name);
        return {};
    }

    void close_unix(std::string const& name) override
    {
        std::string path;
        {
            Lock const guard(mutex_);
            auto const found = unix_.find(name);
            if (found == unix_.end())
                return;
            path = found->second.path;
            found->second.listener->closing = true;
            unix_.erase(found); // the loop frees it from here on
        }
        ::unlink(path.c_str());
        wake_loop();
    }

    HttpCounts counts() const override { return {connections_, held_bytes_}; }
    std::vector<std::string> running() const override { return workers_.running(); }

private:
    struct UnixName {
        Listener* listener; ///< Lives until `closing` is said, or the loop has ended.
        std::string path;
    };

    void wake_loop() const
    {
        std::uint64_t const one = 1;
        while (::write(wake_.get(), &one, sizeof one) < 0 && errno == EINTR) {
        }
    }

    bool watch(int how, Fd const& fd, Polled* what, std::uint32_t events) const
    {
        epoll_event event{};
        event.events = events;
        event.data.ptr = what;
        return ::epoll_ctl(poll_.get(), how, fd.get(), &event) == 0;
    }

    /// Hands a listener to the loop; one with a name can be closed by it.
    void add(std::unique_ptr<Listener> listener, std::string const& name)
    {
        auto* const raw = listener.get();
        std::list<std::unique_ptr<Listener>> one;
        one.push_back(std::move(listener));
        {
            Lock const guard(mutex_);
            if (!name.empty())
                unix_[name] = {raw, raw->path};
            arriving_.splice(arriving_.end(), one);
        }
        wake_loop();
    }

    /// The loop's thread. What belongs to a connection is done within guarded(); the rest of it
    /// allocates nothing.
    void run()
    {
        std::array<epoll_event, 64> events{};
        while (!has_ended()) {
            int const count = ::epoll_wait(poll_.get(), events.data(),
                                           static_cast<int>(events.size()), wait_ms());
            now_ = clock_.steady();
            std::span const those(events.data(), static_cast<std::size_t>(std::max(count, 0)));
            // Whoever is known is not kept waiting by strangers, nor is a reply.
            auto const strangers = std::partition(those.begin(), those.end(), is_of_known_caller);
            std::for_each(those.begin(), strangers, [this](auto const& one) { on_event(one); });
            take_answers();
            std::for_each(strangers, those.end(), [this](auto const& one) { on_event(one); });
            take_answers();
            look_after_listeners();
        }
    }

    void on_event(epoll_event const& event)
    {
        auto* const polled = static_cast<Polled*>(event.data.ptr);
        switch (polled->kind) {
        case Polled::Kind::wake: {
            std::uint64_t count = 0;
            [[maybe_unused]] auto const got = ::read(wake_.get(), &count, sizeof count);
            return;
        }
        case Polled::Kind::listener:
            return accept(*static_cast<Listener*>(polled));
        case Polled::Kind::connection: {
            auto& connection = *static_cast<Connection*>(polled);
            // One that a worker has is looked at when it comes back.
            if (connection.fd.open() && !ConnectionTable::is_handled(connection))
                guarded(connection);
            return;
        }
        }
    }

    /// Moves bytes. The barrier: what this throws ends this connection and nothing else.
    void guarded(Connection& connection) noexcept
    {
        try {
            pump(connection);
        } catch (std::exception const&) {
            connection.session.close();
            connection.table.settle(connection, now_);
        }
        dispatch(connection.table);
    }

    /// Reads and writes until the socket has no more, or the turn is over.
    void pump(Connection& connection)
    {
        for (int turn = 0; connection.fd.open(); ++turn) {
            auto const phase = connection.session.phase();
            bool const writes = phase == HttpSession::Phase::writing;
            bool const reads = phase == HttpSession::Phase::waiting ||
                               phase == HttpSession::Phase::receiving ||
                               phase == HttpSession::Phase::draining;
            if (turn == kReadsInTurn && reads) { // asking anew makes a new event if there is more
                if (!watch(EPOLL_CTL_MOD, connection.fd, &connection, kConnectionEvents)) {
                    connection.session.close(); // nothing would ever tell of its bytes
                    connection.table.settle(connection, now_);
                }
                return;
            }
            bool const goes_on =
                writes ? send_some(connection) : reads && read_some(connection, buffer_);
            connection.table.settle(connection, now_);
            if (!goes_on)
                return;
        }
    }

    /// Gives the workers what is ready.
    void dispatch(ConnectionTable& table)
    {
        ConnectionTable::List ready;
        while (auto* const connection = table.next_ready(now_)) {
            try {
                table.hand_over(*connection, ready, now_);
            } catch (std::exception const&) {
                connection->session.close();
                table.settle(*connection, now_);
            }
        }
        workers_.submit(ready);
    }

    void take_answers()
    {
        auto done = workers_.take_done();
        while (!done.empty())
            guarded(done.front().table.take_back(done, now_));
    }

    void accept(Listener& listener)
    {
        for (int i = 0; i < kAcceptsInTurn; ++i) {
            if (!listener.table.may_accept(now_))
                return pause(listener);
            try {
                auto accepted =
                    accept_one(listener.fd, listener.path.empty() ? Family::tcp : Family::local);
                if (!accepted.fd.open()) {
                    if (errno == EAGAIN || errno == EWOULDBLOCK)
                        return;
                    if (is_want(errno))
                        return out_of_descriptors(listener, errno);
                    continue; // of a connection that has ended meanwhile
                }
                take(listener, std::move(accepted));
            } catch (std::exception const&) {
                continue; // no memory for it: it is closed
            }
        }
    }

    void take(Listener& listener, Accepted accepted)
    {
        auto* const connection =
            listener.table.add(std::move(accepted.fd), std::move(accepted.peer), now_);
        if (connection == nullptr)
            return;
        if (!watch(EPOLL_CTL_ADD, connection->fd, connection, kConnectionEvents)) {
            connection->session.close();
            listener.table.settle(*connection, now_);
        }
    }

    /// Lets newcomers wait in the kernel's queue.
    void pause(Listener& listener)
    {
        listener.paused_until = now_ + kAcceptPause;
        watch(EPOLL_CTL_MOD, listener.fd, &listener, 0);
    }

    /// Asks for newcomers; where the system has no memory for that, again a little later.
    void resume(Listener& listener)
    {
        auto const how = listener.is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        if (!watch(how, listener.fd, &listener, EPOLLIN)) {
            listener.paused_until = now_ + kAcceptPause;
            return;
        }
        listener.is_watched = true;
        listener.paused_until.reset();
    }

    /// The system gives no more connections. Trying on would only burn time.
    void out_of_descriptors(Listener& listener, int code)
    {
        pause(listener);
        for (auto const& one : listeners_)
            one->table.close_idle(kClosedForWant);
        if (now_ < want_said_until_)
            return;
        want_said_until_ = now_ + kSaidForWant;
        try {
            log(Level::error, "http.no_descriptors",
                {{"message", std::strerror(code)},
                 {"advice", "idle connections are closed; raise the limit of open files"}});
        } catch (std::exception const&) {
            return; // nobody can be told
        }
    }

    void look_after_listeners()
    {
        {
            Lock const guard(mutex_);
            for (auto const& listener : arriving_)
                resume(*listener);
            listeners_.splice(listeners_.end(), arriving_);
        }
        HttpCounts all;
        for (auto at = listeners_.begin(); at != listeners_.end();) {
            auto& listener = **at;
            look_after(listener);
            all.connections += listener.table.size();
            all.held_bytes += listener.table.held_bytes();
            bool const done = listener.closing && listener.table.size() == 0;
            at = done ? listeners_.erase(at) : std::next(at);
        }
        connections_ = all.connections;
        held_bytes_ = all.held_bytes;
    }

    void look_after(Listener& listener)
    {
        auto& table = listener.table;
        table.expire(now_, kDroppedInTurn);
        if (ending_ || listener.closing) {
            listener.closing = true;
            listener.fd.reset();
            bool const politely = ending_ && now_ < ended_at_ + kLastWords;
            table.close_all(politely);
        } else if (listener.paused_until && now_ >= *listener.paused_until) {
            resume(listener);
        }
        dispatch(table);
        table.bury();
    }

    int wait_ms() const
    {
        auto wait = nanoseconds::max();
        for (auto const& listener : listeners_) {
            if (auto const next = listener->table.next_event(now_))
                wait = std::min(wait, *next);
            if (listener->paused_until)
                wait = std::min(wait, *listener->paused_until - now_);
        }
        if (ending_)
            wait = std::min<nanoseconds>(wait, 100ms);
        if (wait == nanoseconds::max())
            return -1;
        auto const ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
        return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000));
    }

    /// The listeners of a server that ends leave when their last connection does.
    bool has_ended()
    {
        if (ending_ && ended_at_ == nanoseconds{})
            ended_at_ = clock_.steady();
        Lock const guard(mutex_);
        return ending_ && listeners_.empty() && arriving_.empty();
    }

    Clock& clock_;
    Fd poll_;
    Fd wake_;
    Polled wake_mark_{Polled::Kind::wake};
    HttpWorkers workers_;
    std::atomic<bool> ending_{false};
    std::atomic<std::size_t> connections_{0};
    std::atomic<std::size_t> held_bytes_{0};
    Mutex mutex_;
    std::list<std::unique_ptr<Listener>> arriving_ GUARDED_BY(mutex_);
    std::map<std::string, UnixName> unix_ GUARDED_BY(mutex_);
    // On the loop's thread only.
    std::list<std::unique_ptr<Listener>> listeners_;
    nanoseconds now_{};
    nanoseconds ended_at_{};
    nanoseconds want_said_until_{};
    std::array<char, kReadBytes> buffer_{};
    Thread thread_; // last: it uses all of the above
};

} // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::create(Clock& clock, HttpThreads threads)
{
    Fd poll(::epoll_create1(EPOLL_CLOEXEC));
    Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!poll.open() || !wake.open())
        return fail(Fault::io, fmt::format("Cannot make a loop: {}", std::strerror(errno)));
    try {
        return std::unique_ptr<HttpServer>(
            std::make_unique<EpollServer>(clock, threads, std::move(poll), std::move(wake)));
    } catch (std::system_error const& problem) {
        return fail(Fault::io, fmt::format("Cannot start a server: {}", problem.what()));
    }
}

} // namespace karat::api
