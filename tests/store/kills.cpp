// SPDX-License-Identifier: Apache-2.0
// A process of its own writes a store on this machine's files and is killed at a random moment. The
// same life, lived to the same command on a disk in memory, says what must be there.
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

/// Where the process is; it and its killer both see it.
struct Diary {
    std::atomic<unsigned> begun;
    std::atomic<unsigned> done;
};

[[noreturn]] void live_and_die(std::vector<Command> const& commands, Diary& diary)
{
    Life life(posix_env());
    if (life.open())
        for (auto const& command : commands) {
            ++diary.begun;
            life.live(command);
            ++diary.done;
        }
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

std::string one_kill(std::vector<Command> const& commands, unsigned delay_us, Diary& diary,
                     bool and_future)
{
    std::filesystem::remove_all("store");
    diary.begun = 0;
    diary.done = 0;
    auto const child = ::fork();
    if (child == 0)
        live_and_die(commands, diary);
    ::usleep(delay_us);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return "the process ended by itself";
    auto const promises =
        promised(promises_after(commands, diary.done), promises_after(commands, diary.begun));
    Life life(posix_env());
    if (!life.open())
        return "does not open";
    auto broken = broken_promise(*life.store(), promises);
    if (broken.empty() && and_future)
        broken = broken_future(*life.store(), promises);
    return broken;
}

} // namespace

bool kills(std::uint64_t count, std::uint64_t seed)
{
    auto home = (std::filesystem::temp_directory_path() / "karat-kills.XXXXXX").string();
    if (::mkdtemp(home.data()) == nullptr || ::chdir(home.c_str()) != 0)
        return false;
    void* const shared =
        ::mmap(nullptr, sizeof(Diary), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return false;
    auto& diary = *::new (shared) Diary{};
    SeededChance chance(seed);
    std::uint64_t acknowledged = 0;
    std::string broken;
    std::uint64_t round = 0;
    for (; round < count && broken.empty(); ++round) {
        std::array<std::byte, 4> dice{};
        chance.fill(dice);
        auto const delay_us =
            std::to_integer<unsigned>(dice[0]) * 100 + std::to_integer<unsigned>(dice[1]) + 200;
        auto const commands = random_life(seed * 100003 + round, kLifeLength, false);
        broken = one_kill(commands, delay_us, diary, round % 8 == 0);
        acknowledged += diary.done;
    }
    std::filesystem::current_path("/");
    std::filesystem::remove_all(home);
    if (!broken.empty())
        std::printf("FAILED at seed %llu, round %llu: %s\n", static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(round - 1), broken.c_str());
    std::printf("kills: %llu, %llu commands acknowledged before them\n",
                static_cast<unsigned long long>(round),
                static_cast<unsigned long long>(acknowledged));
    return broken.empty();
}

} // namespace karat::torture
