// SPDX-License-Identifier: Apache-2.0
// An OVA: a tar of NAME.ovf (the description), NAME.vmdk (streamOptimized), NAME.mf (SHA-256 of
// both). What is known only at the end (sizes, sums) has room kept for it.
#include "formats/tar.hpp"
#include "formats/writers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

constexpr std::size_t kOvfBytes = 4096; ///< Blanks fill it.
constexpr std::uint64_t kEndBytes = 2 * tar::kBlockBytes;

/// A plain machine around the disk: what imports it decides the rest.
constexpr std::string_view kOvf = R"(<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
 xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
 <References><File ovf:id="file1" ovf:href="{0}.vmdk" ovf:size="{1}"/></References>
 <DiskSection><Info>Virtual disks</Info>
  <Disk ovf:diskId="disk1" ovf:fileRef="file1" ovf:capacity="{2}"
   ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
 </DiskSection>
 <VirtualSystem ovf:id="{0}"><Info>A virtual machine</Info><Name>{0}</Name>
  <OperatingSystemSection ovf:id="101"><Info>Linux, 64 bits</Info></OperatingSystemSection>
  <VirtualHardwareSection><Info>Virtual hardware</Info>
   <System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
    <vssd:InstanceID>0</vssd:InstanceID>
    <vssd:VirtualSystemIdentifier>{0}</vssd:VirtualSystemIdentifier>
    <vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType></System>
   <Item><rasd:ElementName>1 virtual CPU</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID>
    <rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
   <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>
    <rasd:ElementName>1024 MiB of memory</rasd:ElementName><rasd:InstanceID>2</rasd:InstanceID>
    <rasd:ResourceType>4</rasd:ResourceType>
    <rasd:VirtualQuantity>1024</rasd:VirtualQuantity></Item>
   <Item><rasd:Address>0</rasd:Address><rasd:ElementName>SCSI controller</rasd:ElementName>
    <rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>
    <rasd:ResourceType>6</rasd:ResourceType></Item>
   <Item><rasd:AddressOnParent>0</rasd:AddressOnParent>
    <rasd:ElementName>Hard disk</rasd:ElementName>
    <rasd:HostResource>ovf:/disk/disk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID>
    <rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
  </VirtualHardwareSection>
 </VirtualSystem>
</Envelope>
)";

Result<std::uint64_t> put_member(File& file, std::uint64_t offset, std::string_view name,
                                 std::span<std::byte const> bytes)
{
    TRY(file.write_at(offset, tar::header_of(name, bytes.size(), 0)));
    TRY(file.write_at(offset + tar::kBlockBytes, bytes));
    auto const blocks = (bytes.size() + tar::kBlockBytes - 1) / tar::kBlockBytes;
    return offset + (1 + blocks) * tar::kBlockBytes;
}

} // namespace

Result<void> write_ova(DiskSource& source, File& file, std::string const& name)
{
    constexpr std::uint64_t kDiskHeaderAt = tar::kBlockBytes + kOvfBytes;
    StreamOut out(file, kDiskHeaderAt + tar::kBlockBytes);
    TRY(write_vmdk_stream(source, out, name + ".vmdk"));
    auto const length = out.length_bytes(); // whole sectors, so nothing to fill up
    TRY(file.write_at(kDiskHeaderAt, tar::header_of(name + ".vmdk", length, 0)));

    auto ovf = fmt::format(kOvf, name, length, source.size_bytes());
    VERIFY(ovf.size() <= kOvfBytes);
    ovf.resize(kOvfBytes, '\n');
    TRY(put_member(file, 0, name + ".ovf", as_bytes(ovf)));

    auto const sums = fmt::format("SHA256({0}.ovf)= {1}\nSHA256({0}.vmdk)= {2}\n", name,
                                  sha256(ovf).text(), out.finish().text());
    auto const end = TRY(
        put_member(file, kDiskHeaderAt + tar::kBlockBytes + length, name + ".mf", as_bytes(sums)));
    return file.truncate(end + kEndBytes);
}

} // namespace karat::volumes
