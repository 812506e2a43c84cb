// SPDX-License-Identifier: Apache-2.0
// Machines under real QEMU with a guest of one sector. Slow: run by ctest under its own name, with
// karat-net's path in KARAT_NET; skipped where a program is missing.
#include "accelerator.hpp"
#include "boot_sector_for_test.hpp"

#include "karat/compute.hpp"
#include "karat/process.hpp"

#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace karat::compute {
namespace {

using namespace std::chrono_literals;

InstanceId const kInstance = InstanceId::parse("i-0123456789abcdef0").value();
VolumeId const kVolume = VolumeId::parse("vol-0123456789abcdef0").value();
constexpr std::uint64_t kDiskBytes = 8 * 1024 * 1024;

bool run(std::string const& command) { return std::system(command.c_str()) == 0; }

class SlowQemu : public testing::Test {
protected:
    void SetUp() override
    {
        char const* const net = std::getenv("KARAT_NET");
        if (!net || !run("qemu-system-x86_64 --version >/dev/null 2>&1"))
            GTEST_SKIP() << "needs QEMU, and karat-net's path in KARAT_NET";
        char name[] = "/tmp/karat-compute-XXXXXX";
        directory_ = ::mkdtemp(name);
        options_ = {.run_directory = directory_ + "/run", .net = net};
        auto chosen = confine::Isolation::choose(
            {.launcher = std::filesystem::path(net).parent_path() / "karat-confine",
             .first_user = 3'000'000});
        ASSERT_TRUE(chosen.ok()) << chosen.error().message;
        isolation_.emplace(std::move(chosen).value());
        options_.isolation = &*isolation_;
        options_.disk_folders = {directory_ + "/disks"};
        options_.readable = {directory_ + "/nbd"};
        for (auto const& folder : {options_.disk_folders[0], options_.readable[0]})
            std::filesystem::create_directory(folder);
        EXPECT_TRUE(confine::protect(options_.readable[0], 0711).ok());
        options_.accelerator = Accelerator::tcg;
        open();
    }

    void TearDown() override
    {
        if (hypervisor_) {
            EXPECT_TRUE(hypervisor_->kill(kInstance).ok());
        }
        hypervisor_.reset();
        if (!directory_.empty())
            std::filesystem::remove_all(directory_);
    }

    void open()
    {
        hypervisor_.reset();
        auto made = make_qemu(posix_env(), options_);
        ASSERT_TRUE(made.ok()) << made.error().message;
        hypervisor_ = std::move(made).value();
        hypervisor_->listen([this](InstanceId const&, Event event) {
            std::lock_guard const lock(mutex_);
            heard_ += event == Event::shut_down ? "shut_down " : "died ";
            changed_.notify_all();
        });
    }

    std::string overlay(std::string const& name) { return options_.disk_folders[0] + '/' + name; }

    std::string new_overlay(std::string const& name)
    {
        auto const path = overlay(name);
        EXPECT_TRUE(
            run(fmt::format("qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=128k {} {}",
                            path, kDiskBytes)));
        return path;
    }

    Machine machine(Guest guest)
    {
        auto const sector = boot_sector(guest);
        auto const raw = directory_ + "/sector.raw";
        auto const file = posix_env().files.open(raw, Access::create).value();
        EXPECT_TRUE(file->write_at(0, sector).ok());
        EXPECT_TRUE(file->truncate(kDiskBytes).ok());
        auto const path = overlay("1.qcow2");
        EXPECT_TRUE(run(fmt::format("qemu-img convert -f raw -O qcow2 {} {}", raw, path)));
        return {.id = kInstance,
                .type_name = "t3.nano",
                .memory_mib = 64,
                .disks = {{.volume = kVolume, .size_bytes = kDiskBytes, .overlays = {path}}},
                .nic = {.mac = "06:00:00:00:00:01",
                        .private_ip = "10.0.0.5",
                        .subnet_cidr = "10.0.0.0/24"}};
    }

    bool prints(std::string const& text)
    {
        for (int i = 0; i < 1800; ++i) { // a busy host is slow, and TCG slower
            auto const console = hypervisor_->console(kInstance, 65536).value();
            if (console.find(text) != std::string::npos)
                return true;
            std::this_thread::sleep_for(50ms);
        }
        return false;
    }

