// SPDX-License-Identifier: Apache-2.0
// What a confined process can do, tried from within: small shells in cages. With karat-confine's
// path in KARAT_CONFINE.
#include "control_groups.hpp"
#include "launch.hpp"

#include "karat/env.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace karat::confine {
namespace {

using namespace std::chrono_literals;
constexpr unsigned kFirstUser = 2'000'000;

class Confined : public testing::Test {
protected:
    void SetUp() override
    {
        char const* const launcher = std::getenv("KARAT_CONFINE");
        if (!launcher)
            GTEST_SKIP() << "needs karat-confine's path in KARAT_CONFINE";
        char name[] = "/tmp/karat-confine-XXXXXX";
        directory_ = ::mkdtemp(name);
        auto made = Isolation::choose({launcher, kFirstUser});
        ASSERT_TRUE(made.ok()) << made.error().message;
        isolation_.emplace(std::move(made).value());
        cage_ = {.name = fmt::format("test-{}", ::getpid()),
                 .user = isolation_->user(7),
                 .readable = {directory_ + "/open"},
                 .writable = {directory_ + "/mine"},
                 .limits = {.memory_mib = 256, .processes = 20}};
        for (auto const* const folder : {"/open", "/mine", "/secret"})
            std::filesystem::create_directory(directory_ + folder);
        for (auto const* const file : {"/open/file", "/mine/file", "/secret/file"})
            EXPECT_TRUE(replace_file(posix_env().files, directory_ + file, as_bytes("x")).ok());
        EXPECT_TRUE(share(directory_ + "/open", cage_.user, Share::enter).ok());
        EXPECT_TRUE(share(directory_ + "/mine", cage_.user, Share::enter).ok());
        EXPECT_TRUE(share(directory_ + "/open/file", cage_.user, Share::write).ok());
        EXPECT_TRUE(share(directory_ + "/mine/file", cage_.user, Share::write).ok());
    }

    void TearDown() override
    {
        if (isolation_)
            isolation_->release(cage_.name);
        if (!directory_.empty())
            std::filesystem::remove_all(directory_);
    }

    /// How a shell in the cage ends.
    std::string shell(std::string const& script)
    {
        auto const command = isolation_->confine(
            cage_, {.program = "sh",
                    .arguments = {"-c", "cd " + directory_ + " 2>/dev/null\n" + script},
                    .error_log = directory_ + "/log"});
        auto const process = Process::spawn(command);
        if (!process.ok())
            return process.error().message;
        EXPECT_TRUE(process.value().wait(30s)) << script;
        return process.value().ending();
    }
    bool can(std::string const& script) { return shell(script) == "exit status 0"; }
    bool has(std::string_view phrase) const
    {
        return std::ranges::any_of(isolation_->in_force(), [=](std::string const& one) {
            return one.find(phrase) != std::string::npos;
        });
    }

