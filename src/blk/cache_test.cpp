// SPDX-License-Identifier: Apache-2.0
#include "cache_format.hpp"
#include "filled_map.hpp"

#include "karat/blk.hpp"
#include "karat/log.hpp"
#include "karat/memory_env.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace karat::blk {
namespace {

constexpr std::size_t kMiB = 1 << 20;
constexpr std::uint64_t kDisk = std::uint64_t{1} << 40;

Bytes noise(std::uint64_t seed, std::size_t size)
{
    Bytes bytes(size);
    SeededChance chance(seed);
    chance.fill(bytes);
    return bytes;
}

/// Data, a hole of 3 MiB, data.
Bytes sample(std::uint64_t seed)
{
    auto volume = noise(seed, 8 * kMiB);
    std::ranges::fill(std::span(volume).subspan(2 * kMiB, 3 * kMiB), std::byte{0});
    return volume;
}

std::string path(char const* suffix, char const* snapshot = "a")
{
    return std::string("cache/") + snapshot + suffix;
}

/// A store with snapshots, and a cache over it that can be opened again and again.
class HostCacheTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(Level::error);
        store_ = blocks::Store::open(memory_.env(), "store").value();
        put("a", volume_);
        options_.directory = "cache";
        options_.limit_bytes = 64 * kMiB;
        options_.boot = "this boot";
        options_.trace_for = std::chrono::seconds(0);
        reopen();
    }
    void TearDown() override
    {
        cache_.reset();
        reader_.reset();
        set_log_level(Level::info);
    }

    void put(std::string const& name, Bytes const& volume)
    {
        auto ingest = store_->begin({.name = name, .size_bytes = volume.size()}, {}).value();
        ASSERT_TRUE(ingest->write(0, volume).ok());
        ASSERT_TRUE(ingest->commit().ok());
    }
    void reopen()
    {
        cache_.reset();
        reader_.reset();
        reader_ = blocks::Reader::open(memory_.env(), "store").value();
        auto opened = HostCache::open(memory_.env(), *reader_, options_);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        cache_ = std::move(opened).value();
    }
    /// As a power cut does.
    void crash()
    {
        cache_.reset();
        reader_.reset();
        store_.reset();
        memory_.files.crash();
        store_ = blocks::Store::open(memory_.env(), "store").value();
        options_.boot = "the next boot";
        reopen();
    }
    static Bytes all_of(Disk& disk)
    {
        Bytes bytes(disk.view().facts().size_bytes);
        auto const read = disk.read(0, bytes);
        EXPECT_TRUE(read.ok()) << read.error().message;
        return bytes;
    }
    void touch(Disk& disk, std::uint64_t offset)
    {
        Bytes bytes(4096);
        ASSERT_TRUE(disk.read(offset, bytes).ok());
        EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(),
                               volume_.begin() + static_cast<std::ptrdiff_t>(offset)));
    }
    void hydrate()
    {
        for (int i = 0; i < 1000 && cache_->tend().value(); ++i) {
        }
    }
    /// "a 100/200 whole traced", a line a snapshot.
    std::string listed()
    {
        std::string text;
        for (auto const& one : list_cache(memory_.files, "cache").value())
            text += one.snapshot + ' ' + std::to_string(one.filled_bytes * 100 / one.full_bytes) +
                    " %" + (one.whole ? " whole" : "") + (one.traced ? " traced" : "") + '\n';
        return text;
    }
    bool there(std::string const& file) { return memory_.files.exists(file).value(); }
    /// From now on the store cannot answer: what is read comes from the cache.
    void break_store()
    {
        for (auto const& pack : memory_.files.list("store/packs").value()) {
            auto const file = memory_.files.open("store/packs/" + pack, Access::write).value();
            ASSERT_TRUE(file->write_at(0, Bytes(file->size_bytes().value())).ok());
        }
    }

    MemoryEnv memory_;
    Bytes const volume_ = sample(1);
    CacheOptions options_;
    std::unique_ptr<blocks::Store> store_;
    std::unique_ptr<blocks::Reader> reader_;
    std::unique_ptr<HostCache> cache_;
};