    std::string heard()
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, 30s, [this] { return !heard_.empty(); });
        return heard_;
    }

    std::optional<Process> process(std::string const& pid_file, std::string const& mark)
    {
        auto const folder = options_.run_directory + '/' + kInstance.text() + '/';
        bool const qemu = pid_file == "qemu.pid";
        return Process::find(posix_env().files, folder + pid_file,
                             qemu ? kInstance.text() : folder + mark);
    }

    QemuOptions options_;
    std::optional<confine::Isolation> isolation_;
    std::string directory_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string heard_;
    std::unique_ptr<Hypervisor> hypervisor_;
};

TEST_F(SlowQemu, ProbesWithARealBoot)
{
    EXPECT_TRUE(boots(posix_env(), options_, "tcg").value());
    EXPECT_EQ(hypervisor_->kind().accelerator, "tcg");
}

TEST_F(SlowQemu, RunsAndIsKilled)
{
    auto const wanted = machine(Guest::halts);
    auto const started = hypervisor_->start(wanted);
    ASSERT_TRUE(started.ok()) << started.error().message;
    ASSERT_TRUE(hypervisor_->start(wanted).ok());
    EXPECT_TRUE(prints("guest: up"));
    EXPECT_EQ(hypervisor_->running().value(), std::vector{kInstance});
    EXPECT_EQ(hypervisor_->forget(kInstance).error().fault, Fault::wrong_state);
    EXPECT_TRUE(hypervisor_->not_isolated().empty());
    ASSERT_TRUE(hypervisor_->kill(kInstance).ok());
    ASSERT_TRUE(hypervisor_->kill(kInstance).ok());
    EXPECT_EQ(hypervisor_->power(kInstance).value(), Power::off);
    EXPECT_FALSE(process("qemu.pid", "qemu.pid"));
    EXPECT_FALSE(process("net.pid", "net.json"));
    EXPECT_TRUE(prints("guest: up")); // until it is forgotten
    EXPECT_EQ(heard_, "");
    ASSERT_TRUE(hypervisor_->forget(kInstance).ok());
    EXPECT_EQ(hypervisor_->console(kInstance, 100).value(), "");
}

TEST_F(SlowQemu, TellsOfAShutdown)
{
    ASSERT_TRUE(hypervisor_->start(machine(Guest::powers_off)).ok());
    EXPECT_EQ(heard(), "shut_down ");
    EXPECT_EQ(hypervisor_->power(kInstance).value(), Power::off);
    EXPECT_TRUE(prints("guest: up"));
}

TEST_F(SlowQemu, TellsOfACrash)
{
    ASSERT_TRUE(hypervisor_->start(machine(Guest::halts)).ok());
    process("qemu.pid", "qemu.pid")->signal(SIGKILL);
    EXPECT_EQ(heard(), "died ");
    EXPECT_EQ(hypervisor_->power(kInstance).value(), Power::off);
}

TEST_F(SlowQemu, AdoptsWhatRuns)
{
    ASSERT_TRUE(hypervisor_->start(machine(Guest::halts)).ok());
    ASSERT_TRUE(prints("guest: up"));
    open(); // as a restart of the daemon
    EXPECT_EQ(hypervisor_->power(kInstance).value(), Power::off);
    ASSERT_TRUE(hypervisor_->adopt().ok());
    EXPECT_EQ(hypervisor_->power(kInstance).value(), Power::running);
    process("qemu.pid", "qemu.pid")->signal(SIGKILL);
    EXPECT_EQ(heard(), "died ");
}

TEST_F(SlowQemu, HearsWhatHappenedWhileNobodyListened)
{
    ASSERT_TRUE(hypervisor_->start(machine(Guest::halts)).ok());
    auto const qemu = process("qemu.pid", "qemu.pid");
    hypervisor_.reset();
    qemu->signal(SIGKILL);
    EXPECT_TRUE(qemu->wait(5s));
    open();
    ASSERT_TRUE(hypervisor_->adopt().ok());
    EXPECT_EQ(heard(), "died ");

    heard_.clear();
    ASSERT_TRUE(hypervisor_->start(machine(Guest::powers_off)).ok());
    hypervisor_.reset();
    std::this_thread::sleep_for(3s);
    open();
    ASSERT_TRUE(hypervisor_->adopt().ok());
    EXPECT_EQ(heard(), "shut_down ");
}

TEST_F(SlowQemu, StartsTheNetworkAgain)
{
    ASSERT_TRUE(hypervisor_->start(machine(Guest::halts)).ok());
    auto const first = process("net.pid", "net.json");
    ASSERT_TRUE(first);
    first->signal(SIGKILL);
    EXPECT_TRUE(first->wait(5s));
    int second = 0;
    for (int i = 0; i < 100 && second == 0; ++i) {
        std::this_thread::sleep_for(50ms);
        auto const found = process("net.pid", "net.json");
        second = found && found->pid() != first->pid() ? found->pid() : 0;
    }
    EXPECT_NE(second, 0);
    EXPECT_EQ(hypervisor_->power(kInstance).value(), Power::running);
}