    std::string directory_;
    std::optional<Isolation> isolation_;
    Cage cage_;
};

TEST_F(Confined, SeesWhatItIsGivenAndNothingElse)
{
    if (!has("own mounts"))
        GTEST_SKIP() << "no mount namespaces here";
    EXPECT_TRUE(can("test \"$(cat open/file)\" = x"));
    EXPECT_TRUE(can("echo y >mine/file"));
    EXPECT_FALSE(can("echo y >open/file"));
    EXPECT_FALSE(can("cat secret/file"));
    EXPECT_FALSE(can("test -e secret"));
    EXPECT_FALSE(can("touch new || touch /tmp/new || touch /new"));
    EXPECT_FALSE(can("cat /etc/passwd || cat /proc/1/cmdline || ls /sys || ls /home"));
    EXPECT_EQ(shell("exec true"), "exit status 0");
}

TEST_F(Confined, HasNoPrivilege)
{
    // A shell whose /proc is empty knows by kill and by id only.
    if (cage_.user) {
        EXPECT_TRUE(
            can(fmt::format("test \"$(id -u):$(id -g):$(id -G)\" = {0}:{0}:{0}", *cage_.user)));
        EXPECT_FALSE(can(fmt::format("kill -0 {}", ::getpid())));
    }
    EXPECT_FALSE(
        can("chown 0 mine/file && test $(stat -c %u mine/file) = 0 && test $(id -u) != 0"));
    EXPECT_FALSE(can("mount -t tmpfs none mine"));
    EXPECT_FALSE(can("unshare --user true"));
    EXPECT_FALSE(can("unshare --mount true"));
    EXPECT_FALSE(can("chroot / true"));
    EXPECT_FALSE(can("hostname other"));
}

TEST_F(Confined, IsKnownAsSuch)
{
    auto const process = Process::spawn(isolation_->confine(
        cage_, {.program = "sleep", .arguments = {"60"}, .error_log = directory_ + "/log"}));
    ASSERT_TRUE(process.ok());
    for (int i = 0; i < 500 && !is_confined(process.value().pid()); ++i)
        ::usleep(10'000);
    EXPECT_TRUE(is_confined(process.value().pid()));
    EXPECT_FALSE(is_confined(::getpid()));
    EXPECT_TRUE(process.value().end(0ms).ok());
}

TEST_F(Confined, StaysWithinItsLimits)
{
    if (!has("memory"))
        GTEST_SKIP() << "no limits here";
    EXPECT_TRUE(can("head -c 1000000 /dev/zero | tail -c 1 >/dev/null"));
    EXPECT_FALSE(can("head -c 600000000 /dev/zero | tail -c 500000000 >/dev/null; test $? = 0"));
    EXPECT_FALSE(can("for i in $(seq 60); do sleep 5 & done; wait"));
}

TEST_F(Confined, HasThePidFileOfTheProgram)
{
    cage_.pid_file = directory_ + "/pid";
    auto const process = Process::spawn(isolation_->confine(
        cage_, {.program = "sleep", .arguments = {"60"}, .error_log = directory_ + "/log"}));
    ASSERT_TRUE(process.ok());
    std::optional<Process> found;
    for (int i = 0; i < 500 && !found; ++i) {
        ::usleep(10'000);
        found = Process::find(posix_env().files, cage_.pid_file, "60");
    }
    ASSERT_TRUE(found);
    EXPECT_EQ(found->pid(), process.value().pid());
    EXPECT_TRUE(process.value().end(0ms).ok());
}

TEST_F(Confined, SaysWhyItDidNotStart)
{
    cage_.readable.push_back("/nobody/\n/x");
    EXPECT_EQ(shell("true"), "exit status 0"); // what is not there is left out
    auto const command = isolation_->confine(
        cage_, {.program = "no-such-program", .error_log = directory_ + "/log"});
    auto const process = Process::spawn(command);
    ASSERT_TRUE(process.ok());
    EXPECT_TRUE(process.value().wait(10s));
    EXPECT_EQ(process.value().ending(), "exit status 125");
    auto const said = read_file(posix_env().files, directory_ + "/log", 1000).value();
    EXPECT_NE(as_text(said).find("Cannot start no-such-program"), std::string::npos);
}

TEST_F(Confined, SharesNoPlantedLink)
{
    if (!cage_.user)
        GTEST_SKIP() << "needs user ids of its own";
    auto const link = directory_ + "/mine/link";
    std::filesystem::create_symlink(directory_ + "/secret/file", link);
    EXPECT_EQ(share(link, cage_.user, Share::write).error().fault, Fault::denied);
    struct stat facts = {};
    ASSERT_EQ(::stat((directory_ + "/secret/file").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST(Launch, SurvivesItsWords)
{
    Launch launch;
    launch.pid_file = "/p=q";
    launch.control_groups = {"/a", "/b"};
    launch.user = 5;
    launch.groups = {6, 7};
    launch.own_root = launch.proc = true;
    launch.visible = {{Visible::How::read, "/x"},
                      {Visible::How::device, "/dev/kvm"},
                      {Visible::How::write, "/y", "/z"}};
    launch.links = {{"/from", "/to"}};
    launch.directory = "/d";
    auto words = to_words(launch);
    words.insert(words.end(), {"program", "--user=9", "--"});
    auto const parsed = parse_launch(words).value();
    EXPECT_EQ(parsed.program, (std::vector<std::string>{"program", "--user=9", "--"}));
    EXPECT_EQ(parsed.user, 5U);
    auto again = to_words(parsed);
    words.resize(words.size() - 3);
    EXPECT_EQ(again, words);
    EXPECT_FALSE(parse_launch({
                                  "--",
                              })
                     .ok());
    EXPECT_FALSE(parse_launch({"--user=x", "--", "true"}).ok());
    EXPECT_FALSE(parse_launch({"--open-all", "--", "true"}).ok());
}

} // namespace
} // namespace karat::confine
