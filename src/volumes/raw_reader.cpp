// SPDX-License-Identifier: Apache-2.0
#include "complaints.hpp"
#include "stored_map.hpp"

#include <fmt/format.h>

namespace karat::volumes {
namespace {

class RawReader final : public DiskReader {
public:
    RawReader(std::unique_ptr<File> file, std::uint64_t size_bytes)
        : file_(std::move(file))
        , size_bytes_(size_bytes)
        , stored_(*file_)
    {
    }

    std::uint64_t size_bytes() const override { return size_bytes_; }
    Result<Stretch> next(std::uint64_t offset_bytes) override
    {
        VERIFY(offset_bytes < size_bytes_);
        return stored_.at({offset_bytes, size_bytes_ - offset_bytes});
    }
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        return read_exactly(*file_, offset_bytes, into);
    }

private:
    std::unique_ptr<File> file_;
    std::uint64_t size_bytes_;
    StoredMap stored_;
};

} // namespace

Result<std::unique_ptr<DiskReader>> open_raw(std::unique_ptr<File> file, DiskName const& name)
{
    Complaints const complaints(name, Trust::stranger, {});
    auto const size = TRY(file->size_bytes());
    if (size == 0)
        return complaints.damaged("it is empty");
    if (size > kMaxDiskBytes)
        return complaints.too_large();
    return std::unique_ptr<DiskReader>(std::make_unique<RawReader>(std::move(file), size));
}

} // namespace karat::volumes
