// SPDX-License-Identifier: Apache-2.0
// Every operator new of a life fails once. A command that ends so has failed, no more: what was
// acknowledged stays, and the store that is opened after it is whole.
#include "reference.hpp"
#include "torture.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <new>

namespace {

std::atomic<long> allocations_left = -1; // until one fails; negative: none does

bool allocation_fails()
{
    auto const left = allocations_left.load(std::memory_order_relaxed);
    if (left < 0)
        return false;
    allocations_left.store(left - 1, std::memory_order_relaxed);
    return left == 0;
}

void* allocate(std::size_t size)
{
    if (allocation_fails())
        throw std::bad_alloc();
    if (void* const memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc();
}

} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace karat::torture {
namespace {

/// True when the life ended before the allocation that should have failed.
bool fail_at(std::vector<Command> const& commands, long failing, std::string& broken)
{
    MemoryEnv memory;
    Life life(memory.env());
    life.open();
    allocations_left = failing;
    for (auto const& command : commands) {
        try {
            life.live(command);
        } catch (std::bad_alloc const&) {
            break; // a daemon may go on or end; both are looked at below
        }
    }
    bool const reached = allocations_left.exchange(-1) < 0;
    if (life.store() != nullptr)
        broken = broken_promise(*life.store(), life.promises());
    life.close();
    memory.files.crash();
    if (broken.empty())
        broken = life.open() ? broken_future(*life.store(), life.promises()) : "does not open";
    return !reached;
}

} // namespace

bool allocations(std::uint64_t lives, std::uint64_t seed)
{
    long total = 0;
    for (std::uint64_t one = 0; one < lives; ++one) {
        auto const commands = random_life(seed + one, 8, false);
        bool ended = false;
        for (long failing = 0; !ended; ++failing, ++total) {
            std::string broken;
            ended = fail_at(commands, failing, broken);
            if (broken.empty())
                continue;
            std::printf("FAILED at seed %llu, allocation %ld: %s\n",
                        static_cast<unsigned long long>(seed + one), failing, broken.c_str());
            return false;
        }
    }
    std::printf("allocations: %ld failed, one a life\n", total);
    return true;
}

} // namespace karat::torture
