// SPDX-License-Identifier: Apache-2.0
#include "scalars.hpp"
#include "writer.hpp"

#include "karat/json.hpp"

namespace karat::wire {

namespace {

using Ordered = nlohmann::ordered_json;

Ordered structure(Shape const& shape, void const* object);

Ordered one(Member const& member, void const* value)
{
    switch (member.field.kind) {
    case Kind::text:
    case Kind::blob:
        return write_text(member, value);
    case Kind::boolean:
        return *static_cast<bool const*>(value);
    case Kind::int32:
        return *static_cast<std::int32_t const*>(value);
    case Kind::int64:
        return *static_cast<std::int64_t const*>(value);
    case Kind::real:
        return *static_cast<double const*>(value);
    case Kind::time: {
        auto const since = static_cast<Time const*>(value)->time_since_epoch();
        return static_cast<double>(since.count()) / 1000; // seconds, as json-1.1 wants
    }
    case Kind::structure:
        return structure(*member.shape, value);
    }
    broken("a kind without a writer");
}

Ordered structure(Shape const& shape, void const* object)
{
    auto json = Ordered::object();
    for (auto const& member : shape.members) {
        if (member.place != Place::body)
            continue;
        auto const seen = see(member, object);
        auto const name = std::string(member.out);
        if (member.field.form == Form::list) {
            auto& list = json[name] = Ordered::array();
            for (std::size_t i = 0; i < seen.count; ++i)
                list.push_back(one(member, seen.at(i)));
        } else if (seen.count > 0) {
            json[name] = one(member, seen.at(0));
        }
    }
    return json;
}

} // namespace

std::string write_json_reply(Shape const& shape, void const* object)
{
    // Broken UTF-8 in a tag must not take the reply with it.
    return structure(shape, object).dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

} // namespace karat::wire
