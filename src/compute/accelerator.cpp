// SPDX-License-Identifier: Apache-2.0
#include "accelerator.hpp"

#include "cages.hpp"

#include "karat/process.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fmt/format.h>

namespace karat::compute {
namespace {

constexpr std::chrono::milliseconds kProbePatience{8'000};
constexpr std::size_t kCpuinfoBytes = 16 * 1024; // the first processor's flags are within
constexpr std::size_t kDiskBytes = 1024 * 1024;  // the BIOS does not boot from a single sector

/// mov al, 16; mov dx, 0xf4; out dx, al; then halt for ever. isa-debug-exit makes of the 16 that
/// QEMU exits with 16 * 2 + 1.
constexpr std::array<unsigned char, 9> kSayHello = {0xb0, 0x10, 0xba, 0xf4, 0x00,
                                                    0xee, 0xf4, 0xeb, 0xfd};
constexpr std::string_view kHello = "exit status 33";

Bytes boot_disk()
{
    Bytes disk(kDiskBytes);
    std::ranges::copy(std::as_bytes(std::span(kSayHello)), disk.begin());
    disk[510] = std::byte{0x55};
    disk[511] = std::byte{0xaa};
    return disk;
}

Result<bool> has_virtualization(Files& files)
{
    auto const file = TRY(files.open("/proc/cpuinfo", Access::read));
    Bytes bytes(kCpuinfoBytes);
    auto const got = TRY(file->read_at(0, bytes));
    auto const text = as_text(std::span(bytes).first(got));
    return text.find(" vmx ") != std::string_view::npos ||
           text.find(" svm ") != std::string_view::npos;
}

/// Uses KVM if a guest runs with it, else says why not.
Result<Hypervisor::Kind> probe_kvm(Env env, QemuOptions const& options)
{
    auto const device = TRY(env.files.exists("/dev/kvm"));
    if (!device)
        return Hypervisor::Kind{"tcg", "this host has no /dev/kvm"};
    auto const flag = has_virtualization(env.files);
    if (!flag.ok() || !flag.value())
        return Hypervisor::Kind{"tcg", "the processor shows no virtualization (vmx or svm)"};
    auto const runs = TRY(boots(env, options, "kvm"));
    if (!runs)
        return Hypervisor::Kind{"tcg", "/dev/kvm is there, but a guest does not boot with it"};
    return Hypervisor::Kind{"kvm", "a guest booted with /dev/kvm"};
}

Result<Hypervisor::Kind> require_kvm(Env env, QemuOptions const& options)
{
    auto kind = TRY(probe_kvm(env, options));
    if (kind.accelerator != "kvm")
        return fail(Fault::unavailable,
                    fmt::format("KVM does not work here: {}. Set accelerator to auto or tcg to run "
                                "guests without it",
                                kind.reason));
    return kind;
}

} // namespace

Result<bool> boots(Env env, QemuOptions const& options, std::string const& accelerator)
{
    auto const disk = options.run_directory + "/probe.img";
    TRY(env.files.make_dirs(options.run_directory));
    TRY(publish_file(env.files, disk, boot_disk()));
    auto const user = options.isolation->user(confine::kUsers - 1);
    TRY(confine::share(disk, user, confine::Share::read));
    confine::Cage const cage{.name = "probe",
                             .user = user,
                             .groups = kvm_group(),
                             .readable = {disk},
                             .devices = {"/dev/kvm"},
                             .limits = {.memory_mib = 1024, .processes = 64}};
    auto const qemu = TRY(Process::spawn(options.isolation->confine(
        cage,
        {.program = options.qemu,
         .arguments = {"-machine", "q35", "-accel", accelerator, "-m", "16M", "-nodefaults",
                       "-no-user-config", "-display", "none", "-vga", "none", "-blockdev",
                       R"({"driver":"file","node-name":"probe","read-only":true,"filename":")" +
                           disk + "\"}",
                       "-device", "virtio-blk-pci,drive=probe", "-device",
                       "isa-debug-exit,iobase=0xf4,iosize=1"},
         .error_log = options.run_directory + "/probe.log"})));
    bool const ended = qemu.wait(kProbePatience);
    if (!ended)
        TRY(qemu.end(std::chrono::milliseconds(0)));
    options.isolation->release(cage.name);
    TRY(env.files.remove(disk));
    return ended && qemu.ending() == kHello;
}

Result<Hypervisor::Kind> choose_accelerator(Env env, QemuOptions const& options)
{
    switch (options.accelerator) {
    case Accelerator::automatic:
        return probe_kvm(env, options);
    case Accelerator::kvm:
        return require_kvm(env, options);
    case Accelerator::tcg:
        return Hypervisor::Kind{"tcg", "the settings say so"};
    }
    return fail(Fault::invalid, "There is no such accelerator");
}

} // namespace karat::compute
