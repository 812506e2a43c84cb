// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error that says what went wrong in words that know no protocol.
// TRY unwraps or returns; VERIFY is for our own mistakes and is on in every build.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace karat {

/// What went wrong, in words that know nothing of HTTP or AWS.
enum class Fault : unsigned char {
    invalid,     ///< Malformed or out of range; asking again will not help.
    missing,     ///< A required part of the request is absent.
    unknown,     ///< A part of the request is not one we know (a parameter, an action, a filter).
    not_found,   ///< The thing named does not exist for this caller.
    duplicate,   ///< The name or id is taken.
    mismatch,    ///< The idempotency token was used before with other parameters.
    wrong_state, ///< The thing exists, but not in a state that allows this.
    in_use,      ///< Something else still holds it.
    denied,      ///< The caller may not do this.
    dry_run,     ///< It would have succeeded, but the caller only asked whether it would.
    exhausted,   ///< A quota or a bound was reached.
    unsupported, ///< A valid request for something that this service does not do.
    unavailable, ///< Try again: a lock, a host or the store is busy.
    corrupt,     ///< Stored bytes do not match their checksum.
    full,        ///< The disk has no room: something must be deleted first.
    io,          ///< The operating system said no.
};

/// The lower-case name of a fault, for logs and goldens.
char const* name(Fault);

enum class Noun : unsigned char; // listed in model/: base carries it and knows no nouns

struct Where {
    char const* file = __builtin_FILE();
    int line = __builtin_LINE();
};

/// `message` is one sentence for the caller and names the thing; `where` is for the log.
struct [[nodiscard]] Error {
    Fault fault;
    Noun noun{};
    std::string message;
    Where where = {};
};

/// An Error about no noun in particular.
inline Error fail(Fault fault, std::string message, Where where = {})
{
    return {fault, Noun{}, std::move(message), where};
}

/// Logs `what` to stderr and aborts; tasks resume after the restart.
[[noreturn]] void broken(char const* what, Where where = {});

#define VERIFY(cond)                                                                               \
    do {                                                                                           \
        if (!(cond)) [[unlikely]]                                                                  \
            ::karat::broken(#cond);                                                                \
    } while (false)

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value)
        : state_(std::in_place_index<0>, std::move(value))
    {
    }
    Result(Error error)
        : state_(std::in_place_index<1>, std::move(error))
    {
    }

    bool ok() const { return state_.index() == 0; }
    T& value() &
    {
        VERIFY(ok());
        return *std::get_if<0>(&state_);
    }
    T const& value() const&
    {
        VERIFY(ok());
        return *std::get_if<0>(&state_);
    }
    T value() && // by value: a reference into a temporary Result would dangle in a range-for
    {
        VERIFY(ok());
        return std::move(*std::get_if<0>(&state_));
    }
    Error const& error() const
    {
        VERIFY(!ok());
        return *std::get_if<1>(&state_);
    }
    Error take_error()
    {
        VERIFY(!ok());
        return std::move(*std::get_if<1>(&state_));
    }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error)
        : error_(std::move(error))
    {
    }

    bool ok() const { return !error_.has_value(); }
    void value() const { VERIFY(ok()); }
    Error const& error() const
    {
        VERIFY(!ok());
        return *error_;
    }
    Error take_error()
    {
        VERIFY(!ok());
        return std::move(*error_);
    }

private:
    std::optional<Error> error_;
};

/// Unwraps a Result or returns its Error from the enclosing function. One TRY a line: nesting trips
/// -Wshadow, on purpose; the name carries the line so that a lambda inside may have its own.
#define TRY(...) KARAT_TRY_NAMED(KARAT_TRY_NAME(__LINE__), __VA_ARGS__)
#define KARAT_TRY_NAME(line) KARAT_TRY_JOIN(line)
#define KARAT_TRY_JOIN(line) karat_try_result_##line
#define KARAT_TRY_NAMED(result, ...)                                                               \
    (__extension__({                                                                               \
        auto result = (__VA_ARGS__);                                                               \
        if (!result.ok()) [[unlikely]]                                                             \
            return result.take_error();                                                            \
        std::move(result).value();                                                                 \
    }))

} // namespace karat
