// SPDX-License-Identifier: Apache-2.0
// The readers against files that QEMU itself makes: what we store must be what qemu-img reads.
#include "karat/volumes.hpp"

#include "testing/qemu_peer.hpp"

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>

namespace karat::volumes {
namespace {

using testing::FakeStore;
using testing::run;

class SlowPeer : public testing::QemuPeer {
protected:
    /// `count` writes, zeroes and discards at random places, as words for qemu-io.
    std::string operations(std::uint64_t size_bytes, int count)
    {
        std::string words;
        for (int i = 0; i < count; ++i) {
            auto const offset = random_() % (size_bytes / 512) * 512;
            auto const most = std::min<std::uint64_t>(size_bytes - offset, 400 << 10);
            auto const length = std::max<std::uint64_t>(random_() % (most / 512 + 1), 1) * 512;
            auto const what = random_() % 6;
            auto const verb = what == 0   ? std::string("write -z")
                              : what == 1 ? std::string("write -z -u")
                              : what == 2 ? std::string("discard")
                                          : fmt::format("write -P {}", random_() % 255 + 1);
            words += fmt::format(" -c '{} {} {}'", verb, offset, std::min(length, most));
        }
        return words;
    }
};

TEST_F(SlowPeer, ReadsWhatQemuConverts)
{
    make_source(file("source"), 24 * kMiB + 512);
    for (auto const* const options : {"-o compat=0.10",
                                      "-o compat=1.1",
                                      "-o cluster_size=512",
                                      "-o cluster_size=4k",
                                      "-o cluster_size=2M",
                                      "-o extended_l2=on,cluster_size=128k",
                                      "-o extended_l2=on,cluster_size=16k",
                                      "-o extended_l2=on,cluster_size=2M",
                                      "-o preallocation=metadata",
                                      "-o preallocation=falloc",
                                      "-o preallocation=metadata,extended_l2=on",
                                      "-o lazy_refcounts=on,refcount_bits=1",
                                      "-o refcount_bits=64",
                                      "-c -o compat=0.10",
                                      "-c",
                                      "-c -o cluster_size=512",
                                      "-c -o cluster_size=2M",
                                      "-c -o compression_type=zstd",
                                      "-c -o compression_type=zstd,cluster_size=2M",
                                      "-c -o compression_type=zstd,cluster_size=4k",
                                      "-c -o extended_l2=on",
                                      "-S 0",
                                      "-W -m 8"}) {
        SCOPED_TRACE(options);
        must(fmt::format("qemu-img convert -f raw -O qcow2 {} {} {}", options, file("source"),
                         file("disk")));
        expect_import_equals_qemu(file("disk"), Format::qcow2, "qcow2");
    }
}

TEST_F(SlowPeer, ReadsWhatQemuWrites)
{
    for (auto const* const options :
         {"compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=2M",
          "extended_l2=on,cluster_size=128k", "extended_l2=on,cluster_size=16k"}) {
        SCOPED_TRACE(options);
        auto const image = file("disk");
        must(fmt::format("qemu-img create -f qcow2 -o {} {} 8M", options, image));
        must("qemu-io -f qcow2 -d unmap" + operations(8 * kMiB, 60) + ' ' + image);
        expect_import_equals_qemu(image, Format::qcow2, "qcow2");
        must("qemu-img snapshot -c before " + image);
        must("qemu-io -f qcow2 -d unmap" + operations(8 * kMiB, 30) + ' ' + image);
        expect_import_equals_qemu(image, Format::qcow2, "qcow2");
        must("qemu-img snapshot -d before " + image);
        must("qemu-img resize -f qcow2 " + image + " 13M");
        must("qemu-io -f qcow2 -d unmap" + operations(13 * kMiB, 30) + ' ' + image);
        expect_import_equals_qemu(image, Format::qcow2, "qcow2");
    }
}

TEST_F(SlowPeer, RefusesWhatReachesOutside)
{
    make_source(file("source"), kMiB);
    must(fmt::format("qemu-img create -f qcow2 -b {} -F raw {}", file("source"), file("backed")));
    must(fmt::format("qemu-img create -f qcow2 -o data_file={},data_file_raw=on {} 1M",
                     file("data"), file("split")));
    // Some clocks are too coarse for it for a while ("Unable to get accurate CPU usage").
    must(fmt::format("for i in $(seq 100); do qemu-img create -f qcow2 "
                     "--object secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s,"
                     "encrypt.iter-time=10 {} 1M && exit 0; sleep 0.1; done; exit 1",
                     file("locked")));
    for (auto const* const name : {"backed", "split", "locked"}) {
        auto const told = volumes_->inspect(file(name), std::nullopt);
        ASSERT_FALSE(told.ok()) << name;
        EXPECT_EQ(told.error().fault, Fault::unsupported) << told.error().message;
    }
}

/// Overlays of ours over a raw base, as QEMU sees them: no file names another.
std::string chain(std::vector<std::string> const& overlays, std::string const& base)
{
    std::string options = "driver=qcow2,discard=unmap,file.filename=" + overlays.back();
    std::string prefix = "backing.";
    for (auto layer = overlays.rbegin() + 1; layer != overlays.rend(); ++layer) {
        options += fmt::format(",{0}driver=qcow2,{0}file.filename={1}", prefix, *layer);
        prefix += "backing.";
    }
    return options + fmt::format(",{0}driver=raw,{0}file.filename={1}", prefix, base);
}

TEST_F(SlowPeer, CapturesWhatAGuestSawThroughAChain)
{
    auto const volume = VolumeId::parse("vol-00000000000000001").value();
    auto const base = SnapshotId::parse("snap-00000000000000002").value();
    for (int round = 0; round < 12; ++round) {
        SCOPED_TRACE(round);
        std::filesystem::remove(file("base"));
        make_source(file("base"), 8 * kMiB);
        store_ = FakeStore();
        auto base_facts = facts(8 * kMiB);
        base_facts.name = base.text();
        ASSERT_TRUE(volumes_->import(file("base"), Format::raw, base_facts, {}).ok());
        ASSERT_TRUE(volumes_->remove(volume).ok());
        Layers layers{base, {}};
        std::vector<std::string> paths;
        std::uint64_t size = 8 * kMiB;
        for (auto const* const name : {"1", "2", "3"}) {
            if (round % 3 == 1) // a volume that grows
                size += 3 * kMiB;
            ASSERT_TRUE(volumes_->create_overlay(volume, name, size).ok());
            layers.overlays.emplace_back(name);
            paths.push_back(volumes_->overlay_path(volume, name));
            must("qemu-io --image-opts" + operations(size, 40) + ' ' + chain(paths, file("base")));
        }
        must(fmt::format("qemu-img convert --image-opts -O raw {} {}", chain(paths, file("base")),
                         file("peer.raw")));
        auto const captured = volumes_->capture(volume, layers, facts(size), {});
        ASSERT_TRUE(captured.ok()) << captured.error().message;
        expect_same(file("peer.raw"));
        for (auto const& path : paths)
            must("qemu-img check -f qcow2 " + path);
    }
}

TEST_F(SlowPeer, CapturesAfterQemuWasKilled)
{
    auto const volume = VolumeId::parse("vol-00000000000000001").value();
    ASSERT_TRUE(volumes_->create_overlay(volume, "1", 8 * kMiB).ok());
    auto const path = volumes_->overlay_path(volume, "1");
    EXPECT_NE(run(fmt::format("ulimit -c 0; qemu-io -f qcow2 -c 'write -P 7 4k 4k' "
                              "-c 'write -P 8 1M 64k' -c flush -c 'write -P 9 2M 4k' -c abort {}",
                              path))
                  .status,
              0);
    auto const captured = volumes_->capture(volume, {std::nullopt, {"1"}}, facts(8 * kMiB), {});
    ASSERT_TRUE(captured.ok()) << captured.error().message;
    auto const& blocks = store_.snapshots.at(kSnapshot).blocks;
    ASSERT_TRUE(blocks.contains(1));
    EXPECT_EQ(blocks.at(1)[0], std::byte{7});
    EXPECT_EQ(blocks.at(256)[0], std::byte{8});
    EXPECT_EQ(blocks.at(271)[4095], std::byte{8});
}

/// Writes through QEMU's storage daemon without a flush, freezes the layer with a snapshot, and
/// leaves the daemon running. Words: folder, layer, its successor. Prints its process number last.
constexpr auto kFreeze = R"sh(
    cd "$1" && mkfifo qmp
    qemu-storage-daemon --nbd-server addr.type=unix,addr.path=nbd.sock \
        --blockdev driver=qcow2,node-name=old,file.driver=file,file.filename="$2" \
        --export type=nbd,id=e,node-name=old,name=disk,writable=on \
        --chardev stdio,id=c --monitor chardev=c < qmp > answers 2>&1 &
    exec 3> qmp
    say() { echo "$1" >&3; }
    answered() {
        for i in $(seq 500); do
            [ "$(grep -c '"return"' answers)" = "$1" ] && return
            sleep 0.02
        done
    }
    say '{"execute":"qmp_capabilities"}'
    answered 1
    ulimit -c 0
    qemu-io -f raw -c 'write -P 5 0 1M' -c 'write -P 6 5M 4k' -c abort \
        'nbd+unix:///disk?socket=nbd.sock'
    say '{"execute":"blockdev-add","arguments":{"driver":"qcow2","node-name":"new",
          "backing":null,"file":{"driver":"file","filename":"'"$3"'"}}}'
    say '{"execute":"blockdev-snapshot","arguments":{"node":"old","overlay":"new"}}'
    answered 3
    cat answers
    echo
    echo $!
)sh";