TEST_F(SlowQemu, NamesWhatIsMissing)
{
    auto lost = machine(Guest::halts);
    lost.disks[0].overlays = {overlay("none.qcow2")};
    auto const started = hypervisor_->start(lost);
    ASSERT_FALSE(started.ok());
    EXPECT_NE(started.error().message.find("none.qcow2"), std::string::npos)
        << started.error().message;
    EXPECT_FALSE(process("qemu.pid", "qemu.pid"));
    options_.qemu = "/none/qemu";
    EXPECT_EQ(make_qemu(posix_env(), options_).error().message,
              "QEMU is not installed: apt-get install qemu-system-x86");
}

/// What the guest's sectors hold after its first `count` writes.
std::uint32_t expected_word(std::uint32_t slot, std::uint32_t count)
{
    auto const rounds = count / kGuestSlots;
    auto const last = rounds * kGuestSlots + slot;
    if (last <= count)
        return last;
    return rounds == 0 ? 0 : last - kGuestSlots;
}

/// How many of the guest's writes a disk holds, all earlier ones included; -1 if it is no prefix.
std::int64_t writes_in(std::string const& raw)
{
    auto const file = posix_env().files.open(raw, Access::read).value();
    std::vector<std::uint32_t> words(kGuestSlots);
    std::uint32_t count = 0;
    for (std::uint32_t slot = 0; slot < kGuestSlots; ++slot) {
        Bytes sector(512);
        EXPECT_TRUE(read_exactly(*file, (kGuestFirstSector + slot) * 512, sector).ok());
        std::memcpy(&words[slot], sector.data(), sizeof words[slot]);
        for (std::size_t at = 0; at < sector.size(); at += 4)
            if (std::memcmp(sector.data(), sector.data() + at, 4) != 0)
                return -1;
        count = std::max(count, words[slot]);
    }
    for (std::uint32_t slot = 0; slot < kGuestSlots; ++slot)
        if (words[slot] != expected_word(slot, count))
            return -1;
    return count;
}

/// Flattens a chain of overlays, bottom first, without QEMU's help: each as its own file.
std::string flatten(std::string const& to, std::vector<std::string> const& overlays)
{
    std::string chain;
    for (std::string const& path : overlays)
        chain = fmt::format(R"({{"driver":"qcow2","file":{{"driver":"file","locking":"off",)"
                            R"("filename":"{}"}},"backing":{}}})",
                            path, chain.empty() ? "null" : chain);
    EXPECT_TRUE(run(fmt::format("qemu-img convert -U -O raw 'json:{}' {}", chain, to)));
    return to;
}

TEST_F(SlowQemu, SwapsAndRebasesUnderWrites)
{
    auto const wanted = machine(Guest::writes);
    ASSERT_TRUE(hypervisor_->start(wanted).ok());
    ASSERT_TRUE(prints("."));
    auto disk = wanted.disks[0];
    std::int64_t before = 0;
    for (int i = 2; i < 5; ++i) {
        auto const next = new_overlay(fmt::format("{}.qcow2", i));
        std::vector<Swap> const swaps{{.volume = kVolume, .overlay = next}};
        auto const swapped = hypervisor_->swap_overlays(kInstance, swaps);
        ASSERT_TRUE(swapped.ok()) << swapped.error().message;
        EXPECT_LT(swapped.value().pause, 2s); // milliseconds when the host is not busy
        ASSERT_TRUE(hypervisor_->swap_overlays(kInstance, swaps).ok());
        auto const frozen = writes_in(flatten(directory_ + "/frozen.raw", disk.overlays));
        EXPECT_GE(frozen, before);
        before = frozen;
        disk.overlays.push_back(next);
    }
    // Everything frozen becomes one backing file, served as a snapshot would be.
    auto const base =
        flatten(directory_ + "/base.raw", {disk.overlays[0], disk.overlays[1], disk.overlays[2]});
    auto const server =
        Process::spawn({.program = "nbdkit",
                        .arguments = {"-f", "-r", "-U", options_.readable[0] + "/b.sock", "-e",
                                      "snap", "file", base},
                        .directory = directory_,
                        .error_log = directory_ + "/nbdkit.log"});
    ASSERT_TRUE(server.ok()) << server.error().message;
    for (int i = 0; i < 100 && !std::filesystem::exists(options_.readable[0] + "/b.sock"); ++i)
        std::this_thread::sleep_for(20ms);
    disk.overlays = {disk.overlays.back()};
    disk.backing = Backing{options_.readable[0] + "/b.sock", "snap"};
    EXPECT_TRUE(confine::share(options_.readable[0] + "/b.sock",
                               isolation_->user(confine::kReaders), confine::Share::write)
                    .ok());
    for (int i = 0; i < 2; ++i) {
        auto const rebased = hypervisor_->rebase(kInstance, disk);
        ASSERT_TRUE(rebased.ok()) << rebased.error().message;
    }
    EXPECT_TRUE(prints("guest: done"));
    ASSERT_TRUE(hypervisor_->kill(kInstance).ok());
    EXPECT_TRUE(server.value().end(5s).ok());
    auto const json =
        fmt::format(R"({{"driver":"qcow2","file":{{"driver":"file","filename":"{}"}},)"
                    R"("backing":{{"driver":"raw","file":{{"driver":"file","filename":"{}"}}}}}})",
                    disk.overlays[0], base);
    ASSERT_TRUE(run(fmt::format("qemu-img convert -O raw 'json:{}' {}/all.raw", json, directory_)));
    EXPECT_EQ(writes_in(directory_ + "/all.raw"), kGuestWrites);
}

