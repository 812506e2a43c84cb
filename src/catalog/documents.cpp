// SPDX-License-Identifier: Apache-2.0
// The only file that knows the JSON libraries: nlohmann's writes, simdjson reads, as a start reads
// every document. Times are "2026-01-02T03:04:05.678Z", states are
// EC2's words, hashes are hexadecimal, absent optionals are null.
#include "documents.hpp"

#include "old_tasks.hpp"
#include "work_members.hpp"

#include "karat/json.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <simdjson.h>

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
    template <class T>
    static Json encode(boost::container::flat_set<T> const& values)
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

using Element = simdjson::dom::element;

/// The members of an object, by name.
class Members {
public:
    Members() = default;
    explicit Members(simdjson::dom::object const& object)
    {
        all_.reserve(kUsual);
        for (auto const field : object)
            all_.emplace_back(field.key, field.value);
        if (!std::ranges::is_sorted(all_, {}, &Member::first)) // as the writer leaves them
            std::ranges::stable_sort(all_, {}, &Member::first);
    }
    /// Null when absent.
    Element const* find(std::string_view name) const
    {
        auto const found = std::ranges::lower_bound(all_, name, {}, &Member::first);
        return found != all_.end() && found->first == name ? &found->second : nullptr;
    }

private:
    using Member = std::pair<std::string_view, Element>;
    static constexpr std::size_t kUsual = 40;

    std::vector<Member> all_;
};

class Reader {
public:
    explicit Reader(Members const& object)
        : object_(object)
    {
    }
    template <class T>
    void operator()(char const* name, T& value)
    {
        auto const* const found = object_.find(name);
        bool const fine = found != nullptr ? decode(*found, value) : default_of(value);
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
            return decode_members(Members(), value);
        else
            return !IsId<T>::value;
    }

    static bool decode(Element const& json, std::string& value)
    {
        std::string_view text;
        if (json.get(text) != simdjson::SUCCESS)
            return false;
        value = text;
        return true;
    }
    static bool decode(Element const& json, bool& value)
    {
        return json.get(value) == simdjson::SUCCESS;
    }
    template <std::integral T>
    static bool decode(Element const& json, T& value)
    {
        std::int64_t number = 0;
        std::uint64_t large = 0;
        if (json.get(number) == simdjson::SUCCESS) {
            value = static_cast<T>(number);
            return std::in_range<T>(number);
        }
        if (json.get(large) != simdjson::SUCCESS)
            return false;
        value = static_cast<T>(large);
        return std::in_range<T>(large);
    }
    static bool decode(Element const& json, Secret& value)
    {
        std::string text;
        if (!decode(json, text))
            return false;
        value = Secret(std::move(text));
        return true;
    }
    static bool decode(Element const& json, Time& value) { return parsed(json, value, parse_time); }
    static bool decode(Element const& json, Hash& value)
    {
        return parsed(json, value, Hash::parse);
    }
    static bool decode(Element const& json, AccountId& value)
    {
        return parsed(json, value, AccountId::parse);
    }
    template <Noun noun>
    static bool decode(Element const& json, Id<noun>& value)
    {
        return parsed(json, value, Id<noun>::parse);
    }
    template <State T>
    static bool decode(Element const& json, T& value)
    {
        return parsed(json, value, parse_state<T>);
    }
    template <class T>
    static bool parsed(Element const& json, T& value, auto parse)
    {
        std::string_view text;
        if (json.get(text) != simdjson::SUCCESS)
            return false;
        auto result = parse(std::string(text));
        if (!result.ok())
            return false;
        value = std::move(result).value();
        return true;
    }
    static bool decode(Element const& json, RawBytes<std::string>& value)
    {
        std::vector<std::byte> bytes;
        if (!parsed(json, bytes, from_base64))
            return false;
        value.text = as_text(bytes);
        return true;
    }
    static bool decode(Element const& json, Tags& value)
    {
        simdjson::dom::object object;
        if (json.get(object) != simdjson::SUCCESS)
            return false;
        value.reserve(object.size());
        for (auto const field : object)
            if (!decode(field.value, value[std::string(field.key)]))
                return false;
        return true;
    }
    template <class T>
    static bool decode(Element const& json, std::optional<T>& value)
    {
        if (json.is_null()) {
            value.reset();
            return true;
        }
        return decode(json, value.emplace(blank_element<T>()));
    }
    template <class T>
    static bool decode(Element const& json, std::vector<T>& values)
    {
        return decode_all<T>(json, [&](T value) { values.push_back(std::move(value)); });
    }
    template <class T>
    static bool decode(Element const& json, std::set<T>& values)
    {
        return decode_all<T>(json, [&](T value) { values.insert(std::move(value)); });
    }
    template <class T>
    static bool decode(Element const& json, boost::container::flat_set<T>& values)
    {
        return decode_all<T>(json, [&](T value) { values.insert(std::move(value)); });
    }
    template <class T>
    static bool decode_all(Element const& json, auto add)
    {
        simdjson::dom::array array;
        if (json.get(array) != simdjson::SUCCESS)
            return false;
        for (auto const element : array) {
            auto value = blank_element<T>();
            if (!decode(element, value))
                return false;
            add(std::move(value));
        }
        return true;
    }
    static bool decode(Element const& json, Structure auto& value)
    {
        simdjson::dom::object object;
        return json.get(object) == simdjson::SUCCESS && decode_members(Members(object), value);
    }
    static bool decode_members(Members const& object, Structure auto& value)
    {
        Reader inner(object);
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

    Members const& object_;
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

struct DocumentReader::Parser {
    simdjson::dom::parser of_json;
};

DocumentReader::DocumentReader()
    : parser_(std::make_unique<Parser>())
{
}

DocumentReader::~DocumentReader() = default;

template <class Thing>
Result<Thing> DocumentReader::read(std::string_view text)
{
    simdjson::dom::object json;
    auto const outcome = parser_->of_json.parse(text.data(), text.size()).get(json);
    if (outcome == simdjson::MEMALLOC) // no damage: as everywhere else, it passes
        throw std::bad_alloc();
    if (outcome != simdjson::SUCCESS)
        return fail(Fault::corrupt, "A document of the catalog is not a JSON object");
    auto thing = blank<Thing>();
    Members const object(json);
    Reader reader(object);
    members(reader, thing);
    if (!reader.problem().empty())
        return fail(Fault::corrupt,
                    fmt::format("A document of the catalog has a missing or malformed member '{}'",
                                reader.problem()));
    if constexpr (std::same_as<Thing, Task>)
        if (object.find("on") == nullptr)
            return from_old_form(std::move(thing));
    return thing;
}

#define DOCUMENT(Thing)                                                                            \
    template Result<std::string> write_document(Thing const&);                                     \
    template Result<Thing> DocumentReader::read(std::string_view)

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
KARAT_EACH_WORK(DOCUMENT);

#undef DOCUMENT

} // namespace karat::catalog