TEST_F(SlowPeer, CapturesALayerThatWasFrozenUnderALiveQemu)
{
    KARAT_REQUIRE("qemu-storage-daemon", "qemu-system-common");
    auto const volume = VolumeId::parse("vol-00000000000000001").value();
    ASSERT_TRUE(volumes_->create_overlay(volume, "1", 8 * kMiB).ok());
    ASSERT_TRUE(volumes_->create_overlay(volume, "2", 8 * kMiB).ok());
    std::ofstream(file("freeze")) << kFreeze;
    auto const frozen =
        run(fmt::format("sh {} {} {} {}", file("freeze"), folder_.path(),
                        volumes_->overlay_path(volume, "1"), volumes_->overlay_path(volume, "2")));
    EXPECT_EQ(frozen.output.find("\"error\""), std::string::npos) << frozen.output;
    auto const last_line = frozen.output.rfind('\n', frozen.output.size() - 2) + 1;
    auto const pid = std::stoi(frozen.output.substr(last_line));
    ASSERT_EQ(::kill(pid, 0), 0) << "the daemon is to be running: " << frozen.output;

    auto const captured = volumes_->capture(volume, {std::nullopt, {"1"}}, facts(8 * kMiB), {});
    EXPECT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_TRUE(captured.ok()) << captured.error().message;
    auto const& blocks = store_.snapshots.at(kSnapshot).blocks;
    EXPECT_EQ(blocks.size(), kMiB / kBlock + 1);
    EXPECT_EQ(blocks.at(255)[0], std::byte{5});
    EXPECT_EQ(blocks.at(5 * kMiB / kBlock)[0], std::byte{6});
}

