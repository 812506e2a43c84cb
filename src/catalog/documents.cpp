// SPDX-License-Identifier: Apache-2.0
// The only file that knows the JSON library. Times are "2026-01-02T03:04:05.678Z", states are
// EC2's words, hashes are hexadecimal, absent optionals are null.
#include "documents.hpp"

#include "old_tasks.hpp"
#include "work_members.hpp"

#include "karat/json.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

using Json = nlohmann::json;

template <class T>
concept Structure = requires(T& it, void (*visit)(char const*, ...)) { members(visit, it); };
template <class T>
concept State = std::is_enum_v<T>;

// --- writing ---

class Writer {
public:
    template <class T>
    void operator()(char const* name, T const& value)
    {
        object_[name] = encode(value);
    }
    Json take() { return std::move(object_); }

private:
    static Json encode(std::string const& value) { return value; }
    static Json encode(std::integral auto value) { return value; }
    static Json encode(Secret const& value) { return value.reveal(); }
    static Json encode(Time const& value) { return format_time(value); }
    static Json encode(Hash const& value) { return value.text(); }
    static Json encode(AccountId const& value) { return value.text(); }
    static Json encode(Tags const& value) { return value; }
    static Json encode(State auto value) { return std::string(word(value)); }
    template <Noun noun>
    static Json encode(Id<noun> const& value)
    {
        return value.text();
    }
    template <class Text>
    static Json encode(RawBytes<Text> const& value)
    {
        return to_base64(as_bytes(value.text));
    }
    template <class T>
    static Json encode(std::optional<T> const& value)
    {
        return value ? encode(*value) : Json();
    }
    template <class T>
    static Json encode(std::vector<T> const& values)
    {
        return encode_all(values);
    }
    template <class T>
    static Json encode(std::set<T> const& values)
    {
        return encode_all(values);
    }
    static Json encode_all(auto const& values)
    {
        auto array = Json::array();
        for (auto const& value : values)
            array.push_back(encode(value));
        return array;
    }
    static Json encode(Structure auto const& value)
    {
        Writer inner;
        members(inner, value);
        return inner.take();
    }

    Json object_ = Json::object();
};

// --- reading ---

/// A thing to read into: ids are made by parse() only, so the required ones need a stand-in, which
/// reading replaces or fails.
struct Blank {
    template <Noun noun>
    operator Id<noun>() const // NOLINT: stands for every id
    {
        return Id<noun>::parse(std::string(id_prefix(noun)) + "00000000").value();
    }
    operator AccountId() const { return AccountId::parse("000000000000").value(); }
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
template <class T>
T blank_work(Blank const& id);

template <class T>
T blank()
{
    Blank const id;
    if constexpr (std::same_as<T, Account>)
        return {.id = id};
    else if constexpr (std::same_as<T, AccessKey>)
        return {.account = id};
    else if constexpr (std::same_as<T, Attachment>)
        return {.instance = id};
    else if constexpr (std::same_as<T, NetworkInterface>)
        return {.id = id, .vpc = id, .subnet = id};
    else if constexpr (std::same_as<T, Instance>)
        return {.id = id,
                .owner = id,
                .reservation = id,
                .image = id,
                .interface = blank<NetworkInterface>()};
    else if constexpr (std::same_as<T, Subnet> || std::same_as<T, SecurityGroup>)
        return {.id = id, .owner = id, .vpc = id};
    else if constexpr (std::same_as<T, Parameter>)
        return {.owner = id};
    else if constexpr (requires { T{.id = id, .owner = id}; })
        return {.id = id, .owner = id};
    else
        return blank_work<T>(id);
}

/// Of a kind of work.
template <class T>
T blank_work(Blank const& id)
{
    if constexpr (std::is_default_constructible_v<T>)
        return {};
    else if constexpr (requires { T{.instance = id}; })
        return {.instance = id};
    else if constexpr (requires { T{.volume = id, .instance = id}; })
        return {.volume = id, .instance = id};
    else if constexpr (requires { T{.volume = id, .snapshot = id}; })
        return {.volume = id, .snapshot = id};
    else if constexpr (requires { T{.snapshot = id, .source = id}; })
        return {.snapshot = id, .source = id};
    else if constexpr (requires { T{.image = id, .snapshot = id}; })
        return {.image = id, .snapshot = id};
    else if constexpr (requires { T{.volume = id}; })
        return {.volume = id};
    else if constexpr (requires { T{.snapshot = id}; })
        return {.snapshot = id};
}
#pragma GCC diagnostic pop

template <class T>
struct IsId : std::false_type {};
template <Noun noun>
struct IsId<Id<noun>> : std::true_type {};
template <>
struct IsId<AccountId> : std::true_type {};

class Reader {
public:
    explicit Reader(Json const& object)
        : object_(object)
    {
    }
    template <class T>
    void operator()(char const* name, T& value)
    {
        auto const found = object_.find(name);
        bool const fine = found != object_.end() ? decode(*found, value) : default_of(value);
        if (!fine && problem_.empty())
            problem_ = name;
    }
    /// The first member that could not be read; empty when all could.
    std::string const& problem() const { return problem_; }

private:
    /// What an absent member means: the default that `value` holds, but an id has none.
    template <class T>
    static bool default_of(T& value)
    {
        if constexpr (Structure<T>)
            return decode(Json::object(), value);
        else
            return !IsId<T>::value;
    }