TEST_F(HostCacheTest, reads_are_equal_and_later_ones_come_from_the_file)
{
    auto const disk = cache_->disk("a").value();
    EXPECT_EQ(all_of(*disk), volume_);
    EXPECT_EQ(listed(), "a 100 %\n");
    break_store();
    EXPECT_EQ(all_of(*disk), volume_);
    Bytes odd(10'001);
    ASSERT_TRUE(disk->read(2 * kMiB - 5000, odd).ok());
    EXPECT_TRUE(std::equal(odd.begin(), odd.end(), volume_.begin() + 2 * kMiB - 5000));
    EXPECT_EQ(cache_->disk("none").error().fault, Fault::not_found);
}

TEST_F(HostCacheTest, is_filled_in_the_background_and_becomes_a_raw_disk)
{
    auto disk = cache_->disk("a").value();
    EXPECT_FALSE(cache_->tend().value()); // nobody has read yet
    touch(*disk, 5 * kMiB);
    hydrate();
    EXPECT_TRUE(listed().starts_with("a 100 % whole")) << listed();
    EXPECT_FALSE(there(path(".part")));
    EXPECT_EQ(read_file(memory_.files, whole_file("cache", "a"), 16 * kMiB).value(), volume_);
    disk.reset();
    break_store();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(all_of(*cache_->disk("a").value()), volume_);
        reopen();
    }
}

TEST_F(HostCacheTest, what_a_process_left_counts_within_a_boot)
{
    touch(*cache_->disk("a").value(), 0);
    auto const before = listed();
    EXPECT_NE(before, "a 0 %\n");
    reopen();
    EXPECT_EQ(listed(), before);
    auto const disk = cache_->disk("a").value();
    break_store();
    touch(*disk, 0);
    Bytes bytes(4096);
    EXPECT_FALSE(disk->read(7 * kMiB, bytes).ok());
}

TEST_F(HostCacheTest, what_a_process_left_is_made_whole_though_nothing_is_missed_any_more)
{
    (void)all_of(*cache_->disk("a").value());
    EXPECT_EQ(listed(), "a 100 %\n");
    reopen();
    auto const disk = cache_->disk("a").value();
    touch(*disk, 0);
    hydrate();
    EXPECT_EQ(listed(), "a 100 % whole\n");
}

TEST_F(HostCacheTest, what_was_not_synced_does_not_count_after_a_power_cut)
{
    touch(*cache_->disk("a").value(), 0);
    options_.boot = "another boot";
    reopen();
    EXPECT_EQ(listed(), "");
    EXPECT_FALSE(there(path(".part")));
    auto disk = cache_->disk("a").value();
    touch(*disk, 0);
    hydrate();
    disk.reset();
    crash();
    EXPECT_TRUE(there(path(".raw")));
    break_store();
    EXPECT_EQ(all_of(*cache_->disk("a").value()), volume_);
}

/// The power goes at any moment of a life: what is believed afterwards is right.
TEST_F(HostCacheTest, survives_a_power_cut_at_any_operation)
{
    for (int last = 1; last < 400; last += 3) {
        int left = last;
        memory_.files.set_hook([&](auto operation, std::string const& file) -> Result<void> {
            if (operation == "read" || !file.starts_with("cache"))
                return {};
            if (left > 0)
                --left;
            return left > 0 ? Result<void>() : fail(Fault::io, "The power is going");
        });
        if (auto disk = cache_->disk("a"); disk.ok()) {
            touch(*disk.value(), 6 * kMiB);
            for (int i = 0; i < 20; ++i)
                (void)cache_->tend().ok();
        }
        bool const ended = left > 0;
        memory_.files.set_hook({});
        bool keeps = false;
        cache_.reset();
        reader_.reset();
        store_.reset();
        memory_.files.crash([&] { return keeps = !keeps; });
        store_ = blocks::Store::open(memory_.env(), "store").value();
        options_.boot = std::to_string(last);
        reopen();
        auto const disk = cache_->disk("a").value();
        ASSERT_EQ(all_of(*disk), volume_) << last;
        if (ended)
            return;
        ASSERT_TRUE(memory_.files.remove(path(".raw")).ok());
    }
}

TEST_F(HostCacheTest, does_not_believe_a_file_of_other_contents)
{
    auto disk = cache_->disk("a").value();
    touch(*disk, 0);
    hydrate();
    disk.reset();
    ASSERT_TRUE(store_->remove("a").ok());
    auto const other = sample(2);
    put("a", other);
    reopen();
    EXPECT_EQ(all_of(*cache_->disk("a").value()), other);
}

TEST_F(HostCacheTest, torn_records_end_the_list)
{
    {
        auto const disk = cache_->disk("a").value();
        touch(*disk, 0);
        touch(*disk, 6 * kMiB);
    }
    cache_.reset();
    auto const file = memory_.files.open(path(".filled"), Access::write).value();
    ASSERT_TRUE(file->write_at(kHeaderBytes + kRecordBytes + 3, Bytes(1, std::byte{0x5a})).ok());
    reopen();
    EXPECT_EQ(all_of(*cache_->disk("a").value()), volume_);
    EXPECT_EQ(listed(), "a 100 %\n");
    reopen();
    EXPECT_EQ(listed(), "a 100 %\n");
}