TEST_F(SlowPeer, ReadsOnlyWhatWasWrittenWhateverTheSize)
{
    auto const volume = VolumeId::parse("vol-00000000000000001").value();
    for (auto const size :
         {std::uint64_t{1} << 30, std::uint64_t{1} << 40, std::uint64_t{64} << 40}) {
        ASSERT_TRUE(volumes_->remove(volume).ok());
        ASSERT_TRUE(volumes_->create_overlay(volume, "1", size).ok());
        auto const path = volumes_->overlay_path(volume, "1");
        std::string words;
        for (int i = 0; i < 100; ++i)
            words += fmt::format(" -c 'write -P 3 {} 4k'", random_() % (size / kBlock) * kBlock);
        must("qemu-io -f qcow2" + words + ' ' + path);
        store_ = FakeStore();
        auto const start = posix_env().clock.steady();
        ASSERT_TRUE(volumes_->capture(volume, {std::nullopt, {"1"}}, facts(size), {}).ok());
        auto const took = (posix_env().clock.steady() - start) / std::chrono::microseconds(1);
        fmt::print("100 scattered blocks of a volume of {} bytes are captured in {} us\n", size,
                   took);
        auto const written = store_.snapshots.at(kSnapshot).blocks.size() * kBlock;
        EXPECT_EQ(store_.traffic.written_bytes, written);
    }
}

} // namespace
} // namespace karat::volumes
