// SPDX-License-Identifier: Apache-2.0
// Walks the parameters sorted by name: all that share a prefix lie side by side, so every struct,
// list and element is a span of them, and the recursion is as deep as the Shape, not the request.
#include "reader.hpp"
#include "scalars.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <bitset>

namespace karat::wire {

namespace {

using Span = std::span<Param const* const>;

constexpr std::size_t kMostMembers = 64; // generate.py refuses a larger request

bool starts_with_any_case(std::string_view text, std::string_view lower)
{
    auto const same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    return text.size() >= lower.size() &&
           std::ranges::equal(text.substr(0, lower.size()), lower, same);
}

bool is_about_the_call(std::string_view name)
{
    return name == "Action" || name == "Version" || starts_with_any_case(name, "x-amz-");
}

/// The word of `name` that starts at `from` and ends at the next dot.
std::string_view word_at(std::string_view name, std::size_t from)
{
    if (from > name.size())
        return {};
    return name.substr(from, name.find('.', from) - from);
}

/// Cuts the parameters that have the same word at `from` off the front of `rest`.
Span cut_group(Span& rest, std::size_t from)
{
    auto const word = word_at(rest.front()->name, from);
    std::size_t count = 1;
    while (count < rest.size() && word_at(rest[count]->name, from) == word)
        ++count;
    auto const group = rest.first(count);
    rest = rest.subspan(count);
    return group;
}

struct Element {
    std::uint64_t index;
    Span params;
};

class Reader {
public:
    explicit Reader(ListStyle style)
        : style_(style)
    {
    }

    /// `prefix` is empty or ends with a dot; all `params` start with it.
    Result<void> structure(Shape const& shape, std::string const& prefix, Span params,
                           void* object) const
    {
        auto const given = TRY(fill(shape, prefix, params, object));
        return check_required(shape, prefix, given);
    }

private:
    using Given = std::bitset<kMostMembers>;

    /// Reads all members; says which were given.
    Result<Given> fill(Shape const& shape, std::string const& prefix, Span params,
                       void* object) const
    {
        Given given;
        VERIFY(shape.members.size() <= given.size());
        while (!params.empty()) {
            auto const group = cut_group(params, prefix.size());
            auto const word = word_at(group.front()->name, prefix.size());
            auto const found = std::ranges::find(shape.members, word, &Member::in);
            if (found == shape.members.end() || word.empty())
                return unknown_parameter(group.front()->name);
            auto const index = static_cast<std::size_t>(found - shape.members.begin());
            if (TRY(member(*found, prefix + std::string(word), group, place(*found, object))))
                given.set(index);
        }
        return given;
    }

    static Result<void> check_required(Shape const& shape, std::string const& prefix,
                                       Given const& given)
    {
        for (std::size_t i = 0; i < shape.members.size(); ++i) {
            if (shape.members[i].presence == Presence::required && !given.test(i))
                return missing_parameter(prefix + std::string(shape.members[i].in));
        }
        return {};
    }

    /// Whether the member is given; empty values are not.
    Result<bool> member(Member const& member, std::string const& path, Span params,
                        void* where) const
    {
        if (member.field.form == Form::list)
            return list(member, path, params, where);
        if (member.field.kind != Kind::structure)
            return scalar(member, path, params, where);
        TRY(skip_bare(path, params));
        auto const prefix = path + ".";
        auto const given = TRY(fill(*member.shape, prefix, params, member.field.make(where)));
        if (given.none()) { // "IamInstanceProfile.Name=", as Packer sends it, asks for none
            member.field.unmake(where);
            return false;
        }
        TRY(check_required(*member.shape, prefix, given));
        return true;
    }

    Result<bool> scalar(Member const& member, std::string const& path, Span params,
                        void* where) const
    {
        auto const& param = *params.front();
        if (params.back()->name != path)
            return unknown_parameter(params.back()->name);
        if (params.size() > 1)
            return fail(Fault::invalid, "The parameter " + path + " is given more than once");
        if (param.value.empty() && member.presence != Presence::even_empty)
            return false;
        TRY(read_text(member, path, param.value, member.field.make(where)));
        return true;
    }

    Result<bool> list(Member const& member, std::string const& path, Span params, void* where) const
    {
        TRY(skip_bare(path, params)); // how some clients send a list without elements
        std::string const prefix = path + (style_ == ListStyle::flat ? "." : ".member.");
        auto const elements = TRY(in_order(prefix, params));
        for (auto const& [index, group] : elements)
            TRY(element(member, prefix, group, where));
        TRY(check_count(member, path, elements.size()));
        return !elements.empty();
    }

    Result<void> element(Member const& member, std::string const& prefix, Span params,
                         void* where) const
    {
        auto const path = prefix + std::string(word_at(params.front()->name, prefix.size()));
        if (member.field.kind == Kind::structure) {
            TRY(skip_bare(path, params));
            if (params.empty())
                return {};
            return structure(*member.shape, path + ".", params, member.field.make(where));
        }
        if (params.back()->name != path)
            return unknown_parameter(params.back()->name);
        if (params.size() > 1)
            return fail(Fault::invalid, "The parameter " + path + " is given more than once");
        return read_text(member, path, params.front()->value, member.field.make(where));
    }

    static Result<std::vector<Element>> in_order(std::string const& prefix, Span params)
    {
        std::vector<Element> elements;
        while (!params.empty()) {
            auto const& name = params.front()->name;
            if (!name.starts_with(prefix))
                return unknown_parameter(name);
            auto const group = cut_group(params, prefix.size());
            auto const index = number_of<std::uint64_t>(word_at(name, prefix.size()));
            if (!index)
                return unknown_parameter(name);
            elements.push_back({*index, group});
        }
        std::ranges::sort(elements, {}, &Element::index);
        return elements;
    }

    /// Drops "Path=" from the front: a structure or list that is named and holds nothing.
    static Result<void> skip_bare(std::string const& path, Span& params)
    {
        while (!params.empty() && params.front()->name == path) {
            if (!params.front()->value.empty())
                return unknown_parameter(path);
            params = params.subspan(1);
        }
        return {};
    }

    ListStyle style_;
};

} // namespace

Result<void> read_params(ListStyle style, Shape const& shape, void* object, Params const& params)
{
    std::vector<Param const*> sorted;
    sorted.reserve(params.size());
    for (auto const& param : params) {
        if (!is_about_the_call(param.name))
            sorted.push_back(&param);
    }
    std::ranges::sort(sorted, {}, [](Param const* param) -> auto const& { return param->name; });
    return Reader(style).structure(shape, "", sorted, object);
}

} // namespace karat::wire