/// Whether QEMU has a file open: it holds locks on what it writes.
bool is_free(std::string const& path)
{
    return run(fmt::format("qemu-img info {} >/dev/null 2>&1", path));
}

TEST_F(SlowQemu, PlugsInGrowsAndPullsOut)
{
    ASSERT_TRUE(hypervisor_->start(machine(Guest::halts)).ok());
    ASSERT_TRUE(prints("guest: up"));
    auto const id = VolumeId::parse("vol-0123456789abcdef1").value();
    Disk const disk{.volume = id, .size_bytes = kDiskBytes, .overlays = {new_overlay("hot.qcow2")}};
    for (int i = 0; i < 2; ++i) {
        auto const attached = hypervisor_->attach_disk(kInstance, disk);
        ASSERT_TRUE(attached.ok()) << attached.error().message;
    }
    EXPECT_FALSE(is_free(disk.overlays[0]));
    for (int i = 0; i < 2; ++i) {
        auto const grown = hypervisor_->grow_disk(kInstance, id, 2 * kDiskBytes);
        ASSERT_TRUE(grown.ok()) << grown.error().message;
    }
    // A guest that does not listen keeps its disk for as long as it is only asked.
    for (int i = 0; i < 3; ++i) {
        auto const asked = hypervisor_->detach_disk(kInstance, id, Unplug::asking);
        ASSERT_TRUE(asked.ok()) << asked.error().message;
        EXPECT_FALSE(asked.value());
    }
    EXPECT_FALSE(is_free(disk.overlays[0]));
    for (int i = 0; i < 2; ++i) {
        auto const pulled = hypervisor_->detach_disk(kInstance, id, Unplug::by_force);
        ASSERT_TRUE(pulled.ok()) << pulled.error().message;
        EXPECT_TRUE(pulled.value());
        EXPECT_TRUE(is_free(disk.overlays[0]));
    }
    EXPECT_TRUE(run(
        fmt::format("qemu-img info {} | grep -q '({} bytes)'", disk.overlays[0], 2 * kDiskBytes)));
    EXPECT_EQ(hypervisor_->attach_disk(kInstance, disk).error().fault, Fault::unavailable);
    EXPECT_EQ(hypervisor_->power(kInstance).value(), Power::running);
}

TEST_F(SlowQemu, HasPlacesForSixteenDisks)
{
    ASSERT_TRUE(hypervisor_->start(machine(Guest::halts)).ok());
    for (std::size_t i = 1; i <= kMaxDisks; ++i) {
        auto const id = VolumeId::parse(fmt::format("vol-0123456789abcd{:03x}", i)).value();
        Disk const disk{.volume = id,
                        .size_bytes = kDiskBytes,
                        .overlays = {new_overlay(fmt::format("{}.qcow2", i + 10))}};
        auto const attached = hypervisor_->attach_disk(kInstance, disk);
        if (i < kMaxDisks) {
            EXPECT_TRUE(attached.ok()) << i << ": " << attached.error().message;
            continue;
        }
        EXPECT_EQ(attached.error().fault, Fault::exhausted);
        EXPECT_TRUE(is_free(disk.overlays[0]));
    }
}

} // namespace
} // namespace karat::compute
