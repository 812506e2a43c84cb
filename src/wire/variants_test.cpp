// SPDX-License-Identifier: Apache-2.0
// Every parameter of every ec2 request, once right and in each way wrong, made from the same tables
// that the reader goes by: what is right is taken, what is wrong is refused by its own name.
#include "ec2_shapes.hpp"

#include "karat/wire/ec2.hpp"
#include "karat/wire/ec2_operations.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace karat::wire {
namespace {

using Read = Result<void> (*)(Params const&);

struct Operation {
    char const* name;
    Shape const& request;
    Read read;
};

std::vector<Operation> operations()
{
    return {
#define X(Name, name)                                                                              \
    {#Name, ec2::shapes::Name##Request, [](Params const& params) -> Result<void> {                 \
         (void)TRY(ec2::read_##name##_request(params));                                            \
         return {};                                                                                \
     }},
        KARAT_EC2_OPERATIONS(X)
#undef X
    };
}

std::string right_value(Member const& member)
{
    if (!member.refused.but.empty())
        return std::string(member.refused.but.front());
    if (!member.values.empty())
        return std::string(member.values.front());
    switch (member.field.kind) {
    case Kind::text:
        return "a";
    case Kind::blob:
        return "QUJD";
    case Kind::boolean:
        return "true";
    case Kind::int32:
    case Kind::int64:
        return std::to_string(std::clamp(std::int64_t{1}, member.bounds.least, member.bounds.most));
    case Kind::real:
        return "1.5";
    case Kind::time:
        return "2026-01-02T03:04:05Z";
    case Kind::structure:
        break;
    }
    return {};
}

std::vector<std::string> wrong_numbers(Member const& member)
{
    std::vector<std::string> wrong{"x",
                                   "1x",
                                   "1.5",
                                   "+1",
                                   " 1",
                                   "0x1",
                                   "1e3",
                                   "--1",
                                   "9223372036854775808",
                                   "-9223372036854775809"};
    if (member.field.kind == Kind::int32)
        wrong.insert(wrong.end(), {"2147483648", "-2147483649"});
    Bounds const open;
    if (member.bounds.least != open.least)
        wrong.push_back(std::to_string(member.bounds.least - 1));
    if (member.bounds.most != open.most)
        wrong.push_back(std::to_string(member.bounds.most + 1));
    return wrong;
}

std::vector<std::string> wrong_values(Member const& member)
{
    switch (member.field.kind) {
    case Kind::text:
        if (!member.values.empty())
            return {"no-such-value", right_value(member) + " "};
        if (member.field.form != Form::list && member.bounds.most != Bounds().most)
            return {std::string(static_cast<std::size_t>(member.bounds.most) + 1, 'a')};
        return {};
    case Kind::blob:
        return {"!", "Q", "QU=D", "QUJD====", "QU-_"};
    case Kind::boolean:
        return {"yes", "1", "tru", "truee", " true"};
    case Kind::int32:
    case Kind::int64:
        return wrong_numbers(member);
    case Kind::real:
        return {"x", "inf", "nan", "1,5"};
    case Kind::time:
        return {"soon", "2026-13-01T00:00:00Z", "1767323045"};
    case Kind::structure:
        break;
    }
    return {};
}

std::string path_of(std::string const& prefix, Member const& member)
{
    auto const path = prefix + std::string(member.in);
    return member.field.form == Form::list ? path + ".1" : path;
}

Params with(Params params, std::string const& name, std::string const& value)
{
    std::erase_if(params, [&](Param const& param) { return param.name == name; });
    params.push_back({name, value});
    return params;
}

Params with_content(Params params, Shape const& shape, std::string const& prefix);

Params with_member(Params params, Member const& member, std::string const& prefix)
{
    auto const path = path_of(prefix, member);
    if (member.field.kind == Kind::structure)
        return with_content(std::move(params), *member.shape, path + ".");
    return with(std::move(params), path, right_value(member));
}

/// Adds what a structure may not be without.
Params with_required(Params params, Shape const& shape, std::string const& prefix)
{
    for (auto const& member : shape.members)
        if (member.presence == Presence::required)
            params = with_member(std::move(params), member, prefix);
    return params;
}

/// The same, and something in any case: a structure of nothing is absent.
Params with_content(Params params, Shape const& shape, std::string const& prefix)
{
    auto const before = params.size();
    params = with_required(std::move(params), shape, prefix);
    return params.size() > before ? params : with_member(params, shape.members.front(), prefix);
}

/// The indices of lists are no part of a refusal's name.
std::string without_indices(std::string const& path)
{
    std::string plain;
    for (auto rest = std::string_view(path); !rest.empty();) {
        auto const word = rest.substr(0, rest.find('.'));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        if (word.find_first_not_of("0123456789") != word.npos)
            plain += (plain.empty() ? "" : ".") + std::string(word);
    }
    return plain;
}

/// Tries one operation's parameters and counts the variants.
class Variants {
public:
    explicit Variants(Operation const& operation)
        : operation_(operation)
    {
    }

