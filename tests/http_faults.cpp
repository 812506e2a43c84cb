// SPDX-License-Identifier: Apache-2.0
#include "http_faults.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <new>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace karat::testing {
namespace {

/// How many more go well; below zero, all do.
std::atomic<long> allocations_left{-1};
std::atomic<long> calls_left{-1};
std::atomic<unsigned> chosen{0};
std::atomic<std::thread::id> spared{};

bool is_the_one(std::atomic<long>& left)
{
    return left.load() >= 0 && std::this_thread::get_id() != spared.load() &&
           left.fetch_sub(1) == 0;
}

void* allocate(std::size_t size)
{
    if (is_the_one(allocations_left))
        throw std::bad_alloc();
    if (void* const memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc();
}

/// Makes the call, unless it is the one that fails.
template <class... Arguments>
long call(std::array<int, kVariants> const& errors, long number, Arguments... arguments)
{
    if (is_the_one(calls_left)) {
        errno = errors[chosen];
        return -1;
    }
    return ::syscall(number, arguments...);
}

} // namespace

void spare_this_thread() { spared = std::this_thread::get_id(); }

void fail_nth(Failing what, long n, unsigned variant)
{
    chosen = variant;
    (what == Failing::allocation ? allocations_left : calls_left) = n;
}

bool end_failing()
{
    auto const allocation = allocations_left.exchange(-1);
    auto const call = calls_left.exchange(-1);
    return allocation < 0 && call < 0;
}

} // namespace karat::testing

using karat::testing::allocate;
using karat::testing::call;

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::nothrow_t const&) noexcept
{
    try {
        return allocate(size);
    } catch (std::bad_alloc const&) {
        return nullptr;
    }
}
void* operator new[](std::size_t size, std::nothrow_t const& how) noexcept
{
    return operator new(size, how);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

// The program's own come before those of the C library.
extern "C" {

// The JSON library loses a few bytes where memory ran out while it builds a value.
char const* __lsan_default_suppressions(); // NOLINT: the sanitizer's name
char const* __lsan_default_suppressions() { return "leak:nlohmann::json_abi\n"; }

int accept4(int fd, sockaddr* address, socklen_t* length, int flags)
{
    return static_cast<int>(
        call({ECONNABORTED, EINTR, EPERM}, SYS_accept4, fd, address, length, flags));
}

ssize_t recv(int fd, void* into, size_t size, int flags)
{
    return call({ECONNRESET, EINTR, ENOMEM}, SYS_recvfrom, fd, into, size, flags, nullptr, nullptr);
}

ssize_t sendmsg(int fd, msghdr const* message, int flags)
{
    return call({EPIPE, EINTR, ENOBUFS}, SYS_sendmsg, fd, message, flags);
}

int epoll_wait(int fd, epoll_event* events, int most, int timeout)
{
    return static_cast<int>(call({EINTR, EINTR, EINTR}, SYS_epoll_pwait, fd, events, most, timeout,
                                 nullptr, _NSIG / 8));
}

int epoll_ctl(int fd, int how, int other, epoll_event* event) noexcept
{
    return static_cast<int>(call({ENOMEM, ENOSPC, ENOMEM}, SYS_epoll_ctl, fd, how, other, event));
}

int setsockopt(int fd, int level, int name, void const* value, socklen_t size) noexcept
{
    return static_cast<int>(
        call({ENOMEM, EINVAL, ENOBUFS}, SYS_setsockopt, fd, level, name, value, size));
}

int shutdown(int fd, int how) noexcept
{
    return static_cast<int>(call({ENOTCONN, ENOTCONN, ENOTCONN}, SYS_shutdown, fd, how));
}

ssize_t read(int fd, void* into, size_t size)
{
    return call({EINTR, EINTR, EINTR}, SYS_read, fd, into, size);
}

ssize_t write(int fd, void const* from, size_t size)
{
    return call({EINTR, EINTR, EINTR}, SYS_write, fd, from, size);
}
}
