// SPDX-License-Identifier: Apache-2.0
// Processes that change one catalog in PostgreSQL, and the server itself, are killed amid changes:
// nothing that was acknowledged is lost, and nothing is there by half.
#include "fixture.hpp"

#include "karat/text.hpp"

#include <cstdlib>
#include <poll.h>
#include <random>
#include <set>

namespace karat::catalog {
namespace {

using std::chrono::milliseconds;

Parameter counter_of_all()
{
    auto counter = sample<Parameter>();
    counter.name = "/counter";
    counter.version = 0;
    return counter;
}

/// Both or none: a name of its own, and one more in the count of all.
Result<void> add_name(Catalog& catalog, std::string const& name)
{
    return catalog.change(kActor, [&](Change& change) -> Result<void> {
        auto const counter = counter_of_all();
        auto count = TRY(change.parameter(all_of(counter), counter.name)).value_or(counter);
        ++count.version;
        TRY(change.save(count));
        auto one = counter;
        one.name = name;
        TRY(change.save(one));
        TRY(change.enqueue(sample<Task>()));
        return {};
    });
}

/// A process that runs this program's Writer test below.
class WriterProcess {
public:
    WriterProcess(std::string const& url, std::string const& name)
    {
        int ends[2] = {-1, -1};
        VERIFY(::pipe2(ends, O_CLOEXEC) == 0);
        posix_spawn_file_actions_t files{};
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawn_file_actions_adddup2(&files, ends[1], 3);
        ::posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
        auto program = std::filesystem::read_symlink("/proc/self/exe").string();
        std::vector<std::string> words{"/usr/bin/setpriv",
                                       "--pdeathsig",
                                       "KILL",
                                       program,
                                       "--gtest_also_run_disabled_tests",
                                       "--gtest_filter=Writer.DISABLED_WritesUntilItIsKilled"};
        std::vector<std::string> variables{"KARAT_TEST_CATALOG=" + url, "KARAT_TEST_NAME=" + name};
        auto const pointers = [](std::vector<std::string>& texts) {
            std::vector<char*> all;
            for (auto& text : texts)
                all.push_back(text.data());
            all.push_back(nullptr);
            return all;
        };
        VERIFY(::posix_spawn(&pid_, words[0].c_str(), &files, nullptr, pointers(words).data(),
                             pointers(variables).data()) == 0);
        ::posix_spawn_file_actions_destroy(&files);
        ::close(ends[1]);
        acknowledged_ = ends[0];
    }

    /// Ends it; returns the names whose change it was told to be durable.
    std::vector<std::string> kill()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        std::string text;
        std::array<char, 4096> bytes{};
        for (ssize_t count = 0; (count = ::read(acknowledged_, bytes.data(), bytes.size())) > 0;)
            text.append(bytes.data(), static_cast<std::size_t>(count));
        ::close(acknowledged_);
        std::vector<std::string> names;
        for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
             at = end + 1)
            names.push_back(text.substr(at, end - at));
        return names;
    }