    void structure(Shape const& shape, std::string const& prefix, Params const& around)
    {
        auto const params = with_required(around, shape, prefix);
        expect_refused(with(params, prefix + "NoSuchName", "x"), Fault::unknown,
                       prefix + "NoSuchName");
        for (auto const& member : shape.members) {
            if (member.field.form == Form::list)
                list(prefix + std::string(member.in), params);
            auto const path = path_of(prefix, member);
            auto const outside = refused_;
            if (member.refused.all && refused_.empty())
                refused_ = without_indices(path);
            if (member.field.kind == Kind::structure)
                structure(*member.shape, path + ".", params);
            else
                scalar(member, path, params);
            refused_ = outside;
            if (member.presence == Presence::required)
                without(member, prefix, shape, params);
        }
    }

    std::size_t count() const { return count_; }

private:
    void scalar(Member const& member, std::string const& path, Params const& params)
    {
        expect_taken(with(params, path, right_value(member)), path);
        for (auto const value : member.values) {
            auto const& but = member.refused.but;
            if (!but.empty() && std::ranges::find(but, value) == but.end())
                expect_refused(with(params, path, std::string(value)), Fault::unsupported,
                               without_indices(path) + "=");
        }
        for (auto const& wrong : wrong_values(member))
            expect_refused(with(params, path, wrong), Fault::invalid, path);
        expect_refused(with(params, path + ".1", "x"), Fault::unknown, path + ".1");
        auto twice = with(params, path, right_value(member));
        twice.push_back(twice.back());
        expect_refused(twice, Fault::invalid, path);
    }

    /// `params` hold all of the structure but for one required member. What holds nothing besides
    /// is absent itself, and then misses nothing.
    void without(Member const& required, std::string const& prefix, Shape const& shape,
                 Params const& params)
    {
        auto const other = std::ranges::find_if(shape.members, [](Member const& member) {
            return member.presence != Presence::required && member.field.kind != Kind::structure;
        });
        if (other == shape.members.end() && !prefix.empty())
            return;
        auto missing = other == shape.members.end() ? params : with_member(params, *other, prefix);
        auto const path = prefix + std::string(required.in);
        std::erase_if(missing, [&](Param const& param) {
            return param.name == path || param.name.starts_with(path + ".");
        });
        expect_refused(missing, Fault::missing, path);
        missing.push_back({path, ""});
        expect_refused(missing, Fault::missing, path);
    }

    void list(std::string const& path, Params const& params)
    {
        for (auto const* const index : {".x", ".", ".-1", ".1x", ".18446744073709551616"})
            expect_refused(with(params, path + index, "a"), Fault::unknown, path + index);
    }

    void expect_taken(Params const& params, std::string const& what)
    {
        if (!refused_.empty())
            return expect_refused(params, Fault::unsupported, refused_ + " is not offered here");
        ++count_;
        auto const read = operation_.read(params);
        EXPECT_TRUE(read.ok()) << operation_.name << " " << what << ": " << read.error().message;
    }

    void expect_refused(Params const& params, Fault fault, std::string const& path)
    {
        ++count_;
        auto const read = operation_.read(params);
        ASSERT_FALSE(read.ok()) << operation_.name << " took a wrong " << path;
        EXPECT_EQ(name(read.error().fault), std::string(name(fault))) << read.error().message;
        EXPECT_NE(read.error().message.find(path), std::string::npos)
            << operation_.name << " " << path << ": " << read.error().message;
    }

    Operation const& operation_;
    std::string refused_; ///< By name, whatever its value: what is being tried or holds it.
    std::size_t count_ = 0;
};

TEST(Variants, EachParameterIsTakenWhenRightAndNamedWhenWrong)
{
    std::size_t count = 0;
    for (auto const& operation : operations()) {
        Variants trial(operation);
        trial.structure(operation.request, "", {});
        count += trial.count();
    }
    RecordProperty("variants", static_cast<int>(count));
    EXPECT_GE(count, 3000U);
}

} // namespace
} // namespace karat::wire
