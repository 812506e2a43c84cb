// SPDX-License-Identifier: Apache-2.0
// A large catalog, and a daemon over it whose machines are in memory. Run by bench/scale.py.
//
//   scale_bench make DIR ACCOUNTS IMAGES INSTANCES PARAMETERS   makes DIR
//   scale_bench schema                      the number of the catalog's schema
//   scale_bench serve DIR                   the daemon; prints its port and what the start took,
//                                           ends on SIGTERM
//   scale_bench calls DIR [NAME [COUNT]]    calls without HTTP: time, statements and rows of each
//
// KARAT_BENCH_CATALOG=postgresql://… puts the catalog there instead of into DIR.
#include "memory_daemon.hpp"
#include "sqlite/sqlite_database.hpp"

#include "karat/catalog_counts.hpp"
#include "karat/log.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <fstream>
#include <malloc.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

std::atomic<bool> syncs = true;

} // namespace

// What is being made is made again if the host fails meanwhile, so nothing of it need be synced:
// these take the place of libc's, in SQLite too.
extern "C" {
int fsync(int fd) { return syncs ? static_cast<int>(::syscall(SYS_fsync, fd)) : 0; }
int fdatasync(int fd) { return syncs ? static_cast<int>(::syscall(SYS_fdatasync, fd)) : 0; }
}

namespace karat::testing {
namespace {

constexpr std::size_t kSampled = 2'000;

double milliseconds_since(std::chrono::nanoseconds start)
{
    return std::chrono::duration<double, std::milli>(posix_env().clock.steady() - start).count();
}

/// What clients need to know: who calls, and some of the ids.
std::string facts(Population const& made)
{
    nlohmann::json facts{{"account", made.accounts.front().id.text()},
                         {"key", made.keys.front().id},
                         {"secret", made.keys.front().secret.reveal()}};
    auto const step = std::max<std::size_t>(1, made.images.size() / kSampled);
    for (std::size_t i = 1; i < made.images.size(); i += step) // every tenth is somebody's own
        facts["images"].push_back(made.images[i].id.text());
    for (std::size_t i = 0; i < made.images.size(); i += 100) // those of the large account
        if (made.images[i].owner == made.accounts.front().id)
            facts["own_images"].push_back(made.images[i].id.text());
    for (std::size_t i = 0; i < made.instances.size(); i += 10)
        facts["own_instances"].push_back(made.instances[i].text());
    return facts.dump();
}

Result<void> make(std::string const& data, Sizes const& sizes)
{
    auto const env = posix_env();
    SeededChance chance(2026); // the same ids every time
    Env const seeded{env.files, env.clock, chance};
    for (auto const* const part : {"/store", "/volumes", "/run/imds"})
        TRY(env.files.make_dirs(data + part));
    syncs = false;
    {
        auto const catalog = TRY(catalog::Catalog::open(env, catalog_of(data)));
        auto const store = TRY(blocks::Store::open(seeded, data + "/store", {}));
        auto const made = TRY(populate(seeded, *catalog, *store, sizes));
        TRY(replace_file(env.files, data + kOverlay, as_bytes("an overlay")));
        TRY(replace_file(env.files, data + "/facts.json", as_bytes(facts(made))));
    }
    ::sync();
    return {};
}

Result<std::vector<Running>> read_running(std::string const& data)
{
    auto const before = TRY(catalog::Catalog::open(posix_env(), catalog_of(data)));
    return running_instances(*before);
}

/// Read by a process of its own: what it takes to read a catalog twice is not the daemon's.
Result<std::vector<Running>> read_running_apart(std::string const& data)
{
    int ends[2] = {};
    VERIFY(::pipe(ends) == 0);
    auto const child = ::fork();
    if (child == 0) {
        auto* const out = ::fdopen(ends[1], "w");
        auto const running = read_running(data);
        if (running.ok())
            for (auto const& one : running.value())
                fmt::print(out, "{} {}\n", one.id.text(), one.type);
        std::fflush(out);
        ::_exit(running.ok() ? 0 : 1);
    }
    ::close(ends[1]);
    std::vector<Running> running;
    auto* const in = ::fdopen(ends[0], "r");
    char id[64];
    char type[64];
    while (std::fscanf(in, "%63s %63s", id, type) == 2)
        running.push_back({TRY(InstanceId::parse(id)), type});
    std::fclose(in);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0)
        return fail(Fault::io, "The catalog could not be read");
    return running;
}

Result<void> serve(std::string const& data)
{
    ::mallopt(M_MMAP_THRESHOLD, 8 << 20); // as karatd
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
    ::mallopt(M_TOP_PAD, 4 << 20);
    raise_file_limit();
    set_log_level(Level::warn);
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, nullptr);
    auto const running = TRY(read_running_apart(data));
    Daemon daemon{.data = data};
    TRY(daemon.start_machines(running));
    auto const start = posix_env().clock.steady();
    TRY(daemon.start());
    auto const took = milliseconds_since(start);
    ::malloc_trim(0);
    fmt::print("{{\"port\": {}, \"start_ms\": {:.0f}}}\n", daemon.endpoint->port(), took);
    std::fflush(stdout);
    daemon.engine->start_workers();
    int signal = 0;
    sigwait(&ending, &signal);
    daemon.endpoint->stop();
    daemon.engine->stop_workers();
    return {};
}

/// A call by its form, with {} for the id that it is about.
struct NamedCall {
    std::string_view name;
    std::string_view about; ///< Which of the facts' lists has its ids.
    std::string_view form;
};