    static bool decode(Json const& json, std::string& value)
    {
        if (!json.is_string())
            return false;
        value = json.get_ref<std::string const&>();
        return true;
    }
    static bool decode(Json const& json, bool& value)
    {
        if (!json.is_boolean())
            return false;
        value = json.get<bool>();
        return true;
    }
    template <std::integral T>
    static bool decode(Json const& json, T& value)
    {
        if (!json.is_number_integer())
            return false;
        bool const fits = json.is_number_unsigned() ? std::in_range<T>(json.get<std::uint64_t>())
                                                    : std::in_range<T>(json.get<std::int64_t>());
        value = json.get<T>();
        return fits;
    }
    static bool decode(Json const& json, Secret& value)
    {
        std::string text;
        if (!decode(json, text))
            return false;
        value = Secret(std::move(text));
        return true;
    }
    static bool decode(Json const& json, Time& value) { return parsed(json, value, parse_time); }
    static bool decode(Json const& json, Hash& value) { return parsed(json, value, Hash::parse); }
    static bool decode(Json const& json, AccountId& value)
    {
        return parsed(json, value, AccountId::parse);
    }
    template <Noun noun>
    static bool decode(Json const& json, Id<noun>& value)
    {
        return parsed(json, value, Id<noun>::parse);
    }
    template <State T>
    static bool decode(Json const& json, T& value)
    {
        return parsed(json, value, parse_state<T>);
    }
    template <class T>
    static bool parsed(Json const& json, T& value, auto parse)
    {
        if (!json.is_string())
            return false;
        auto result = parse(json.get_ref<std::string const&>());
        if (!result.ok())
            return false;
        value = std::move(result).value();
        return true;
    }
    static bool decode(Json const& json, RawBytes<std::string>& value)
    {
        std::vector<std::byte> bytes;
        if (!parsed(json, bytes, from_base64))
            return false;
        value.text = as_text(bytes);
        return true;
    }
    static bool decode(Json const& json, Tags& value)
    {
        if (!json.is_object())
            return false;
        for (auto const& [key, text] : json.items())
            if (!decode(text, value[key]))
                return false;
        return true;
    }
    template <class T>
    static bool decode(Json const& json, std::optional<T>& value)
    {
        if (json.is_null()) {
            value.reset();
            return true;
        }
        return decode(json, value.emplace(blank_element<T>()));
    }
    template <class T>
    static bool decode(Json const& json, std::vector<T>& values)
    {
        return decode_all<T>(json, [&](T value) { values.push_back(std::move(value)); });
    }
    template <class T>
    static bool decode(Json const& json, std::set<T>& values)
    {
        return decode_all<T>(json, [&](T value) { values.insert(std::move(value)); });
    }
    template <class T>
    static bool decode_all(Json const& json, auto add)
    {
        if (!json.is_array())
            return false;
        for (auto const& element : json) {
            auto value = blank_element<T>();
            if (!decode(element, value))
                return false;
            add(std::move(value));
        }
        return true;
    }
    static bool decode(Json const& json, Structure auto& value)
    {
        if (!json.is_object())
            return false;
        Reader inner(json);
        members(inner, value);
        return inner.problem().empty();
    }
    template <class T>
    static T blank_element()
    {
        if constexpr (IsId<T>::value)
            return Blank();
        else
            return blank<T>();
    }

    Json const& object_;
    std::string problem_;
};

} // namespace

template <class Thing>
Result<std::string> write_document(Thing const& thing)
{
    Writer writer;
    members(writer, thing);
    try {
        return writer.take().dump();
    } catch (Json::exception const&) { // the one thing that dump() refuses
        return fail(Fault::invalid, "Names, tags and descriptions must be valid UTF-8");
    }
}

template <class Thing>
Result<Thing> read_document(std::string_view text)
{
    auto const json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return fail(Fault::corrupt, "A document of the catalog is not a JSON object");
    auto thing = blank<Thing>();
    Reader reader(json);
    members(reader, thing);
    if (!reader.problem().empty())
        return fail(Fault::corrupt,
                    fmt::format("A document of the catalog has a missing or malformed member '{}'",
                                reader.problem()));
    if constexpr (std::same_as<Thing, Task>)
        if (!json.contains("on"))
            return from_old_form(std::move(thing));
    return thing;
}

#define DOCUMENT(Thing)                                                                            \
    template Result<std::string> write_document(Thing const&);                                     \
    template Result<Thing> read_document(std::string_view)

DOCUMENT(Account);
DOCUMENT(AccessKey);
DOCUMENT(Image);
DOCUMENT(Snapshot);
DOCUMENT(Volume);
DOCUMENT(Instance);
DOCUMENT(Vpc);
DOCUMENT(Subnet);
DOCUMENT(SecurityGroup);
DOCUMENT(KeyPair);
DOCUMENT(Parameter);
DOCUMENT(Task);
DOCUMENT(UsedToken);
DOCUMENT(LaunchWork);
DOCUMENT(StopWork);
DOCUMENT(RebootWork);
DOCUMENT(TerminateWork);
DOCUMENT(EndedWork);
DOCUMENT(ReapWork);
DOCUMENT(AttachWork);
DOCUMENT(DetachWork);
DOCUMENT(ModifyVolumeWork);
DOCUMENT(DeleteVolumeWork);
DOCUMENT(PromoteWork);
DOCUMENT(CaptureWork);
DOCUMENT(CopySnapshotWork);
DOCUMENT(CompleteSnapshotWork);
DOCUMENT(SnapshotTimeoutWork);
DOCUMENT(ImportWork);
DOCUMENT(ExportWork);
DOCUMENT(CollectWork);
DOCUMENT(ScrubWork);

#undef DOCUMENT

} // namespace karat::catalog