TEST_F(HostCacheTest, makes_room_for_what_is_used_now)
{
    options_.limit_bytes = 12 * kMiB; // two of 5 MiB
    reopen();
    put("b", sample(2));
    put("c", sample(3));
    put("d", sample(4));
    (void)all_of(*cache_->disk("a").value());
    auto b = cache_->disk("b").value();
    (void)all_of(*b);
    (void)all_of(*cache_->disk("c").value());
    EXPECT_EQ(listed(), "b 100 %\nc 100 %\n");
    auto c = cache_->disk("c").value();
    auto d = cache_->disk("d").value(); // both others are in use
    EXPECT_EQ(all_of(*d), sample(4));
    EXPECT_EQ(listed(), "b 100 %\nc 100 %\n");
    for (auto* const disk : {&b, &c, &d})
        disk->reset();
    options_.limit_bytes = 0;
    reopen();
    EXPECT_EQ(listed(), "");
}

TEST_F(HostCacheTest, removed_snapshots_take_their_files_along)
{
    auto disk = cache_->disk("a").value();
    (void)all_of(*disk);
    (void)cache_->tend();
    memory_.clock.advance(std::chrono::minutes(1));
    hydrate();
    EXPECT_EQ(listed(), "a 100 % whole traced\n");
    ASSERT_TRUE(store_->remove("a").ok());
    memory_.clock.advance(std::chrono::minutes(1));
    ASSERT_TRUE(cache_->tend().ok());
    EXPECT_TRUE(memory_.files.list("cache").value().empty());
    EXPECT_EQ(all_of(*disk), volume_); // whoever has it open reads on
}

TEST_F(HostCacheTest, a_full_disk_is_no_concern_of_guests)
{
    auto const disk = cache_->disk("a").value();
    touch(*disk, 0);
    memory_.files.set_hook([](auto operation, std::string const& file) -> Result<void> {
        if (operation == "write" && file.starts_with("cache"))
            return fail(Fault::io, "No space left on device");
        return {};
    });
    EXPECT_EQ(all_of(*disk), volume_);
    memory_.files.set_hook({});
    EXPECT_EQ(all_of(*disk), volume_);
    EXPECT_NE(listed(), "a 100 %\n"); // not tried again at once
    memory_.clock.advance(std::chrono::minutes(2));
    EXPECT_EQ(all_of(*disk), volume_);
    EXPECT_EQ(listed(), "a 100 %\n");
}

TEST_F(HostCacheTest, leaves_others_their_room_on_the_disk)
{
    memory_.files.set_capacity_bytes(kDisk);
    options_.keep_free_bytes = 2 * kDisk;
    reopen();
    EXPECT_EQ(all_of(*cache_->disk("a").value()), volume_);
    EXPECT_EQ(listed(), "a 0 %\n");
}

TEST_F(HostCacheTest, gives_room_back_when_others_fill_the_disk)
{
    put("b", sample(2));
    options_.keep_free_bytes = 64 * kMiB;
    memory_.files.set_capacity_bytes(kDisk);
    reopen();
    {
        Bytes block(4096);
        auto const other = cache_->disk("b").value();
        ASSERT_TRUE(other->read(0, block).ok());
        hydrate();
    }
    auto const whole = whole_file("cache", "b"); // and unused
    ASSERT_TRUE(there(whole));
    auto const disk = cache_->disk("a").value();
    touch(*disk, 0); // in use, not whole
    auto const fill = [&](std::uint64_t free) {
        memory_.files.set_capacity_bytes(kDisk);
        auto const used = kDisk - memory_.files.free_bytes("cache").value();
        memory_.files.set_capacity_bytes(used + free);
    };
    fill(50 * kMiB); // nothing more is filled, and nothing goes
    ASSERT_TRUE(cache_->tend().ok());
    EXPECT_TRUE(there(whole));
    fill(40 * kMiB);
    ASSERT_TRUE(cache_->tend().ok());
    EXPECT_FALSE(there(whole));
    EXPECT_TRUE(there(path(".part")));
    fill(40 * kMiB);
    ASSERT_TRUE(cache_->tend().ok());
    EXPECT_FALSE(there(path(".part")));
    EXPECT_GT(memory_.files.free_bytes("cache").value(), 40 * kMiB);
    fill(40 * kMiB);
    ASSERT_TRUE(cache_->tend().ok()); // nothing is left
    EXPECT_EQ(all_of(*disk), volume_);
}

TEST_F(HostCacheTest, a_file_that_cannot_be_read_is_no_concern_of_guests)
{
    auto disk = cache_->disk("a").value();
    (void)all_of(*disk);
    ASSERT_TRUE(memory_.files.open(path(".part"), Access::write).value()->truncate(4096).ok());
    EXPECT_EQ(all_of(*disk), volume_);
    disk = cache_->disk("a").value(); // begun anew
    EXPECT_EQ(all_of(*disk), volume_);
    EXPECT_EQ(listed(), "a 100 %\n");
}

