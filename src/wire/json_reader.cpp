// SPDX-License-Identifier: Apache-2.0
#include "reader.hpp"
#include "scalars.hpp"

#include "karat/json.hpp"

#include <cmath>

namespace karat::wire {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostBytes = 1024 * 1024;
constexpr int kMostLevels = 32;

Error not_json() { return fail(Fault::invalid, "The request body is not a valid JSON object"); }

/// Counts brackets outside strings, so that the parser never meets a deep document.
bool is_too_deep(std::string_view body)
{
    int level = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < body.size(); ++i) {
        char const c = body[i];
        if (in_string && c == '\\')
            ++i;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            ++level;
        else if (!in_string && (c == '}' || c == ']'))
            --level;
        if (level > kMostLevels)
            return true;
    }
    return false;
}

Error wrong_type(std::string_view path, Json const& value, std::string_view wanted)
{
    auto const text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return invalid_value(path, text, wanted);
}

template <class T>
Result<void> integer(Member const& member, std::string const& path, Json const& value, void* into)
{
    bool const is_huge =
        value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX};
    auto const number = value.is_number_integer() && !is_huge ? value.get<std::int64_t>() : 0;
    if (!value.is_number_integer() || is_huge || !std::in_range<T>(number))
        return wrong_type(path, value, "It must be an integer");
    TRY(check_number(member, path, number));
    *static_cast<T*>(into) = static_cast<T>(number);
    return {};
}

Result<void> epoch_time(std::string const& path, Json const& value, void* into)
{
    constexpr double kMostSeconds = 253402300799.0; // the end of the year 9999
    auto const seconds = value.is_number() ? value.get<double>() : -1;
    if (!(seconds >= 0 && seconds <= kMostSeconds))
        return wrong_type(path, value, "It must be a time in seconds since 1970");
    *static_cast<Time*>(into) = Time(std::chrono::milliseconds(std::llround(seconds * 1000)));
    return {};
}

Result<void> structure(Shape const& shape, std::string const& path, Json const& json, void* object);

Result<void> one(Member const& member, std::string const& path, Json const& value, void* into)
{
    switch (member.field.kind) {
    case Kind::text:
    case Kind::blob:
        if (!value.is_string())
            return wrong_type(path, value, "It must be a string");
        return read_text(member, path, value.get_ref<std::string const&>(), into);
    case Kind::boolean:
        if (!value.is_boolean())
            return wrong_type(path, value, "It must be true or false");
        *static_cast<bool*>(into) = value.get<bool>();
        return {};
    case Kind::int32:
        return integer<std::int32_t>(member, path, value, into);
    case Kind::int64:
        return integer<std::int64_t>(member, path, value, into);
    case Kind::real:
        if (!value.is_number())
            return wrong_type(path, value, "It must be a number");
        *static_cast<double*>(into) = value.get<double>();
        return {};
    case Kind::time:
        return epoch_time(path, value, into);
    case Kind::structure:
        return structure(*member.shape, path, value, into);
    }
    broken("a kind without a reader");
}

Result<void> list(Member const& member, std::string const& path, Json const& value, void* where)
{
    if (!value.is_array())
        return wrong_type(path, value, "It must be a list");
    TRY(check_count(member, path, value.size()));
    for (auto const& element : value)
        TRY(one(member, path, element, member.field.make(where)));
    return {};
}

Result<void> structure(Shape const& shape, std::string const& path, Json const& json, void* object)
{
    if (!json.is_object())
        return path.empty() ? not_json() : wrong_type(path, json, "It must be an object");
    for (auto const& member : shape.members) {
        if (member.place != Place::body)
            continue;
        auto const inner = (path.empty() ? "" : path + ".") + std::string(member.in);
        auto const found = json.find(member.in);
        if (found == json.end() || found->is_null()) {
            if (member.presence == Presence::required)
                return missing_parameter(inner);
        } else if (member.field.form == Form::list) {
            TRY(list(member, inner, *found, place(member, object)));
        } else {
            TRY(one(member, inner, *found, member.field.make(place(member, object))));
        }
    }
    return {};
}

} // namespace

Result<void> read_json(Shape const& shape, void* object, std::string_view body)
{
    if (body.size() > kMostBytes)
        return fail(Fault::invalid, "The request body is larger than 1 MiB");
    if (is_too_deep(body))
        return fail(Fault::invalid, "The request body is nested more than 32 levels deep");
    auto const json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
    return structure(shape, "", json, object);
}

} // namespace karat::wire
