// SPDX-License-Identifier: Apache-2.0
// Random hostile sessions against the real doors, as many as the command line says, from a seed:
//   http_flood SESSIONS SEED
// No session may leave a connection, memory, or a service that does not answer.
#include "http_doors.hpp"

#include "karat/log.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace karat::testing {
namespace {

constexpr std::size_t kMostGrowthBytes = 64 << 20;

/// Draws sessions: mostly well-formed, so that they get far, with something broken in them.
class Playwright {
public:
    explicit Playwright(std::uint64_t seed)
        : random_(seed)
    {
    }

    unsigned below(unsigned most) { return static_cast<unsigned>(random_() % most); }
    bool chance(unsigned in) { return below(in) == 0; }

    std::string session()
    {
        std::string text;
        for (unsigned i = 1 + below(4); i > 0; --i)
            text += request();
        for (unsigned i = below(3); i > 0 && !text.empty(); --i)
            spoil(text);
        return text;
    }

private:
    template <std::size_t count>
    std::string_view one_of(std::string_view const (&words)[count])
    {
        return words[below(count)];
    }

    std::string request()
    {
        static constexpr std::string_view kMethods[] = {"GET", "POST", "PUT", "HEAD", "OPTIONS"};
        static constexpr std::string_view kTargets[] = {
            "/", "/latest/meta-data/", "/v1/status", "/snapshots/snap-1/blocks/0", "http://x/y?z",
            "*", "/latest/api/token",  "/%00",       "/?Action=DescribeImages"};
        static constexpr std::string_view kHeaders[] = {
            "Host: x\r\n",
            "Connection: close\r\n",
            "Connection: keep-alive\r\n",
            "Expect: 100-continue\r\n",
            "X-Forwarded-For:\r\n",
            " folded\r\n",
            "Content-Length: 0\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ec2/aws4_request\r\n"};
        auto text = fmt::format("{} {} HTTP/1.{}\r\nHost: karat\r\n", one_of(kMethods),
                                one_of(kTargets), chance(8) ? 0 : 1);
        for (unsigned i = below(3); i > 0; --i)
            text += one_of(kHeaders);
        if (chance(20))
            text += fmt::format("X: {}\r\n", std::string(below(100'000), 'y'));
        if (chance(2))
            return text + "\r\n";
        return text + (chance(2) ? counted() : chunked());
    }

    std::string counted()
    {
        auto const size = chance(20) ? below(3 << 20) : below(300);
        return fmt::format("Content-Length: {}\r\n\r\n{}", size, std::string(size, 'b'));
    }

    std::string chunked()
    {
        std::string text = "Transfer-Encoding: chunked\r\n\r\n";
        for (unsigned i = below(20); i > 0; --i) {
            auto const size = 1 + below(400);
            text += fmt::format("{:x}{}\r\n{}\r\n", size, chance(5) ? ";a=\"b\"" : "",
                                std::string(size, 'c'));
        }
        text += "0\r\n";
        if (chance(4))
            text += fmt::format("X: {}\r\n", std::string(below(70'000), 'y'));
        return text + "\r\n";
    }

    void spoil(std::string& text)
    {
        auto const at = below(static_cast<unsigned>(text.size()));
        switch (below(4)) {
        case 0:
            text[at] = static_cast<char>(below(256));
            return;
        case 1:
            text.resize(at);
            return;
        case 2:
            text.erase(at, 1 + below(10));
            return;
        default:
            text.insert(at, text.substr(at / 2, below(200)));
            return;
        }
    }

    std::mt19937_64 random_;
};

/// Clients that neither read nor leave, until others have taken their places.
class Loiterers {
public:
    void add(Fd socket)
    {
        sockets_[next_] = std::move(socket);
        next_ = (next_ + 1) % sockets_.size();
    }

private:
    std::array<Fd, 100> sockets_;
    std::size_t next_ = 0;
};

/// A guest may ask 200 times a second only, so that door is drawn less often.
Door draw_door(Playwright& draw)
{
    return draw.chance(12) ? Door::metadata : draw.chance(2) ? Door::api : Door::admin;
}

/// Plays one session: in pieces, with or without reading, and to an end of any kind.
bool play(Doors& doors, Playwright& draw, Loiterers& loiterers)
{
    auto socket = doors.connect(draw_door(draw));
    if (!socket.ok())
        return socket.error().fault == Fault::unavailable; // a full queue of newcomers
    auto const text = draw.session();
    std::string_view rest = text;
    while (!rest.empty()) {
        auto const piece = draw.chance(3) ? draw.below(40) + 1 : rest.size();
        // A client that sends while the other side wants it to read would wait for ever.
        (void)::send(socket.value().get(), rest.data(), std::min(piece, rest.size()),
                     MSG_NOSIGNAL | MSG_DONTWAIT);
        rest.remove_prefix(std::min(piece, rest.size()));
    }
    switch (draw.below(5)) {
    case 0:
        reset(socket.value());
        return true;
    case 1:
        return true; // leaves without a word
    case 2:
        loiterers.add(std::move(socket).value());
        return true;
    default:
        end_input(socket.value());
        return !read_to_end(socket.value()).ends_with("[still open]");
    }
}

std::size_t resident_bytes()
{
    std::ifstream file("/proc/self/statm");
    std::size_t whole = 0;
    std::size_t resident = 0;
    file >> whole >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

bool answers(Doors& doors, Door door)
{
    auto const socket = doors.connect(door);
    if (!socket.ok())
        return false;
    send_all(socket.value(), kLastRequest);
    return read_to_end(socket.value()).starts_with("HTTP/1.1 ");
}

bool all_gone(Doors& doors)
{
    for (int i = 0; i < 1000 && doors.endpoint().counts().connections > 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return doors.endpoint().counts().connections == 0;
}

int run(std::uint64_t sessions, std::uint64_t seed)
{
    set_log_level(static_cast<Level>(4));
    auto const directory =
        std::filesystem::temp_directory_path() / fmt::format("karat-flood-{}", ::getpid());
    auto doors = Doors::open(directory).value();
    Playwright draw(seed);
    auto loiterers = std::make_unique<Loiterers>();
    std::size_t before = 0;
    for (std::uint64_t i = 0; i < sessions; ++i) {
        if (i == sessions / 4)
            before = resident_bytes(); // what is made once has been made
        if (!play(*doors, draw, *loiterers)) {
            std::printf("session %ju of seed %ju was left open\n", i, seed);
            return 1;
        }
    }
    loiterers.reset();
    bool const gone = all_gone(*doors);
    bool answered = true;
    for (auto const door : kDoors)
        answered = answered && answers(*doors, door);
    auto const grown = resident_bytes() - std::min(before, resident_bytes());
    std::printf("%ju sessions of seed %ju: connections left %zu, grown by %zu KiB, %s\n", sessions,
                seed, doors->endpoint().counts().connections, grown >> 10,
                answered ? "all doors answer" : "a door does not answer");
    doors.reset();
    std::filesystem::remove_all(directory);
    return gone && answered && grown < kMostGrowthBytes ? 0 : 1;
}

} // namespace
} // namespace karat::testing

int main(int count, char** words)
{
    auto const number = [&](int at, std::uint64_t otherwise) {
        if (at < count)
            std::from_chars(words[at], words[at] + std::strlen(words[at]), otherwise);
        return otherwise;
    };
    return karat::testing::run(number(1, 1000), number(2, 1));
}
