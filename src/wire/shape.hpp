// SPDX-License-Identifier: Apache-2.0
// Tables that describe the generated structs, so that one hand-written reader and one writer per
// protocol serve them all. generate.py writes the tables; nobody else makes a Shape.
#pragma once

#include "karat/env.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace karat::wire {

enum class Kind : unsigned char { text, blob, boolean, int32, int64, real, time, structure };
enum class Form : unsigned char { plain, optional, list };

/// What stands in a member: nothing, one value, or the elements of a list.
struct Seen {
    std::byte const* first = nullptr;
    std::size_t count = 0;
    std::size_t stride_bytes = 0;
    void const* at(std::size_t index) const { return first + index * stride_bytes; }
};

using Make = void* (*)(void* where);     ///< Emplaces an optional or appends to a list.
using Unmake = void (*)(void* where);    ///< Empties an optional.
using See = Seen (*)(void const* where); ///< Looks at a member of any form.

/// Where a member lies in its struct and how to touch it without knowing its type.
struct Field {
    std::size_t offset_bytes;
    Kind kind;
    Form form;
    Make make;     ///< Null in structs that are never read.
    Unmake unmake; ///< Null as above, and for members that are not optional.
    See see;
};

/// Inclusive. For a number its value, for text its length in characters, for a list its elements.
struct Bounds {
    std::int64_t least = std::numeric_limits<std::int64_t>::min();
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

enum class Presence : unsigned char {
    optional,
    required,
    even_empty, ///< Given with an empty value counts as given.
};

/// Where a member of a request or reply stands; only the rest protocol has others than the body.
enum class Place : unsigned char { body, path, query, header };

struct Shape;

/// What of a member Karat does not offer: all of it, or all values but a few.
struct Refused {
    bool all = false;
    std::span<std::string_view const> but = {}; ///< The values that are offered; empty: any.
    std::string_view advice = {};               ///< What to do instead of leaving it out.
    bool any() const { return all || !but.empty(); }
};

struct Member {
    std::string_view in;   ///< Name in requests.
    std::string_view out;  ///< Name in replies.
    std::string_view item; ///< Element name of a list in XML replies.
    Field field;
    Presence presence = Presence::optional;
    Shape const* shape = nullptr;                  ///< Of a structure or of a list of structures.
    std::span<std::string_view const> values = {}; ///< All that the text may be; empty: anything.
    Bounds bounds = {};
    Place place = Place::body;
    bool only_filled = false; ///< Of a list in an XML reply: left out when it is empty.
    Refused refused = {};
};

struct Shape {
    std::span<Member const> members;
    bool refuses = false; ///< A member of it, or of a structure in it, is refused.
};

enum class Use : unsigned char { write, both };

namespace detail {

template <class M>
struct Parts { // a plain scalar
    using Value = M;
    static constexpr Form form = Form::plain;
    static void* make(void* where) { return where; }
    static Seen see(void const* where)
    {
        return {static_cast<std::byte const*>(where), 1, sizeof(Value)};
    }
};

template <class T>
struct Parts<std::optional<T>> {
    using Value = T;
    static constexpr Form form = Form::optional;
    static void* make(void* where) { return &static_cast<std::optional<T>*>(where)->emplace(); }
    static void unmake(void* where) { static_cast<std::optional<T>*>(where)->reset(); }
    static Seen see(void const* where)
    {
        auto const& value = *static_cast<std::optional<T> const*>(where);
        if (!value)
            return {};
        return {static_cast<std::byte const*>(static_cast<void const*>(&*value)), 1, sizeof(T)};
    }
};

template <class T>
struct Parts<std::vector<T>> {
    using Value = T;
    static constexpr Form form = Form::list;
    static void* make(void* where) { return &static_cast<std::vector<T>*>(where)->emplace_back(); }
    static Seen see(void const* where)
    {
        auto const& list = *static_cast<std::vector<T> const*>(where);
        auto const* first = static_cast<void const*>(list.data());
        return {static_cast<std::byte const*>(first), list.size(), sizeof(T)};
    }
};

template <class Value>
consteval Kind kind_of()
{
    if constexpr (std::is_same_v<Value, std::string>)
        return Kind::text;
    else if constexpr (std::is_same_v<Value, bool>)
        return Kind::boolean;
    else if constexpr (std::is_same_v<Value, std::int32_t>)
        return Kind::int32;
    else if constexpr (std::is_same_v<Value, std::int64_t>)
        return Kind::int64;
    else if constexpr (std::is_same_v<Value, double>)
        return Kind::real;
    else if constexpr (std::is_same_v<Value, Time>)
        return Kind::time;
    else
        return Kind::structure;
}

} // namespace detail

/// The Field of a member of type M. Everything but the offset is deduced, so that a table cannot
/// disagree with its struct.
template <class M, Use use>
consteval Field field(std::size_t offset_bytes)
{
    using Parts = detail::Parts<M>;
    Field made{.offset_bytes = offset_bytes,
               .kind = detail::kind_of<typename Parts::Value>(),
               .form = Parts::form,
               .make = nullptr,
               .unmake = nullptr,
               .see = Parts::see};
    if constexpr (use != Use::write)
        made.make = Parts::make;
    if constexpr (use != Use::write && Parts::form == Form::optional)
        made.unmake = Parts::unmake;
    return made;
}

/// A blob lives in a std::string as text does, and is base64 on the wire.
consteval Field as_blob(Field text)
{
    text.kind = Kind::blob;
    return text;
}

#define KARAT_FIELD(Struct, member, use)                                                           \
    ::karat::wire::field<decltype(Struct::member), ::karat::wire::Use::use>(                       \
        offsetof(Struct, member))

inline void* place(Member const& member, void* object)
{
    return static_cast<std::byte*>(object) + member.field.offset_bytes;
}

inline Seen see(Member const& member, void const* object)
{
    return member.field.see(static_cast<std::byte const*>(object) + member.field.offset_bytes);
}

} // namespace karat::wire