    /// Whether it has acknowledged something, within a while.
    bool is_at_work() const
    {
        pollfd one{acknowledged_, POLLIN, 0};
        return ::poll(&one, 1, 20'000) == 1;
    }

private:
    pid_t pid_ = 0;
    int acknowledged_ = -1;
};

// Not a test: what WriterProcess runs.
TEST(Writer, DISABLED_WritesUntilItIsKilled)
{
    char const* const url = std::getenv("KARAT_TEST_CATALOG");
    char const* const name = std::getenv("KARAT_TEST_NAME");
    ASSERT_TRUE(url != nullptr && name != nullptr);
    auto opened = Catalog::open(posix_env(), url, Storage::native);
    while (!opened.ok()) // the server may be down just now
        opened = Catalog::open(posix_env(), url, Storage::native);
    auto const catalog = std::move(opened).value();
    for (int count = 0;; ++count) {
        auto const one = fmt::format("{}/{}", name, count);
        if (!add_name(*catalog, one).ok())
            continue;
        auto const line = one + "\n";
        VERIFY(::write(3, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    }
}

void expect_all(std::string const& url, std::set<std::string> const& acknowledged)
{
    auto const catalog = Catalog::open(posix_env(), url, Storage::native).value();
    auto const scope = all_of(counter_of_all());
    std::set<std::string> kept;
    for (auto const& one :
         catalog->read([&](View& view) { return view.parameters(scope, "/w"); }).value())
        kept.insert(one.name);
    for (auto const& name : acknowledged)
        EXPECT_TRUE(kept.contains(name)) << name;
    auto const count =
        catalog->read([&](View& view) { return view.parameter(scope, "/counter"); }).value();
    EXPECT_EQ(static_cast<std::size_t>(count.value_or(counter_of_all()).version), kept.size());
    auto const tasks = catalog->read([](View& view) { return view.open_tasks(); }).value();
    EXPECT_EQ(tasks.size(), kept.size());
    EXPECT_EQ(catalog->check().value().damage, std::vector<std::string>());
}

/// Two writers; each round kills one of them, and every third the server as well.
void kill_and_look(int rounds)
{
    if (PostgresServer::programs().empty())
        GTEST_SKIP() << "postgresql-15 is not installed";
    PostgresServer server(PostgresServer::Syncs::yes);
    auto const url = server.fresh();
    std::mt19937 chance(2026); // NOLINT: the same kills each time
    int started = 0;
    auto const start = [&] { return WriterProcess(url, fmt::format("/w{}", ++started)); };
    std::set<std::string> acknowledged;
    auto const note = [&](std::vector<std::string> const& names) {
        acknowledged.insert(names.begin(), names.end());
    };
    std::array<WriterProcess, 2> writers{start(), start()};
    for (int round = 0; round < rounds; ++round) {
        for (auto const& writer : writers)
            ASSERT_TRUE(writer.is_at_work());
        std::this_thread::sleep_for(milliseconds(chance() % 200));
        if (round % 3 == 2) {
            server.stop(round % 2 == 0 ? SIGQUIT : SIGKILL);
            server.start();
        }
        auto& victim = writers.at(chance() % 2);
        note(victim.kill());
        victim = start();
    }
    for (auto& writer : writers)
        note(writer.kill());
    EXPECT_GT(acknowledged.size(), static_cast<std::size_t>(rounds));
    expect_all(url, acknowledged);
    testing::Test::RecordProperty("acknowledged", static_cast<int>(acknowledged.size()));
    fmt::print("{} kills, {} acknowledged changes, none lost\n", rounds, acknowledged.size());
}

TEST(SlowKills, LoseNothingThatWasAcknowledged)
{
    char const* const kills = std::getenv("KARAT_CATALOG_KILLS");
    kill_and_look(kills ? number_of<int>(kills).value_or(0) : 20);
}

TEST(SlowServer, IsMissedByChangesAndNotByReaders)
{
    if (PostgresServer::programs().empty())
        GTEST_SKIP() << "postgresql-15 is not installed";
    PostgresServer server(PostgresServer::Syncs::yes);
    auto const url = server.fresh();
    auto const catalog = Catalog::open(posix_env(), url, Storage::native).value();
    auto const other = Catalog::open(posix_env(), url, Storage::native).value();
    ASSERT_TRUE(add_name(*catalog, "/w/1").ok());
    server.stop(SIGQUIT);
    std::this_thread::sleep_for(milliseconds(2600));
    auto const missed = add_name(*catalog, "/w/2");
    ASSERT_FALSE(missed.ok());
    EXPECT_EQ(missed.error().fault, Fault::unavailable);
    EXPECT_NE(missed.error().message.find("what is read is 2 s old"), std::string::npos)
        << missed.error().message;
    auto const scope = all_of(counter_of_all());
    auto const read = [&](Catalog& one, char const* name) {
        return one.read([&](View& view) { return view.parameter(scope, name); }).value();
    };
    EXPECT_TRUE(read(*catalog, "/w/1"));
    EXPECT_EQ(Catalog::open(posix_env(), url, Storage::native).error().fault, Fault::unavailable);
    server.start();
    EXPECT_TRUE(add_name(*catalog, "/w/3").ok());
    EXPECT_TRUE(becomes_true([&] { return read(*other, "/w/3").has_value(); }));
    EXPECT_FALSE(read(*other, "/w/2"));
}

} // namespace
} // namespace karat::catalog
