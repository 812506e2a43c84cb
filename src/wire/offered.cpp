// SPDX-License-Identifier: Apache-2.0
#include "request.hpp"
#include "scalars.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::wire {
namespace {

constexpr std::size_t kShownBytes = 64; // of a value, in a message

Error not_offered(Member const& member, std::string_view parameter)
{
    auto const advice = member.refused.advice.empty() ? "leave it out" : member.refused.advice;
    return fail(Fault::unsupported, fmt::format("{} is not offered here; {}", parameter, advice));
}

Result<void> check(Shape const& shape, std::string const& prefix, void const* object);

Result<void> check(Member const& member, std::string const& path, void const* value)
{
    if (member.refused.all)
        return not_offered(member, path);
    if (member.field.kind == Kind::structure)
        return member.shape->refuses ? check(*member.shape, path + ".", value) : Result<void>();
    auto const text = write_text(member, value);
    if (std::ranges::find(member.refused.but, text) == member.refused.but.end())
        return not_offered(member, fmt::format("{}={}", path, text.substr(0, kShownBytes)));
    return {};
}

Result<void> check(Shape const& shape, std::string const& prefix, void const* object)
{
    for (auto const& member : shape.members) {
        bool const within = member.field.kind == Kind::structure && member.shape->refuses;
        if (!member.refused.any() && !within)
            continue;
        auto const seen = see(member, object);
        for (std::size_t i = 0; i < seen.count; ++i)
            TRY(check(member, prefix + std::string(member.in), seen.at(i)));
    }
    return {};
}

} // namespace

Result<void> check_offered(Shape const& shape, void const* object)
{
    return shape.refuses ? check(shape, "", object) : Result<void>();
}

} // namespace karat::wire
