// SPDX-License-Identifier: Apache-2.0
// Whole HTTP sessions: several connections of one listener, in memory, through the very code that
// serves sockets. The input is a play: who sends what in which pieces, who leaves, what time
// passes, when a worker answers and how much of the reply is read.
#include "http_table.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>

using namespace karat;
using namespace karat::api;

namespace {

constexpr std::size_t kMostBytes = 64 << 10;
constexpr HttpLimits kLimits{.body_bytes = 2048,
                             .header_bytes = 1024,
                             .headers = 20,
                             .connections = 4,
                             .held_bytes = kMostBytes,
                             .per_second = 50,
                             .burst = 20};

class Play {
public:
    explicit Play(std::span<std::uint8_t const> script)
        : script_(script)
        , route_{.handle = {}, .refuse = refusal, .limits = kLimits}
        , table_(route_)
    {
    }
    ~Play()
    {
        while (!at_work_.empty())
            finish();
        now_ += std::chrono::hours(1); // whatever is left is overdue
        table_.expire(now_);
        while (table_.size() > 0) { // but for requests that the rate holds back
            now_ += std::chrono::hours(1);
            dispatch();
            while (!at_work_.empty())
                finish();
            table_.expire(now_ += std::chrono::hours(1));
        }
        VERIFY(table_.held_bytes() == 0 && !table_.next_event(now_));
    }

    void run()
    {
        while (!script_.empty()) {
            step();
            dispatch();
            table_.bury();
            VERIFY(table_.size() <= kLimits.connections);
            // One request may be what is too much; it is refused, and the refusal is small.
            VERIFY(table_.held_bytes() <= 2 * kMostBytes);
        }
    }

private:
    static HttpReply refusal(int status, std::string const& sentence)
    {
        VERIFY(status >= 400 && status < 600 && !sentence.empty());
        return {.status = status, .body = sentence};
    }

    std::uint8_t next()
    {
        if (script_.empty())
            return 0;
        auto const byte = script_.front();
        script_ = script_.subspan(1);
        return byte;
    }

    void step()
    {
        auto const word = next();
        auto* const one = pick(word >> 4);
        switch (word & 7U) {
        case 0:
            return open();
        case 1:
        case 2:
        case 3:
            return send(one, next());
        case 4:
            return leave(one, word);
        case 5:
            return pass(next());
        case 6:
            return finish();
        default:
            return read(one, next());
        }
    }

    /// Connections that are neither with a worker nor closed.
    Connection* pick(unsigned number)
    {
        std::erase_if(open_, [](Connection* one) {
            return one->session.phase() == HttpSession::Phase::closed;
        });
        return open_.empty() ? nullptr : open_[number % open_.size()];
    }

    void open()
    {
        auto* const made = table_.add({}, "", now_);
        pick(0); // forgets the one that made room
        if (made != nullptr)
            open_.push_back(made);
    }

    void send(Connection* one, std::size_t count)
    {
        count = std::min(count, script_.size());
        auto const bytes = as_text(std::as_bytes(script_.first(count)));
        script_ = script_.subspan(count);
        if (one == nullptr || ConnectionTable::is_handled(*one))
            return;
        auto const phase = one->session.phase();
        if (phase != HttpSession::Phase::waiting && phase != HttpSession::Phase::receiving &&
            phase != HttpSession::Phase::draining)
            return;
        one->session.receive(bytes);
        settle(*one);
    }

    void leave(Connection* one, std::uint8_t word)
    {
        if (one == nullptr || ConnectionTable::is_handled(*one))
            return;
        if ((word & 8U) != 0)
            one->session.end_of_input();
        else
            one->session.close();
        settle(*one);
    }

    void pass(std::uint8_t seconds)
    {
        now_ += std::chrono::milliseconds(100) * seconds;
        table_.expire(now_);
        pick(0);
    }

    void read(Connection* one, std::size_t count)
    {
        if (one == nullptr || ConnectionTable::is_handled(*one))
            return;
        auto const output = one->session.output();
        auto const all = output[0].size() + output[1].size();
        if (all == 0)
            return;
        one->session.sent(std::min(count, all));
        settle(*one);
    }

    void settle(Connection& one)
    {
        table_.settle(one, now_);
        pick(0);
    }

    void dispatch()
    {
        while (auto* const ready = table_.next_ready(now_))
            table_.hand_over(*ready, at_work_, now_);
    }

    void finish()
    {
        if (at_work_.empty())
            return;
        auto& one = at_work_.front();
        check(one.request);
        auto const size = one.request.body.size() * 3;
        one.session.answer({.body = std::string(size, 'x'), .known = size % 2 == 1});
        VERIFY(one.session.output()[0].starts_with("HTTP/1.1 200 OK\r\n"));
        settle(table_.take_back(at_work_, now_));
    }

    /// What a handler may rely on.
    static void check(HttpRequest const& request)
    {
        VERIFY(!request.method.empty() && request.path.starts_with('/'));
        VERIFY(request.path.find('?') == std::string::npos);
        VERIFY(request.body.size() <= kLimits.body_bytes);
        VERIFY(request.headers.size() <= kLimits.headers);
        VERIFY(request.header_count("host") <= 1 && request.header_count("content-length") <= 1);
        VERIFY(request.header_count("content-length") + request.header_count("transfer-encoding") <=
               1);
        for (auto const& [name, value] : request.headers)
            VERIFY(!name.empty() && (name + value).find_first_of("\r\n") == std::string::npos);
    }

    std::span<std::uint8_t const> script_;
    HttpRoute route_;
    ConnectionTable table_;
    ConnectionTable::List at_work_;
    std::vector<Connection*> open_;
    std::chrono::nanoseconds now_{std::chrono::hours(1)};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    Play({data, size}).run();
    return 0;
}
