// SPDX-License-Identifier: Apache-2.0
#include "slow_files.hpp"

#include <thread>

namespace karat::blk {
namespace {

class SlowFile final : public File {
public:
    SlowFile(std::unique_ptr<File> file, std::chrono::nanoseconds latency)
        : file_(std::move(file))
        , latency_(latency)
    {
    }
    Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        std::this_thread::sleep_for(latency_);
        return file_->read_at(offset_bytes, into);
    }
    Result<void> write_at(std::uint64_t offset_bytes, std::span<std::byte const> from) override
    {
        return file_->write_at(offset_bytes, from);
    }
    Result<void> sync_data() override { return file_->sync_data(); }
    Result<std::uint64_t> size_bytes() override { return file_->size_bytes(); }
    Result<void> truncate(std::uint64_t size_bytes) override { return file_->truncate(size_bytes); }
    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        return file_->next_data(offset_bytes);
    }
    Result<void> punch_hole(Range range) override { return file_->punch_hole(range); }

private:
    std::unique_ptr<File> file_;
    std::chrono::nanoseconds const latency_;
};

} // namespace

Result<std::unique_ptr<File>> SlowFiles::open(std::string const& path, Access access)
{
    auto file = TRY(files_.open(path, access));
    return std::unique_ptr<File>(std::make_unique<SlowFile>(std::move(file), latency_));
}

} // namespace karat::blk