constexpr NamedCall kCalls[] = {
    {"image-by-id", "images", "Action=DescribeImages&ImageId.1={}"},
    {"image-by-name", "",
     "Action=DescribeImages&Filter.1.Name=name&Filter.1.Value.1=app-1/build-000001"},
    {"images-by-tag", "",
     "Action=DescribeImages&MaxResults=1000&Filter.1.Name=tag:app&Filter.1.Value.1=app-0"},
    {"images-of-self", "", "Action=DescribeImages&MaxResults=1000&Owner.1=self"},
    {"images-page", "", "Action=DescribeImages&MaxResults=1000"},
    {"snapshots-of-self", "", "Action=DescribeSnapshots&MaxResults=1000&Owner.1=self"},
    {"instance-by-id", "own_instances", "Action=DescribeInstances&InstanceId.1={}"},
    {"instances-page", "", "Action=DescribeInstances&MaxResults=1000"},
    {"create-tags", "own_images", "Action=CreateTags&ResourceId.1={}&Tag.1.Key=k&Tag.1.Value=v"},
    {"dry-run", "images", "Action=RunInstances&DryRun=true&MinCount=1&MaxCount=1&ImageId={}"},
    {"run-1", "images", "Action=RunInstances&MinCount=1&MaxCount=1&ImageId={}"},
    {"run-100", "images", "Action=RunInstances&MinCount=100&MaxCount=100&ImageId={}"},
    {"stop", "own_instances", "Action=StopInstances&InstanceId.1={}"},
};

Result<void> time_call(Daemon& daemon, nlohmann::json const& facts, NamedCall const& named,
                       std::size_t count)
{
    engine::Caller const caller{TRY(AccountId::parse(facts["account"].get<std::string>())),
                                kRegion};
    api::Dispatcher dispatcher(posix_env(), *daemon.engine, Bytes(32));
    std::vector<double> took;
    std::size_t bytes = 0;
    auto const cpu = std::clock();
    auto const before = TRY(catalog::counts_of(*daemon.catalog));
    for (std::size_t i = 0; i < count; ++i) {
        auto const ids = named.about.empty() ? nlohmann::json::array({""}) : facts[named.about];
        auto const id = ids.at((2 * i) % ids.size()).get<std::string>(); // every other one runs
        api::Call call;
        call.headers = {{"content-type", "application/x-www-form-urlencoded"}};
        call.body = fmt::format(fmt::runtime(named.form), id) + "&Version=2016-11-15";
        auto const start = posix_env().clock.steady();
        auto const reply = dispatcher.handle_as(caller, "ec2", call);
        took.push_back(milliseconds_since(start));
        bytes = reply.body.size();
        if (reply.status != 200 && named.name != "dry-run")
            return fail(Fault::invalid, fmt::format("{}: {}", named.name, reply.body));
    }
    auto const cpu_ms = 1000.0 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    auto const after = TRY(catalog::counts_of(*daemon.catalog));
    std::ranges::sort(took);
    auto const each = [&](std::uint64_t from, std::uint64_t to) { return (to - from) / count; };
    fmt::print("| {} | {:.2f} | {:.2f} | {:.2f} | {} | {} | {} | {} |\n", named.name,
               took[took.size() / 2], took.back(), cpu_ms / static_cast<double>(count),
               each(before.statements, after.statements), each(before.rows, after.rows),
               each(before.records, after.records), bytes);
    std::fflush(stdout);
    return {};
}

Result<void> time_calls(std::string const& data, std::string_view only, std::size_t count)
{
    set_log_level(Level::error);
    raise_file_limit();
    auto const running = TRY(read_running(data));
    Daemon daemon{.data = data};
    TRY(daemon.start_machines(running));
    TRY(daemon.start());
    auto const text = TRY(read_file(posix_env().files, data + "/facts.json", 64 << 20));
    auto const facts = nlohmann::json::parse(as_text(text));
    fmt::print("| call | ms, median | ms, worst | ms of CPU | statements | rows read | rows "
               "records | bytes of the "
               "reply |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (auto const& named : kCalls)
        if (only.empty() || named.name == only)
            TRY(time_call(daemon, facts, named, count));
    return {};
}

Result<void> run(std::span<std::string const> words)
{
    auto const& verb = words.front();
    auto const number = [&](std::size_t at) { return std::stoul(words[at]); };
    if (verb == "schema" && words.size() == 1) {
        fmt::print("{}\n", catalog::sqlite_migrations().size());
        return {};
    }
    if (verb == "make" && words.size() == 6)
        return make(words[1], {.accounts = number(2),
                               .images = number(3),
                               .instances = number(4),
                               .parameters = number(5)});
    if (verb == "serve" && words.size() == 2)
        return serve(words[1]);
    if (verb == "calls" && words.size() >= 2 && words.size() <= 4)
        return time_calls(words[1], words.size() > 2 ? words[2] : "",
                          words.size() > 3 ? number(3) : 3);
    return fail(Fault::invalid, "usage: as at the top of bench/scale_bench.cpp");
}

} // namespace
} // namespace karat::testing

int main(int count, char** given)
{
    std::vector<std::string> const words(given + 1, given + count);
    if (words.empty())
        return 2;
    auto const outcome = karat::testing::run(words);
    if (!outcome.ok())
        fmt::print(stderr, "scale_bench: {}\n", outcome.error().message);
    return outcome.ok() ? 0 : 1;
}
