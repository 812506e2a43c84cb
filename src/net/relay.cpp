// SPDX-License-Identifier: Apache-2.0
#include "relay.hpp"

#include "barrier.hpp"
#include "unix_listener.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace karat::net {
namespace {

using namespace std::chrono_literals;
using Instant = std::chrono::nanoseconds; ///< Of the steady clock.

constexpr Instant kGuestPatience = 10s; // for its request, and for taking its reply
constexpr Instant kDaemonPatience =
    10s; // a restart takes a tenth of a second, a busy host's longer
constexpr Instant kFirstPause = 10ms;
constexpr Instant kLongestPause = 200ms;
constexpr Instant kLongestSleep = 60s;
constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr int kBacklog = 64;

enum class Got : unsigned char { nothing, bytes, end };

/// Appends what has arrived.
Got receive(Fd const& fd, std::string& into)
{
    std::array<char, kPieceBytes> piece{};
    auto const got = ::recv(fd.get(), piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return Got::nothing;
    if (got <= 0)
        return Got::end;
    into.append(piece.data(), static_cast<std::size_t>(got));
    return Got::bytes;
}

/// Sends what it can from `sent` on, and moves it; false when the peer is gone.
bool send_rest(Fd const& fd, std::string const& text, std::size_t& sent)
{
    auto const put = ::send(fd.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR;
    sent += static_cast<std::size_t>(put);
    return true;
}

} // namespace

/// One connection of the guest's: its request is read, asked of the daemon as often as it takes,
/// and the reply given; then we wait for the guest to close, so that it gets all of it.
class Relay::Exchange {
public:
    Exchange(Fd guest, Instant now)
        : guest_(std::move(guest))
        , due_(now + kGuestPatience)
    {
    }
    bool over() const { return step_ == Step::over; }
    void give_up() { step_ = Step::over; }
    /// When something is to be done even if nothing is heard.
    Instant due() const { return step_ == Step::pausing ? std::min(due_, again_) : due_; }
    /// Two entries, always: the guest's and the daemon's; a descriptor of -1 is passed over.
    void poll_for(std::vector<pollfd>& polled) const
    {
        bool const hears_guest = step_ == Step::reading || step_ == Step::closing;
        short const guest = hears_guest ? POLLIN : step_ == Step::giving ? POLLOUT : 0;
        bool const asking = step_ == Step::asking;
        short const daemon = asked_ < request_.forwarded.size() ? POLLIN | POLLOUT : POLLIN;
        polled.push_back({guest == 0 ? -1 : guest_.get(), guest, 0});
        polled.push_back({asking ? daemon_.get() : -1, daemon, 0});
    }
    void take(short guest, short daemon, Instant now, std::string const& daemon_socket);

private:
    enum class Step : unsigned char { reading, asking, pausing, giving, closing, over };
    void read(Instant now, std::string const& daemon_socket);
    void ask(Instant now, std::string const& daemon_socket);
    void listen_to_daemon(Instant now);
    void pause(Instant now);
    void give(std::string reply, Instant now);
    void go_on_giving(Instant now);
    void run_out(Instant now);

    Step step_ = Step::reading;
    Fd guest_;
    Fd daemon_;
    std::string heard_; ///< Of the guest, then of the daemon.
    Request request_;
    std::size_t asked_ = 0; ///< How much of the request the daemon has been sent.
    std::string reply_;
    std::size_t given_ = 0;
    Instant due_;
    Instant again_{};
    Instant pause_ = kFirstPause;
};

void Relay::Exchange::take(short guest, short daemon, Instant now, std::string const& daemon_socket)
{
    switch (step_) {
    case Step::reading:
        if (guest != 0)
            read(now, daemon_socket);
        break;
    case Step::asking:
        if (daemon != 0)
            listen_to_daemon(now);
        break;
    case Step::pausing:
        if (now >= again_)
            ask(now, daemon_socket);
        break;
    case Step::giving:
        if (guest != 0)
            go_on_giving(now);
        break;
    case Step::closing:
        heard_.clear();
        if (guest != 0 && receive(guest_, heard_) == Got::end)
            step_ = Step::over;
        break;
    case Step::over:
        break;
    }
    if (now >= due_)
        run_out(now);
}

void Relay::Exchange::read(Instant now, std::string const& daemon_socket)
{
    auto const got = receive(guest_, heard_);
    request_ = read_request(heard_);
    switch (request_.reading) {
    case Reading::complete:
        due_ = now + kDaemonPatience;
        return ask(now, daemon_socket);
    case Reading::refused:
        return give(make_reply("400 Bad Request"), now);
    case Reading::incomplete:
        if (got == Got::end)
            step_ = Step::over;
        return;
    }
}

void Relay::Exchange::ask(Instant now, std::string const& daemon_socket)
{
    auto fd = connect_unix(daemon_socket);
    if (!fd.ok())
        return pause(now);
    daemon_ = std::move(fd).value();
    asked_ = 0;
    heard_.clear();
    step_ = Step::asking;
}

void Relay::Exchange::listen_to_daemon(Instant now)
{
    if (asked_ < request_.forwarded.size() && !send_rest(daemon_, request_.forwarded, asked_))
        return pause(now);
    auto const got = receive(daemon_, heard_);
    if (got == Got::nothing)
        return;
    switch (read_reply(heard_, request_.head_only, got == Got::end)) {
    case Reading::complete:
        return give(std::move(heard_), now);
    case Reading::refused:
        return give(make_reply("502 Bad Gateway"), now);
    case Reading::incomplete:
        if (got == Got::end) // it ended before it had answered
            pause(now);
        return;
    }
}

void Relay::Exchange::pause(Instant now)
{
    daemon_.reset();
    step_ = Step::pausing;
    again_ = now + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
}

void Relay::Exchange::give(std::string reply, Instant now)
{
    daemon_.reset();
    reply_ = std::move(reply);
    step_ = Step::giving;
    due_ = now + kGuestPatience;
    go_on_giving(now);
}

void Relay::Exchange::go_on_giving(Instant now)
{
    if (!send_rest(guest_, reply_, given_)) {
        step_ = Step::over;
    } else if (given_ == reply_.size()) {
        ::shutdown(guest_.get(), SHUT_WR);
        step_ = Step::closing;
        due_ = now + kGuestPatience;
    }
}

void Relay::Exchange::run_out(Instant now)
{
    if (step_ == Step::asking || step_ == Step::pausing)
        give(make_reply("503 Service Unavailable"), now);
    else
        step_ = Step::over;
}

Relay::Relay(Env env, Fd listener, std::string daemon_socket)
    : env_(env)
    , listener_(std::move(listener))
    , daemon_socket_(std::move(daemon_socket))
{
}

Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::listen(Env env, std::string const& own_socket,
                                             std::string daemon_socket)
{
    auto listener = TRY(listen_unix(own_socket, kBacklog));
    return std::unique_ptr<Relay>(new Relay(env, std::move(listener), std::move(daemon_socket)));
}

int Relay::before_poll(std::vector<pollfd>& polled)
{
    first_ = polled.size();
    polled.push_back({listener_.get(), POLLIN, 0});
    auto const now = env_.clock.steady();
    auto sleep = kLongestSleep;
    for (auto const& exchange : exchanges_) {
        exchange.poll_for(polled);
        sleep = std::min(sleep, std::max(exchange.due() - now, Instant(0)));
    }
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(sleep).count());
}

void Relay::after_poll(std::vector<pollfd> const& polled)
{
    auto const now = env_.clock.steady();
    auto at = first_ + 1;
    for (auto& exchange : exchanges_) {
        if (!survives("request for metadata", [&] {
                exchange.take(polled[at].revents, polled[at + 1].revents, now, daemon_socket_);
            }))
            exchange.give_up();
        at += 2;
    }
    std::erase_if(exchanges_, [](Exchange const& exchange) { return exchange.over(); });
    if (polled[first_].revents != 0)
        accept_all();
}

void Relay::accept_all()
{
    for (;;) {
        Fd guest(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!guest.open())
            return;
        if (exchanges_.size() < kMaxConnections)
            exchanges_.emplace_back(std::move(guest), env_.clock.steady());
    }
}

} // namespace karat::net
