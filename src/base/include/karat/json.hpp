// SPDX-License-Identifier: Apache-2.0
// nlohmann::json that can be destroyed without memory. Its destructor, which may not throw, puts
// what it holds on a vector first; where that vector gets no memory, the process ends. So vectors
// of JSON take theirs from a reserve when there is no other (decision 032). Include this, never
// <nlohmann/json.hpp>: every source of a program must see the same vector.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace karat {

/// From malloc(), or from the reserve where that has none. Throws std::bad_alloc when the reserve
/// is used up, too. Thread-safe.
void* take_json_memory(std::size_t bytes);
void give_json_memory_back(void* memory) noexcept;
/// The same as take_json_memory() where malloc() has none.
void* take_json_reserve(std::size_t bytes);

} // namespace karat

template <>
struct std::allocator<nlohmann::json> {
    using value_type = nlohmann::json;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using propagate_on_container_move_assignment = std::true_type;
    using is_always_equal = std::true_type;

    allocator() = default;
    template <class Other>
    allocator(allocator<Other> const&) noexcept
    {
    }
    nlohmann::json* allocate(std::size_t count)
    {
        if (count > PTRDIFF_MAX / kBytes)
            throw std::bad_array_new_length();
        return static_cast<nlohmann::json*>(karat::take_json_memory(count * kBytes));
    }
    void deallocate(nlohmann::json* memory, std::size_t) noexcept
    {
        karat::give_json_memory_back(memory);
    }
    friend bool operator==(allocator const&, allocator const&) { return true; }

private:
    static constexpr std::size_t kBytes = 16; // of a value, which is not known yet
};

#include <nlohmann/json.hpp>

static_assert(sizeof(nlohmann::json) == 16);
