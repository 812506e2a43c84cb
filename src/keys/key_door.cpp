// SPDX-License-Identifier: Apache-2.0
// The question: two lengths of 2 bytes, the ARN, the wrapped data key. The answer: 1 byte (0, or 1
// and the number of a fault), a length of 2 bytes, the data key or a message. Numbers are this
// host's.
#include "karat/key_door.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace karat::keys {
namespace {

using Length = std::uint16_t;

constexpr std::size_t kMaxQuestionBytes = 1024;
constexpr std::size_t kMaxAnswerBytes = 2048;
constexpr int kPauseMs = 20;
constexpr timeval kQuestionPatience{0, 500'000}; // others wait
constexpr timeval kAnswerPatience{5, 0};

struct Question {
    std::string arn;
    Bytes wrapped;
};

Error unanswered(std::string_view why)
{
    return fail(Fault::io, fmt::format("Data keys cannot be had from karatd: {}", why));
}

Result<void> take(Fd const& peer, std::span<std::byte> into)
{
    auto const got = ::recv(peer.get(), into.data(), into.size(), MSG_WAITALL);
    if (got != static_cast<ssize_t>(into.size()))
        return unanswered(got < 0 ? std::strerror(errno) : "the connection ended");
    return {};
}

Result<void> give(Fd const& peer, std::span<std::byte const> bytes)
{
    auto const sent = ::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size()))
        return unanswered(std::strerror(errno));
    return {};
}

void be_patient(Fd const& peer, timeval const& patience)
{
    (void)::fcntl(peer.get(), F_SETFL, 0); // waits, up to the limits that follow
    for (int const which : {SO_RCVTIMEO, SO_SNDTIMEO})
        (void)::setsockopt(peer.get(), SOL_SOCKET, which, &patience, sizeof patience);
}

Result<Question> take_question(Fd const& caller)
{
    std::array<Length, 2> lengths{};
    TRY(take(caller, std::as_writable_bytes(std::span(lengths))));
    if (lengths[0] > kMaxQuestionBytes || lengths[1] > kMaxQuestionBytes)
        return fail(Fault::invalid, "The question is too long");
    Question question{std::string(lengths[0], '\0'), Bytes(lengths[1])};
    TRY(take(caller, std::as_writable_bytes(std::span(question.arn))));
    TRY(take(caller, question.wrapped));
    return question;
}

Result<void> give_answer(Fd const& caller, std::uint8_t state, std::span<std::byte const> bytes)
{
    auto const fitting = bytes.first(std::min(bytes.size(), kMaxAnswerBytes));
    auto const length = static_cast<Length>(fitting.size());
    TRY(give(caller, std::as_bytes(std::span(&state, 1))));
    TRY(give(caller, std::as_bytes(std::span(&length, 1))));
    return give(caller, fitting);
}

class KeysBehindDoor final : public Keys {
public:
    explicit KeysBehindDoor(std::string socket)
        : socket_(std::move(socket))
    {
    }
    Result<std::vector<KeyFacts>> list() override { return std::vector<KeyFacts>(); }
    Result<KeyFacts> create(NewKey const&) override { return denied(); }
    Result<KeyFacts> default_key(KeyScope const&) override { return denied(); }
    Result<KeyFacts> set_enabled(std::string const&, bool) override { return denied(); }
    Result<Bytes> wrap(std::string const&, SecretBytes const&) override { return denied(); }

    Result<SecretBytes> unwrap(std::string const& arn, std::span<std::byte const> wrapped) override
    {
        if (arn.size() > kMaxQuestionBytes || wrapped.size() > kMaxQuestionBytes)
            return fail(Fault::corrupt, "The data key is too long to be one");
        auto const door = TRY(connect_unix(socket_));
        be_patient(door, kAnswerPatience);
        std::array<Length, 2> const lengths{static_cast<Length>(arn.size()),
                                            static_cast<Length>(wrapped.size())};
        TRY(give(door, std::as_bytes(std::span(lengths))));
        TRY(give(door, as_bytes(arn)));
        TRY(give(door, wrapped));
        return take_answer(door);
    }

private:
    static Result<SecretBytes> take_answer(Fd const& door)
    {
        std::uint8_t state = 0;
        Length length = 0;
        TRY(take(door, std::as_writable_bytes(std::span(&state, 1))));
        TRY(take(door, std::as_writable_bytes(std::span(&length, 1))));
        if (state != 0) {
            std::string message(length, '\0');
            TRY(take(door, std::as_writable_bytes(std::span(message))));
            return fail(static_cast<Fault>(state - 1), std::move(message));
        }
        SecretBytes key(kKeyBytes);
        if (length != kKeyBytes)
            return unanswered("the answer has another length");
        TRY(take(door, key.reveal()));
        return key;
    }
    static Error denied() { return fail(Fault::denied, "This process may only unwrap data keys"); }

    std::string const socket_;
};

} // namespace

Result<std::unique_ptr<KeyDoor>> KeyDoor::open(Keys& keys, std::string const& socket)
{
    auto listener = TRY(listen_unix(socket));
    return std::unique_ptr<KeyDoor>(new KeyDoor(keys, std::move(listener)));
}

KeyDoor::KeyDoor(Keys& keys, Fd listener)
    : keys_(keys)
    , listener_(std::move(listener))
    , ending_(::eventfd(0, EFD_CLOEXEC))
    , thread_("key.door", Thread::OnThrow::go_on, [this](std::stop_token const&) { answer_all(); })
{
}

KeyDoor::~KeyDoor()
{
    ::eventfd_write(ending_.get(), 1);
    thread_.join();
}

void KeyDoor::answer_all()
{
    for (;;) {
        pollfd waits[] = {{ending_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
        (void)::poll(waits, std::size(waits), -1);
        if (waits[0].revents != 0)
            return;
        Fd const caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (caller.open())
            answer(caller);
        else // out of descriptors, for now
            (void)::poll(waits, 1, kPauseMs);
    }
}

void KeyDoor::answer(Fd const& caller)
{
    be_patient(caller, kQuestionPatience);
    auto const question = take_question(caller);
    if (!question.ok()) // whoever asks so waits for nothing
        return;
    auto const key = keys_.unwrap(question.value().arn, question.value().wrapped);
    if (key.ok())
        (void)give_answer(caller, 0, key.value().reveal());
    else
        (void)give_answer(caller,
                          static_cast<std::uint8_t>(1 + static_cast<int>(key.error().fault)),
                          as_bytes(key.error().message));
}

std::unique_ptr<Keys> make_keys_behind_door(std::string socket)
{
    return std::make_unique<KeysBehindDoor>(std::move(socket));
}

} // namespace karat::keys
