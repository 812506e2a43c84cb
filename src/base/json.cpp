// SPDX-License-Identifier: Apache-2.0
#include "karat/json.hpp"

#include "karat/mutex.hpp"

#include <array>
#include <cstdlib>
#include <functional>
#include <utility>

namespace karat {
namespace {

/// Costs address space only, until it is needed. The largest document that a caller may send, 1
/// MiB, has half a million values.
constexpr std::size_t kReserveBytes = 16 << 20;
alignas(std::max_align_t) std::array<std::byte, kReserveBytes> reserve_bytes;

/// Memory that is handed out from the front, and begins anew when all of it came back: what is
/// taken here is given back within the request that runs.
class Reserve {
public:
    void* take(std::size_t bytes)
    {
        bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
        Lock const guard(mutex_);
        if (bytes > kReserveBytes - used_)
            throw std::bad_alloc();
        ++pieces_;
        return reserve_bytes.data() + std::exchange(used_, used_ + bytes);
    }
    static bool owns(void const* memory)
    {
        std::less<> const before;
        auto const* const first = reserve_bytes.data();
        return !before(memory, first) && before(memory, first + kReserveBytes);
    }
    void give_back()
    {
        Lock const guard(mutex_);
        if (--pieces_ == 0)
            used_ = 0;
    }

private:
    static constexpr std::size_t kAlignment = alignof(std::max_align_t);
    Mutex mutex_;
    std::size_t used_ GUARDED_BY(mutex_) = 0;
    std::size_t pieces_ GUARDED_BY(mutex_) = 0;
};

constinit Reserve reserve;

} // namespace

void* take_json_memory(std::size_t bytes)
{
    if (void* const memory = std::malloc(bytes))
        return memory;
    return take_json_reserve(bytes);
}

void* take_json_reserve(std::size_t bytes) { return reserve.take(bytes); }

void give_json_memory_back(void* memory) noexcept
{
    if (reserve.owns(memory))
        reserve.give_back();
    else
        std::free(memory);
}

} // namespace karat
