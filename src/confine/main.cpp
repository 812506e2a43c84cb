// SPDX-License-Identifier: Apache-2.0
// karat-confine WORDS -- PROGRAM ARGUMENTS: gives up what the words do not name, then becomes the
// program. Started by karatd only; what goes wrong is one line on standard error.
#include "identity.hpp"
#include "launch.hpp"
#include "new_root.hpp"
#include "os_error.hpp"

#include "karat/env.hpp"
#include "karat/system_calls.hpp"
#include "karat/thread.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace karat::confine {
namespace {

constexpr int kNotStarted = 125;
/// All that programs get of the environment.
constexpr std::array kKept = {"PATH=", "ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS="};

Result<void> join(std::vector<std::string> const& control_groups)
{
    for (auto const& entrance : control_groups) {
        auto const file = TRY(posix_env().files.open(entrance, Access::write));
        TRY(file->write_at(0, as_bytes("0\n"))); // whoever writes it
    }
    return {};
}

Result<void> forbid_core_dumps()
{
    rlimit const none = {0, 0};
    return ::setrlimit(RLIMIT_CORE, &none) == 0 ? Result<void>() : os_error("forbid core dumps");
}

std::vector<char*> kept_environment()
{
    std::vector<char*> kept;
    for (char** one = ::environ; *one != nullptr; ++one)
        for (std::string_view const name : kKept)
            if (std::string_view(*one).starts_with(name))
                kept.push_back(*one);
    kept.push_back(nullptr);
    return kept;
}

/// Does not return unless it fails.
Error become_program(std::vector<std::string>& words)
{
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    auto environment = kept_environment();
    ::execvpe(arguments.front(), arguments.data(), environment.data());
    return os_error("start " + words.front());
}

Result<void> run(std::vector<std::string> const& words)
{
    auto launch = TRY(parse_launch(words));
    TRY(forbid_core_dumps());
    TRY(join(launch.control_groups));
    if (!launch.pid_file.empty())
        TRY(publish_file(posix_env().files, launch.pid_file,
                         as_bytes(fmt::format("{}\n", ::getpid()))));
    TRY(enter_namespaces(launch));
    ::umask(077);
    TRY(become(launch));
    TRY(refuse_dangerous_calls());
    return become_program(launch.program);
}

int run_or_say(std::vector<std::string> const& words)
{
    auto const outcome = run(words);
    if (!outcome.ok())
        std::fprintf(stderr, "karat-confine: %s\n", outcome.error().message.c_str());
    std::_Exit(kNotStarted); // what runs at a usual exit may need what was given up
}

} // namespace
} // namespace karat::confine

int main(int argc, char** argv)
{
    return karat::run_program("karat-confine",
                              [=] { return karat::confine::run_or_say({argv + 1, argv + argc}); });
}
