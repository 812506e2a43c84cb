// SPDX-License-Identifier: Apache-2.0
#include "reserve.hpp"

#include "karat/log.hpp"

namespace karat::catalog {
namespace {

constexpr std::uint64_t kPlenty = 8 * Reserve::kParts * Reserve::kPartBytes;
constexpr std::uint64_t kNextToNothing = 1 << 20;
constexpr std::chrono::seconds kBetweenFills{60};

} // namespace

Reserve::Reserve(Env env, std::string path)
    : env_(env)
    , path_(std::move(path))
{
}

std::string Reserve::part(int number) const { return path_ + ".reserve-" + std::to_string(number); }

std::uint64_t Reserve::free_bytes()
{
    auto const free = env_.files.free_bytes(parent_of(path_));
    return free.ok() ? free.value() : 0;
}

void Reserve::fill()
{
    auto const now = env_.clock.steady();
    if (filled_at_ != std::chrono::nanoseconds{} && now < filled_at_ + kBetweenFills)
        return;
    filled_at_ = now;
    for (int number = 0; number < kParts && free_bytes() > kPlenty; ++number) {
        auto const made = make(number);
        if (!made.ok())
            log(Level::warn, "catalog.no_reserve", made.error());
    }
}

/// Noise, as a file system may not keep room for zeroes.
Result<void> Reserve::make(int number)
{
    if (TRY(env_.files.exists(part(number))))
        return {};
    Bytes noise(kPartBytes);
    env_.chance.fill(noise);
    return replace_file(env_.files, part(number), noise);
}

bool Reserve::give_up()
{
    for (int number = kParts; number-- > 0;) {
        auto const there = env_.files.exists(part(number));
        if (!there.ok() || !there.value())
            continue;
        auto const removed = env_.files.remove(part(number));
        if (!removed.ok())
            continue;
        log(Level::error, "catalog.gave_up_reserve", {{"parts_left", number}});
        return true;
    }
    return false;
}

void Reserve::give_up_if_full()
{
    auto const free = env_.files.free_bytes(parent_of(path_));
    if (free.ok() && free.value() < kNextToNothing)
        give_up();
}

} // namespace karat::catalog
