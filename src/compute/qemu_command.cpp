// SPDX-License-Identifier: Apache-2.0
#include "qemu_command.hpp"

#include "block_nodes.hpp"

#include "karat/hash.hpp"

#include <fmt/format.h>

namespace karat::compute {
namespace {

class Arguments {
public:
    void add(std::string option) { words_.push_back(std::move(option)); }
    void add(std::string option, std::string value)
    {
        words_.push_back(std::move(option));
        words_.push_back(std::move(value));
    }
    void add_block(Json const& options)
    {
        add("-blockdev", options.dump(-1, ' ', true, Json::error_handler_t::replace));
    }
    std::vector<std::string> take() { return std::move(words_); }

private:
    std::vector<std::string> words_;
};

/// A value inside QEMU's comma-separated options.
std::string escaped(std::string_view value)
{
    std::string result;
    for (char const c : value)
        result += c == ',' ? ",," : std::string(1, c);
    return result;
}

void add_board(Arguments& args, Machine const& machine, std::string const& accelerator)
{
    args.add("-name", machine.id.text());
    args.add("-machine", machine.uefi ? "q35,pflash0=uefi-code,pflash1=uefi-vars" : "q35");
    bool const kvm = accelerator == "kvm";
    args.add("-accel", kvm ? "kvm" : "tcg,thread=multi");
    args.add("-cpu", kvm ? "host" : "max");
    args.add("-smp",
             fmt::format("{},sockets=1,cores={},threads={}", machine.vcpus,
                         machine.vcpus / machine.threads_per_core, machine.threads_per_core));
    args.add("-m", fmt::format("{}M", machine.memory_mib));
    args.add("-nodefaults");
    args.add("-no-user-config");
    args.add("-display", "none");
    args.add("-vga", "none");
    args.add("-rtc", "base=utc");
    args.add("-boot", "strict=on");
    args.add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    // A guest that powers off leaves its process waiting for us, so that a shutdown is told from a
    // crash even when nobody was there to hear of it.
    args.add("-no-shutdown");
    args.add("-S");
}

void add_identity(Arguments& args, Machine const& machine)
{
    auto const uuid = smbios_uuid(machine.id);
    args.add("-smbios", "type=0,vendor=Amazon EC2,version=1.0");
    args.add("-smbios", fmt::format("type=1,manufacturer=Amazon EC2,product={},uuid={},serial={}",
                                    escaped(machine.type_name), uuid, uuid));
    args.add("-smbios", qemu_mark(machine.id));
    args.add("-smbios", "type=3,manufacturer=Amazon EC2,asset=Amazon EC2");
}

void add_socket(Arguments& args, std::string_view id, InheritedSocket socket)
{
    args.add("-chardev",
             fmt::format("socket,id={},fd={},server=on,wait=off", id, static_cast<int>(socket)));
}

void add_ports(Arguments& args)
{
    add_socket(args, "monitor", InheritedSocket::monitor);
    args.add("-mon", "chardev=monitor,mode=control");
    add_socket(args, "console", InheritedSocket::console);
    args.add("-device", "isa-serial,chardev=console");
    args.add("-device", "virtio-serial-pci");
    add_socket(args, "agent", InheritedSocket::agent);
    args.add("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0");
    args.add("-object", "rng-random,id=entropy,filename=/dev/urandom");
    args.add("-device", "virtio-rng-pci,rng=entropy");
}

void add_network(Arguments& args, Machine const& machine)
{
    args.add("-netdev", fmt::format("stream,id=net,server=on,addr.type=fd,addr.str={}",
                                    static_cast<int>(InheritedSocket::net)));
    // No boot ROM: nobody boots from this network, and looking costs seconds.
    args.add("-device",
             fmt::format("virtio-net-pci,netdev=net,mac={},romfile=", escaped(machine.nic.mac)));
}

void add_disks(Arguments& args, Machine const& machine)
{
    for (std::size_t i = 0; i < kMaxDisks; ++i)
        args.add("-device",
                 fmt::format("pcie-root-port,id=port{},chassis={},slot={}", i, i + 1, i + 1));
    int index = 0;
    for (Disk const& disk : machine.disks) {
        for (Json const& options : disk_options(disk))
            args.add_block(options);
        args.add("-device",
                 fmt::format("virtio-blk-pci,id={},drive={},serial={},bus=port{},bootindex={}",
                             disk.volume.text(), overlay_node(disk.overlays.back()),
                             disk_serial(disk.volume), index, index + 1));
        ++index;
    }
}

void add_uefi(Arguments& args, Folder const& folder, QemuOptions const& options)
{
    args.add_block({{"driver", "file"},
                    {"node-name", "uefi-code"},
                    {"filename", options.ovmf_code},
                    {"read-only", true}});
    args.add_block(
        {{"driver", "file"}, {"node-name", "uefi-vars"}, {"filename", folder.uefi_vars()}});
}

} // namespace

std::vector<std::string> qemu_arguments(Machine const& machine, Folder const& folder,
                                        QemuOptions const& options, std::string const& accelerator)
{
    Arguments args;
    add_board(args, machine, accelerator);
    add_identity(args, machine);
    add_ports(args);
    add_network(args, machine);
    add_disks(args, machine);
    if (machine.uefi)
        add_uefi(args, folder, options);
    return args.take();
}

std::string qemu_mark(InstanceId const& id)
{
    return fmt::format("type=2,manufacturer=Amazon EC2,asset={}", id.text());
}

std::string smbios_uuid(InstanceId const& id)
{
    auto const hex = "ec2" + sha256("uuid of " + id.text()).text();
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20, 12));
}

std::string disk_serial(VolumeId const& volume)
{
    auto serial = volume.text();
    std::erase(serial, '-');
    return serial;
}

} // namespace karat::compute
