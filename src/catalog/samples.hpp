// SPDX-License-Identifier: Apache-2.0
// For the catalog's tests: things of every noun with every member set to something that is not its
// default, and different each time.
#pragma once

#include "documents.hpp"

#include "karat/memory_env.hpp"

namespace karat::catalog {

/// Visits members (members.hpp) and sets each to a value that no other member has.
class Filler {
public:
    explicit Filler(std::uint64_t seed)
        : chance_(seed)
        , count_(static_cast<int>(seed) * 1000)
    {
    }

    template <class T>
    void operator()(char const*, T& value)
    {
        fill(value);
    }

private:
    int next() { return ++count_; }

    void fill(std::string& value) { value = "text \"ü\" " + std::to_string(next()); }
    void fill(bool& value) { value = !value; }
    void fill(std::integral auto& value)
    {
        value = static_cast<std::remove_reference_t<decltype(value)>>(next());
    }
    void fill(Secret& value) { value = Secret("secret " + std::to_string(next())); }
    void fill(Time& value) { value = Time(std::chrono::milliseconds(1'700'000'000'123 + next())); }
    void fill(Hash& value) { value = sha256(std::to_string(next())); }
    void fill(AccountId& value) { value = AccountId::generate(chance_); }
    void fill(RawBytes<std::string>& value) { value.text = std::string("\xff\0\x80", 3); }
    void fill(Tags& value)
    {
        value["k" + std::to_string(next())] = "v";
        value["empty"] = "";
    }
    template <Noun noun>
    void fill(Id<noun>& value)
    {
        value = Id<noun>::generate(chance_);
    }
    template <class T>
        requires std::is_enum_v<T>
    void fill(T& value)
    {
        value = static_cast<T>(1);
    }
    template <class T>
    void fill(std::optional<T>& value)
    {
        value = filled<T>();
    }
    template <class T>
    void fill(std::vector<T>& values)
    {
        values = {filled<T>(), filled<T>()};
    }
    template <class T>
    void fill(std::set<T>& values)
    {
        values = {filled<T>(), filled<T>()};
    }
    template <class T>
    void fill(boost::container::flat_set<T>& values)
    {
        values = {filled<T>(), filled<T>()};
    }
    template <class T>
        requires std::is_aggregate_v<T>
    void fill(T& value)
    {
        members(*this, value);
    }
    template <class T>
    T filled()
    {
        if constexpr (requires { T::generate(chance_); }) {
            return T::generate(chance_);
        } else if constexpr (std::same_as<T, Attachment>) {
            auto value = Attachment{.instance = InstanceId::generate(chance_), .device_name = {}};
            fill(value);
            return value;
        } else {
            T value{};
            fill(value);
            return value;
        }
    }

    SeededChance chance_;
    int count_;
};

/// A document with nothing but the ids that every thing has.
template <class Thing>
std::string bare_document()
{
    std::string id = "\"AKIAOLD\"";
    if constexpr (std::same_as<Thing, Account>)
        id = "\"111111111111\"";
    else if constexpr (std::same_as<Thing, Task>)
        id = "7";
    else if constexpr (requires(Thing it) { it.id.text(); })
        id = "\"" + []<Noun noun>(std::type_identity<Id<noun>>) {
            return std::string(id_prefix(noun)) + "0000000000000000a\"";
        }(std::type_identity<decltype(Thing::id)>());
    return R"({"id": )" + id + R"(, "owner": "111111111111", "account": "111111111111",
        "vpc": "vpc-0000000a", "instance": "i-0000000a", "reservation": "r-0000000a",
        "image": "ami-0000000a", "interface":
        {"id": "eni-0000000a", "vpc": "vpc-0000000a", "subnet": "subnet-0000000a"}})";
}

template <class Thing>
Thing sample(std::uint64_t seed = 1)
{
    auto thing = read_document<Thing>(bare_document<Thing>()).value();
    Filler filler(seed);
    members(filler, thing);
    return thing;
}

} // namespace karat::catalog
