// SPDX-License-Identifier: Apache-2.0
// A light load: sends requests that were signed beforehand over connections that stay open, and
// times each. What the client itself costs is little more than the kernel's copies.
//
//   signed_load send PLAN DATA WORKERS PORT [SECONDS]
//       prints rate, latencies, refusals and its own CPU seconds as JSON; with SECONDS it sends the
//       plan again and again for so long
//   signed_load limits DATA   the rates that SHA-256 and zstd of the same bytes allow
//
// PLAN is records of: length of the head (4), length of the body to send (4), where the data lies
// in DATA (8), length of the data that the reply must hold (4), then the head. Little-endian.
#include "karat/hash.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>
#include <zstd.h>

namespace {

constexpr std::size_t kBlockBytes = 512 << 10;

[[noreturn]] void die(std::string const& what)
{
    fmt::print(stderr, "signed_load: {}\n", what);
    std::exit(1);
}

std::string_view map_file(char const* path)
{
    int const fd = ::open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts{};
    if (fd < 0 || ::fstat(fd, &facts) != 0)
        die(std::string("cannot open ") + path);
    auto const size = static_cast<std::size_t>(facts.st_size);
    auto* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED)
        die(std::string("cannot map ") + path);
    return {static_cast<char const*>(at), size};
}

struct Request {
    std::string_view head;
    std::string_view body;
    std::string_view expected;
};

template <class T>
T cut(std::string_view& from)
{
    T value;
    std::memcpy(&value, from.data(), sizeof value);
    from.remove_prefix(sizeof value);
    return value;
}

std::vector<Request> read_plan(std::string_view plan, std::string_view data)
{
    std::vector<Request> requests;
    while (!plan.empty()) {
        auto const head = cut<std::uint32_t>(plan);
        auto const body = cut<std::uint32_t>(plan);
        auto const offset = cut<std::uint64_t>(plan);
        auto const expected = cut<std::uint32_t>(plan);
        requests.push_back(
            {plan.substr(0, head), data.substr(offset, body), data.substr(offset, expected)});
        plan.remove_prefix(head);
    }
    return requests;
}

class Connection {
public:
    explicit Connection(int port)
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int const one = 1;
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
            die("cannot connect");
    }
    ~Connection() { ::close(fd_); }
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    /// False when the server refused it.
    bool call(Request const& request)
    {
        send(request.head, request.body);
        return receive(request.expected);
    }

private:
    void send(std::string_view head, std::string_view body)
    {
        while (!head.empty() || !body.empty()) {
            iovec parts[] = {{const_cast<char*>(head.data()), head.size()},
                             {const_cast<char*>(body.data()), body.size()}};
            auto const sent = ::writev(fd_, parts, 2);
            if (sent < 0)
                die(std::string("cannot send: ") + std::strerror(errno));
            auto const of_head = std::min(head.size(), static_cast<std::size_t>(sent));
            head.remove_prefix(of_head);
            body.remove_prefix(static_cast<std::size_t>(sent) - of_head);
        }
    }

    bool receive(std::string_view expected)
    {
        std::size_t have = 0;
        std::size_t end = std::string_view::npos;
        while (end == std::string_view::npos) {
            have += receive_some(have);
            end = std::string_view(buffer_.data(), have).find("\r\n\r\n");
        }
        std::string_view const head(buffer_.data(), end);
        constexpr std::string_view kLength = "Content-Length: ";
        auto const at = head.find(kLength);
        if (at == std::string_view::npos)
            die("no reply: " + std::string(buffer_.data(), have));
        bool const good = head.starts_with("HTTP/1.1 20");
        auto const length = std::strtoull(head.data() + at + kLength.size(), nullptr, 10);
        auto const start = end + 4;
        while (have < start + length)
            have += receive_some(have);
        std::string_view const body(buffer_.data() + start, length);
        if (good && !expected.empty() && body != expected)
            die("another block than was put");
        if (!good && !std::exchange(told_, true))
            fmt::print(stderr, "signed_load: refused: {}\n", body.substr(0, 500));
        return good;
    }

    std::size_t receive_some(std::size_t have)
    {
        if (have == buffer_.size())
            buffer_.resize(2 * have);
        auto const got = ::recv(fd_, buffer_.data() + have, buffer_.size() - have, 0);
        if (got <= 0)
            die("the connection ended");
        return static_cast<std::size_t>(got);
    }

    int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::vector<char> buffer_ = std::vector<char>(kBlockBytes + (64 << 10));
    bool told_ = false; // of a refusal, on this connection
};

