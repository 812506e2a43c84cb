// SPDX-License-Identifier: Apache-2.0
// Stands between a client and a PostgreSQL server, and cuts the connection at a commit: before the
// server sees it, or before the client sees the answer.
#pragma once

#include "karat/fd.hpp"
#include "karat/thread.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <filesystem>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace karat::catalog {

class CuttingProxy {
public:
    enum class Cut : unsigned char { never, before, after };

    /// `url`: of a server behind a socket; its host= is the socket's directory.
    explicit CuttingProxy(std::string const& url)
        : server_(host_of(url))
    {
        VERIFY(::mkdtemp(directory_.data()) != nullptr);
        listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        auto const address = address_of(directory_);
        VERIFY(::bind(listener_, std::bit_cast<sockaddr const*>(&address), sizeof address) == 0);
        VERIFY(::listen(listener_, 16) == 0);
        acceptor_ = Thread("proxy.accept", Thread::OnThrow::end_process,
                           [this](std::stop_token const& stop) { accept(stop); });
    }
    ~CuttingProxy()
    {
        acceptor_.request_stop();
        acceptor_.join();
        connections_.clear();
        ::close(listener_);
        std::filesystem::remove_all(directory_);
    }
    CuttingProxy(CuttingProxy const&) = delete;
    CuttingProxy& operator=(CuttingProxy const&) = delete;

    std::string url_for(std::string url) const
    {
        return url.replace(url.find(server_), server_.size(), directory_);
    }
    void cut_next_commit(Cut cut) { cut_ = cut; }

private:
    static constexpr std::string_view kCommit{"COMMIT\0", 7}; // not that of READ COMMITTED

    static std::string host_of(std::string const& url)
    {
        auto const from = url.find("host=") + 5;
        return url.substr(from, url.find('&', from) - from);
    }
    static sockaddr_un address_of(std::string const& directory)
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (directory + "/.s.PGSQL.5432").copy(address.sun_path, sizeof address.sun_path - 1);
        return address;
    }
    static bool is_readable(int fd, int patience)
    {
        pollfd one{fd, POLLIN, 0};
        return ::poll(&one, 1, patience) == 1;
    }

    void accept(std::stop_token const& stop)
    {
        while (!stop.stop_requested())
            if (is_readable(listener_, 20))
                connections_.emplace_back(
                    "proxy.serve", Thread::OnThrow::end_process,
                    [this, client = ::accept(listener_, nullptr, nullptr)](
                        std::stop_token const& ending) { serve(ending, client); });
    }

    void serve(std::stop_token const& stop, int client)
    {
        int const server = ::socket(AF_UNIX, SOCK_STREAM, 0);
        auto const address = address_of(server_);
        VERIFY(::connect(server, std::bit_cast<sockaddr const*>(&address), sizeof address) == 0);
        while (!stop.stop_requested() && pass_on(client, server)) {
        }
        ::close(client);
        ::close(server);
    }

    /// False when the connection is to end.
    bool pass_on(int client, int server)
    {
        std::array<pollfd, 2> both{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
        ::poll(both.data(), 2, 20);
        std::array<char, 65536> bytes{};
        if (both[1].revents != 0) {
            auto const count = ::read(server, bytes.data(), bytes.size());
            return count > 0 && ::write(client, bytes.data(), std::size_t(count)) == count;
        }
        if (both[0].revents == 0)
            return true;
        auto const count = ::read(client, bytes.data(), bytes.size());
        if (count <= 0)
            return false;
        std::string_view const words(bytes.data(), std::size_t(count));
        bool const is_commit = words.find(kCommit) != std::string_view::npos;
        auto const cut = is_commit ? cut_.exchange(Cut::never) : Cut::never;
        if (cut == Cut::before)
            return false;
        if (::write(server, words.data(), words.size()) != count)
            return false;
        if (cut == Cut::after)
            (void)is_readable(server, 5000); // it has answered: the commit is made
        return cut != Cut::after;
    }

    std::string const server_;
    std::string directory_ = "/tmp/karat-proxy-XXXXXX";
    int listener_ = -1;
    std::atomic<Cut> cut_ = Cut::never;
    std::vector<Thread> connections_; ///< Of the acceptor, until it has ended.
    Thread acceptor_;
};

} // namespace karat::catalog
