// SPDX-License-Identifier: Apache-2.0
// A process of its own writes a store on this machine's files and dies: killed at a random moment,
// or because one of its allocations failed (no memory is a crash; docs/decisions/016). The same
// life, lived to the same command on a disk in memory, says what must be there.
#include "reference.hpp"
#include "torture.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <new>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace karat::torture {
namespace {

constexpr std::size_t kLifeLength = 24;
constexpr int kPatience = 20'000; // times 100 µs

/// Where the process is; it and its killer both see it.
struct Diary {
    std::atomic<unsigned> begun;
    std::atomic<unsigned> done;
    std::atomic<long> allocations; ///< Seen since the life began; at most `failing`.
};

/// How a process ends.
struct Death {
    unsigned delay_us = 0; ///< Killed after this,
    unsigned commands = 0; ///< once it has begun so many.
    long failing = -1;     ///< Or by itself, when this many allocations have gone well.
};

std::atomic<Diary*> armed = nullptr; // in the process that is to fail
long failing_allocation = -1;

void* allocate(std::size_t size)
{
    if (auto* const diary = armed.load(); diary != nullptr)
        if (diary->allocations++ == failing_allocation)
            std::abort();
    if (void* const memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    std::abort();
}

[[noreturn]] void live_and_die(std::vector<Command> const& commands, Diary& diary, Death death)
{
    Life life(posix_env());
    failing_allocation = death.failing;
    if (death.delay_us == 0)
        armed = &diary;
    if (life.open())
        for (auto const& command : commands) {
            ++diary.begun;
            life.live(command);
            ++diary.done;
        }
    armed = nullptr;
    if (death.delay_us != 0)
        ::pause();
    std::_Exit(0);
}

Promises promises_after(std::vector<Command> const& commands, unsigned count)
{
    MemoryEnv memory;
    Life life(memory.env());
    life.open();
    for (unsigned i = 0; i < count && i < commands.size(); ++i)
        life.live(commands[i]);
    return life.promises();
}

/// What both lives have is promised, what only one of them has is not.
Promises promised(Promises const& before, Promises const& after)
{
    Promises both;
    for (auto const& [name, volume] : before.kept)
        (after.kept.contains(name) ? both.kept : both.maybe)[name] = volume;
    for (auto const& [name, volume] : after.kept)
        if (!before.kept.contains(name))
            both.maybe[name] = volume;
    return both;
}

/// Lives and dies in ./store. `died` says whether the life was cut short.
std::string one_death(std::vector<Command> const& commands, Death death, Diary& diary, bool& died)
{
    std::filesystem::remove_all("store");
    diary.begun = 0;
    diary.done = 0;
    diary.allocations = 0;
    auto const child = ::fork();
    if (child == 0)
        live_and_die(commands, diary, death);
    if (death.delay_us != 0) {
        for (int i = 0; diary.begun < death.commands && i < kPatience; ++i)
            ::usleep(100);
        ::usleep(death.delay_us);
        ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    died = WIFSIGNALED(status);
    if (died && WTERMSIG(status) != (death.delay_us != 0 ? SIGKILL : SIGABRT))
        return "the process ended otherwise";
    auto const promises =
        promised(promises_after(commands, diary.done), promises_after(commands, diary.begun));
    Life life(posix_env());
    if (!life.open())
        return "does not open";
    auto broken = broken_promise(*life.store(), promises);
    return broken.empty() ? broken_future(*life.store(), promises) : broken;
}

/// A directory to die in and a diary; both go with it.
class Arena {
public:
    Arena()
        : home_((std::filesystem::temp_directory_path() / "karat-kills.XXXXXX").string())
    {
        void* const shared = ::mmap(nullptr, sizeof(Diary), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        VERIFY(shared != MAP_FAILED && ::mkdtemp(home_.data()) != nullptr);
        diary = ::new (shared) Diary{};
        std::filesystem::current_path(home_);
    }
    Arena(Arena const&) = delete;
    Arena& operator=(Arena const&) = delete;
    ~Arena()
    {
        std::filesystem::current_path("/");
        std::filesystem::remove_all(home_);
        ::munmap(diary, sizeof(Diary));
    }
    Diary* diary = nullptr;

private:
    std::string home_;
};

} // namespace
} // namespace karat::torture

void* operator new(std::size_t size) { return karat::torture::allocate(size); }
void* operator new[](std::size_t size) { return karat::torture::allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace karat::torture {

bool allocations(std::uint64_t count, std::uint64_t seed)
{
    Arena const arena;
    auto const commands = random_life(seed, 8, false);
    bool died = false;
    auto broken = one_death(commands, {}, *arena.diary, died);
    if (broken.empty()) // once more: the first made what this process makes once
        broken = one_death(commands, {}, *arena.diary, died);
    long const total = arena.diary->allocations;
    auto const step = std::max<long>(1, total / static_cast<long>(count));
    long tried = 0;
    for (long failing = 0; failing < total && broken.empty(); failing += step, ++tried) {
        broken = one_death(commands, {.failing = failing}, *arena.diary, died);
        if (broken.empty() && !died)
            broken = "the allocation was not reached";
        if (!broken.empty())
            std::printf("FAILED at seed %llu, allocation %ld: %s\n",
                        static_cast<unsigned long long>(seed), failing, broken.c_str());
    }
    std::printf("allocations: %ld of a life's %ld failed, one a life\n", tried, total);
    return broken.empty();
}

bool kills(std::uint64_t count, std::uint64_t seed)
{
    Arena const arena;
    SeededChance chance(seed);
    std::uint64_t acknowledged = 0;
    std::string broken;
    std::uint64_t round = 0;
    for (; round < count && broken.empty(); ++round) {
        std::array<std::byte, 4> dice{};
        chance.fill(dice);
        auto const delay_us = 1 + std::to_integer<unsigned>(dice[0]) * 12;
        auto const after = static_cast<unsigned>(std::to_integer<unsigned>(dice[1]) % kLifeLength);
        auto const commands = random_life(seed * 100003 + round, kLifeLength, false);
        bool died = false;
        broken = one_death(commands, {.delay_us = delay_us, .commands = after}, *arena.diary, died);
        acknowledged += arena.diary->done;
    }
    if (!broken.empty())
        std::printf("FAILED at seed %llu, round %llu: %s\n", static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(round - 1), broken.c_str());
    std::printf("kills: %llu, %llu commands acknowledged before them\n",
                static_cast<unsigned long long>(round),
                static_cast<unsigned long long>(acknowledged));
    return broken.empty();
}

} // namespace karat::torture
