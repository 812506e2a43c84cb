// SPDX-License-Identifier: Apache-2.0
#include "karat/env.hpp"
#include "karat/hash.hpp"
#include "karat/json.hpp"
#include "karat/log.hpp"
#include "karat/log_limit.hpp"
#include "karat/memory_env.hpp"
#include "karat/nearest.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace karat {
namespace {

std::string contents(Files& files, std::string const& path)
{
    auto const bytes = read_file(files, path, 1 << 20);
    return bytes.ok() ? std::string(as_text(bytes.value()))
                      : "(" + std::string(name(bytes.error().fault)) + ")";
}

void put(Files& files, std::string const& path, std::string_view text)
{
    auto const file = files.open(path, Access::create).value();
    ASSERT_TRUE(file->write_at(0, as_bytes(text)).ok());
}

TEST(Hash, MatchesThePublishedExamples)
{
    // FIPS 180-4 "abc"; RFC 4231 test case 2.
    EXPECT_EQ(sha256("abc").text(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?").text(),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Hash, Base64RoundTripsAndRefusesOtherText)
{
    // RFC 4648 §10.
    for (auto const& [plain, coded] : {std::pair("", ""),
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"foobar", "Zm9vYmFy"}}) {
        EXPECT_EQ(to_base64(as_bytes(plain)), coded);
        auto const decoded = from_base64(coded).value();
        EXPECT_EQ(as_text(decoded), plain);
    }
    for (auto const* const bad : {"Z", "Zg=", "Zg===", "Zm9v=", "Z!==", "Zg==Zg=="})
        EXPECT_FALSE(from_base64(bad).ok()) << bad;
    EXPECT_EQ(as_text(from_base64("Zm9v\nYmFy").value()), "foobar");
}

TEST(Time, RoundTripsAndRefusesOtherText)
{
    auto const time = parse_time("2026-02-28T23:59:59.070Z").value();
    EXPECT_EQ(format_time(time), "2026-02-28T23:59:59.070Z");
    EXPECT_EQ(format_time(parse_time("2024-02-29T00:00:00Z").value()), "2024-02-29T00:00:00.000Z");
    for (auto const* const bad :
         {"", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z",
          "2026-01-01T00:00:00.Z", "x026-01-01T00:00:00Z"})
        EXPECT_FALSE(parse_time(bad).ok()) << bad;
}

TEST(Log, QuotesWhatWouldSplitALine)
{
    EXPECT_EQ(format_log_line(Level::info, "x.done",
                              {{"id", "snap-1"}, {"n", 3}, {"text", "a \"b\"\nc"}}),
              "info x.done id=snap-1 n=3 text=\"a \\\"b\\\"\\nc\"");
}

TEST(Log, TakesTerminalsAndLongTextTheirEffect)
{
    EXPECT_EQ(
        format_log_line(Level::info, "x", {{"t", "\x1b[2J"}, {"u", "\xff"}, {"v", "é\u0085"}}),
        "info x t=\"?[2J\" u=\"?\" v=\"é?\"");
    auto const line = format_log_line(Level::info, "x", {{"t", std::string(1 << 20, 'a')}});
    EXPECT_LT(line.size(), 4200U);
    EXPECT_TRUE(line.ends_with("a…\"")) << line.size();
}

TEST(LogLimit, ABurstThenARateAndACountOfTheRest)
{
    LogLimit limit({.per_second = 2, .burst = 3});
    std::chrono::nanoseconds now = std::chrono::hours(5);
    int admitted = 0;
    for (int i = 0; i < 100; ++i)
        admitted += limit.admit(now).has_value() ? 1 : 0;
    EXPECT_EQ(admitted, 3);
    now += std::chrono::milliseconds(500);
    EXPECT_EQ(limit.admit(now), 97U);
    EXPECT_FALSE(limit.admit(now).has_value());
    now += std::chrono::hours(1); // not more than the burst
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(limit.admit(now), i == 0 ? 1U : 0U);
    EXPECT_FALSE(limit.admit(now).has_value());
}

TEST(Nearest, GuessesSlipsOfAKeyAndNothingElse)
{
    std::vector<std::string> const words{"status", "store", "instances", "keep_free_mib", "port"};
    EXPECT_EQ(nearest("statsu", words), "status");
    EXPECT_EQ(nearest("keep_free_mb", words), "keep_free_mib");
    EXPECT_EQ(nearest("prot", words), "port");
    EXPECT_EQ(nearest("launch", words), "");
    EXPECT_EQ(nearest("x", words), "");
    EXPECT_EQ(nearest(std::string(100'000, 'x'), words), "");
    EXPECT_EQ(did_you_mean("stor", words), "; did you mean 'store'?");
}

TEST(MemoryFiles, CrashForgetsWhatWasNotSynced)
{
    MemoryFiles files;
    put(files, "a", "one");
    ASSERT_TRUE(files.open("a", Access::write).value()->sync_data().ok());
    ASSERT_TRUE(files.sync_dir(".").ok());
    put(files, "a", "two");
    put(files, "b", "new");
    EXPECT_EQ(contents(files, "a"), "two");
    files.crash();
    EXPECT_EQ(contents(files, "a"), "one");
    EXPECT_EQ(contents(files, "b"), "(not_found)");
}

TEST(MemoryFiles, ARenameIsNoBarrierForContents)
{
    MemoryFiles files;
    put(files, "a.new", "text");
    ASSERT_TRUE(files.rename("a.new", "a").ok());
    ASSERT_TRUE(files.sync_dir(".").ok());
    files.crash();
    EXPECT_EQ(contents(files, "a"), ""); // the name survived, the bytes did not
}

TEST(MemoryFiles, ReplaceFileLeavesTheOldOrTheNew)
{
    for (int keep = 0; keep < 2; ++keep) {
        MemoryFiles files;
        ASSERT_TRUE(replace_file(files, "d", as_bytes("old")).ok());
        int calls = 0;
        files.set_hook([&](std::string_view operation, std::string const&) -> Result<void> {
            if (operation == "sync_dir" && ++calls == 1)
                return fail(Fault::io, "power cut");
            return {};
        });
        EXPECT_FALSE(replace_file(files, "d", as_bytes("new")).ok());
        files.set_hook(nullptr);
        files.crash([&] { return keep == 1; });
        EXPECT_EQ(contents(files, "d"), keep == 1 ? "new" : "old");
    }
}

TEST(MemoryFiles, HandlesFromBeforeACrashAreDead)
{
    MemoryFiles files;
    auto const file = files.open("a", Access::create).value();
    ASSERT_TRUE(files.sync_dir(".").ok());
    files.crash();
    EXPECT_FALSE(file->write_at(0, as_bytes("x")).ok());
}

TEST(MemoryFiles, AFullDiskSaysSo)
{
    MemoryFiles files;
    files.set_capacity_bytes(4);
    auto const file = files.open("a", Access::create).value();
    EXPECT_TRUE(file->write_at(0, as_bytes("1234")).ok());
    EXPECT_EQ(file->write_at(4, as_bytes("5")).error().message,
              "Cannot write a: No space left on device");
}

class PosixFilesTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(files_.make_dirs(dir_ + "/deep").ok()); }
    void TearDown() override
    {
        ASSERT_TRUE(files_.remove_dir(dir_ + "/deep").ok());
        for (auto const& entry : files_.list(dir_).value())
            ASSERT_TRUE(files_.remove(dir_ + "/" + entry).ok());
        ASSERT_TRUE(files_.remove_dir(dir_).ok());
    }
    Env env_ = posix_env();
    Files& files_ = env_.files;
    std::string dir_ = testing::TempDir() + "karat-base-" + random_hex(env_.chance, 8);
};

TEST_F(PosixFilesTest, SkipsHoles)
{
    auto const file = files_.open(dir_ + "/sparse", Access::create_new).value();
    ASSERT_TRUE(file->truncate(8 << 20).ok());
    ASSERT_TRUE(file->write_at(4 << 20, as_bytes("data")).ok());
    auto const data = file->next_data(0).value();
    ASSERT_TRUE(data.has_value());
    EXPECT_EQ(data->offset_bytes, 4U << 20);
    EXPECT_FALSE(file->next_data(data->end_bytes()).value().has_value());
}

TEST_F(PosixFilesTest, MakesNoDirectoryBelowAFileOrALinkToNowhere)
{
    ASSERT_TRUE(files_.open(dir_ + "/file", Access::create).ok());
    ASSERT_EQ(::symlink("nowhere/at/all", (dir_ + "/link").c_str()), 0);
    for (std::string const name : {"/file", "/link"}) {
        EXPECT_FALSE(files_.make_dirs(dir_ + name).ok());
        EXPECT_FALSE(files_.make_dirs(dir_ + name + "/below").ok());
    }
    EXPECT_TRUE(files_.make_dirs(dir_ + "/deep").ok());
}

TEST_F(PosixFilesTest, SaysWhatTheSystemSaid)
{
    EXPECT_EQ(files_.open(dir_ + "/none", Access::read).error().fault, Fault::not_found);
    put(files_, dir_ + "/a", "x");
    EXPECT_EQ(files_.open(dir_ + "/a", Access::create_new).error().fault, Fault::duplicate);
    EXPECT_EQ(files_.list(dir_ + "/none").error().fault, Fault::not_found);
}

TEST_F(PosixFilesTest, OpensFilesOnlyAndNeverWaits)
{
    auto const pipe = dir_ + "/pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    for (auto const access : {Access::read, Access::write, Access::create}) {
        for (auto const& path : {pipe, dir_, std::string("/dev/zero")}) {
            auto const opened = files_.open(path, access);
            ASSERT_FALSE(opened.ok()) << path;
            EXPECT_EQ(opened.error().fault, Fault::invalid) << path;
        }
    }
    EXPECT_EQ(files_.open(pipe, Access::read).error().message,
              pipe + " is a named pipe, neither a file nor a block device");
    put(files_, dir_ + "/a", "x");
    EXPECT_EQ(files_.rename(dir_ + "/a", pipe).error().fault, Fault::invalid);
}

TEST_F(PosixFilesTest, ReplacingWritesThroughNoLink)
{
    put(files_, dir_ + "/other", "theirs");
    ASSERT_EQ(::symlink((dir_ + "/other").c_str(), (dir_ + "/a.new").c_str()), 0);
    ASSERT_TRUE(replace_file(files_, dir_ + "/a", as_bytes("ours")).ok());
    EXPECT_EQ(as_text(read_file(files_, dir_ + "/other", 100).value()), "theirs");
    EXPECT_EQ(as_text(read_file(files_, dir_ + "/a", 100).value()), "ours");
}

TEST_F(PosixFilesTest, ALockHasOneHolder)
{
    auto lock = files_.lock(dir_ + "/lock").value();
    EXPECT_EQ(files_.lock(dir_ + "/lock").error().fault, Fault::unavailable);
    lock.reset();
    EXPECT_TRUE(files_.lock(dir_ + "/lock").ok());
}

TEST(Json, ReserveIsWholeAgainWhenAllCameBack)
{
    constexpr std::size_t kPiece = 1 << 20;
    for (int round = 0; round < 2; ++round) {
        std::vector<void*> taken;
        try {
            while (true)
                taken.push_back(std::memset(take_json_reserve(kPiece - 1), 'x', kPiece - 1));
        } catch (std::bad_alloc const&) {
        }
        EXPECT_EQ(taken.size(), 16U);
        for (auto* const memory : taken)
            give_json_memory_back(memory);
    }
}

} // namespace
} // namespace karat