TEST_F(HostCacheTest, a_later_launch_is_led_by_the_trace_of_the_first)
{
    options_.trace_for = std::chrono::seconds(60);
    options_.hydrate_bytes_per_second = 0;
    reopen();
    {
        auto const disk = cache_->disk("a").value();
        Bytes bytes(4096);
        for (auto offset = 8 * kMiB; offset > 4 * kMiB; offset -= 4096)
            ASSERT_TRUE(disk->read(offset - 4096, bytes).ok());
        ASSERT_TRUE(cache_->tend().ok());
        EXPECT_FALSE(there(path(".trace")));
        memory_.clock.advance(std::chrono::minutes(1));
        ASSERT_TRUE(cache_->tend().ok());
        EXPECT_TRUE(there(path(".trace")));
    }
    auto const before = list_cache(memory_.files, "cache").value().front();
    for (auto const* const suffix : {".part", ".filled"})
        ASSERT_TRUE(memory_.files.remove(path(suffix)).ok());
    reopen();
    cache_->start();
    auto const disk = cache_->disk("a").value(); // and nobody reads
    for (int i = 0; i < 1000; ++i) {
        auto const now = list_cache(memory_.files, "cache").value().front();
        if (now.filled_bytes == before.filled_bytes)
            return;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << listed();
}

TEST_F(HostCacheTest, one_process_fills_a_directory)
{
    EXPECT_EQ(HostCache::open(memory_.env(), *reader_, options_).error().fault, Fault::unavailable);
}

TEST_F(HostCacheTest, many_readers_of_one_piece_fetch_it_once)
{
    auto const disk = cache_->disk("a").value();
    std::vector<std::jthread> readers;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 8; ++i)
        readers.emplace_back([&] {
            for (std::size_t at = 0; at < volume_.size(); at += 65536) {
                Bytes bytes(65536);
                if (!disk->read(at, bytes).ok() ||
                    !std::equal(bytes.begin(), bytes.end(),
                                volume_.begin() + static_cast<std::ptrdiff_t>(at)))
                    ++wrong;
            }
        });
    readers.clear();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(listed(), "a 100 %\n"); // of the sum of all records
}

TEST(FilledMap, knows_what_was_added)
{
    FilledMap map(std::uint64_t{3} << 30);
    EXPECT_FALSE(map.covers({0, 1}));
    map.add({4096, 8192});
    EXPECT_TRUE(map.covers({4096, 8192}));
    EXPECT_TRUE(map.covers({5000, 100}));
    EXPECT_FALSE(map.covers({4095, 2}));
    EXPECT_FALSE(map.covers({12287, 2}));
    constexpr auto kBorder = std::uint64_t{1} << 30;
    map.add({kBorder - (1 << 20), 2 << 20});
    EXPECT_TRUE(map.covers({kBorder - (1 << 20), 2 << 20}));
    EXPECT_FALSE(map.covers({kBorder - (1 << 20) - 1, 2 << 20}));
    EXPECT_TRUE(map.covers({kBorder, 0}));
}

TEST(CacheFormat, refuses_what_it_did_not_write)
{
    Header const header{.root = sha256("x"), .size_bytes = 1 << 30, .full_bytes = 4 << 20};
    auto const bytes = encode_header(header);
    EXPECT_EQ(decode_header(bytes), header);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto broken = bytes;
        broken[i] ^= std::byte{1};
        EXPECT_FALSE(decode_header(broken)) << i;
        EXPECT_FALSE(decode_header(std::span(bytes).first(i)));
    }
    auto const record = encode_record({{8192, 4096}, 12288}, 7);
    EXPECT_TRUE(decode_record(record, 7, header));
    EXPECT_FALSE(decode_record(record, 8, header));
    for (auto const& wrong :
         {Record{{8192, 4097}, 8192}, Record{{8192, 0}, 8192}, Record{{1 << 30, 4096}, 8192},
          Record{{0, 1 << 20}, 1 << 20}, Record{{0, 8192}, 4096}, Record{{0, 4096}, 5 << 20}})
        EXPECT_FALSE(decode_record(encode_record(wrong, 0), 0, header));
    Trace const trace{4096, 0, 8192};
    auto const text = encode_trace(header.root, trace);
    EXPECT_EQ(decode_trace(text, header.root), trace);
    EXPECT_FALSE(decode_trace(text, sha256("y")));
    for (std::size_t i = 0; i < text.size(); ++i)
        EXPECT_FALSE(decode_trace(std::span(text).first(i), header.root));
}

} // namespace
} // namespace karat::blk