double seconds_since(std::chrono::steady_clock::time_point start)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double own_cpu_seconds()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    auto const of = [](timeval time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Load {
    std::size_t workers;
    int port;
    std::optional<double> seconds; ///< Instead of once through the plan.
};

void send_all(std::vector<Request> const& requests, Load const& load)
{
    std::vector<std::vector<double>> took(load.workers);
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> refused = 0;
    auto const cpu = own_cpu_seconds();
    auto const start = std::chrono::steady_clock::now();
    auto const goes_on = [&](std::size_t at) {
        return load.seconds ? seconds_since(start) < *load.seconds : at < requests.size();
    };
    {
        std::vector<std::jthread> threads;
        for (auto& own : took)
            threads.emplace_back([&] {
                Connection connection(load.port);
                for (auto at = next++; goes_on(at); at = next++) {
                    auto const began = std::chrono::steady_clock::now();
                    if (!connection.call(requests[at % requests.size()]))
                        ++refused;
                    own.push_back(seconds_since(began));
                }
            });
    }
    auto const seconds = seconds_since(start);
    std::vector<double> all;
    for (auto const& own : took)
        all.insert(all.end(), own.begin(), own.end());
    std::ranges::sort(all);
    fmt::print("{{\"rate\": {:.1f}, \"seconds\": {:.3f}, \"p50_ms\": {:.2f}, \"p99_ms\": {:.2f}, "
               "\"worst_ms\": {:.2f}, \"refused\": {}, \"cpu\": {:.3f}}}\n",
               static_cast<double>(all.size()) / seconds, seconds, all[all.size() / 2] * 1000,
               all[all.size() * 99 / 100] * 1000, all.back() * 1000, refused.load(),
               own_cpu_seconds() - cpu);
}

/// Blocks a second when two threads do `work` with each block of the data.
template <class Work>
double limit(std::string_view data, Work const& work)
{
    auto const blocks = data.size() / kBlockBytes;
    std::atomic<std::size_t> next = 0;
    auto const start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] {
                auto* const context = ZSTD_createCCtx();
                std::vector<char> room(ZSTD_compressBound(kBlockBytes));
                for (auto at = next++; at < blocks; at = next++)
                    work(data.substr(at * kBlockBytes, kBlockBytes), context, room);
                ZSTD_freeCCtx(context);
            });
    }
    return static_cast<double>(blocks) / seconds_since(start);
}

void print_limits(std::string_view data)
{
    auto const sha = [](std::string_view block, ZSTD_CCtx*, std::vector<char>&) {
        (void)karat::sha256(block);
    };
    auto const both = [](std::string_view block, ZSTD_CCtx* context, std::vector<char>& room) {
        (void)karat::sha256(block);
        (void)ZSTD_compressCCtx(context, room.data(), room.size(), block.data(), block.size(), 1);
    };
    fmt::print("{{\"sha256\": {:.0f}, \"sha256_and_zstd\": {:.0f}}}\n", limit(data, sha),
               limit(data, both));
}

} // namespace

int main(int count, char** words)
{
    if (count == 3 && std::string_view(words[1]) == "limits") {
        print_limits(map_file(words[2]));
        return 0;
    }
    if ((count != 6 && count != 7) || std::string_view(words[1]) != "send")
        die("usage: signed_load send PLAN DATA WORKERS PORT [SECONDS] | signed_load limits DATA");
    auto const data = map_file(words[3]);
    Load load{.workers = std::strtoul(words[4], nullptr, 10), .port = std::atoi(words[5])};
    if (count == 7)
        load.seconds = std::strtod(words[6], nullptr);
    send_all(read_plan(map_file(words[2]), data), load);
    return 0;
}
