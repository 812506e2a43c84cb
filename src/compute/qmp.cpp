// SPDX-License-Identifier: Apache-2.0
#include "qmp.hpp"

#include "karat/env.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace karat::compute {
namespace {

constexpr std::size_t kLongestLine = 4 * 1024 * 1024; // a block graph of many disks is long
constexpr std::size_t kLongestRefusal = 500;
constexpr int kDeepest = 32; // copying and freeing JSON takes stack for each level

Error gone(std::string const& command)
{
    return fail(Fault::unavailable, fmt::format("QEMU went away during {}", command));
}

std::string text_of(Json const& json, char const* member)
{
    auto const found = json.find(member); // end() where it is no object
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Looked at before it is parsed, which costs more the deeper it is.
bool nests_too_deep(std::string_view line)
{
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        char const c = line[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            i += c == '\\' ? 1 : 0;
        else if (c == '[' || c == '{')
            ++depth;
        else if (c == ']' || c == '}')
            --depth;
        if (depth > kDeepest)
            return true;
    }
    return false;
}

Result<Json> outcome(std::string const& command, Json& reply)
{
    if (auto const found = reply.find("return"); found != reply.end())
        return std::move(*found);
    auto const error = reply.find("error");
    auto const why = error == reply.end() ? "" : text_of(*error, "desc").substr(0, kLongestRefusal);
    return fail(Fault::io, fmt::format("QEMU refuses {}: {}", command, why));
}

} // namespace

Qmp::Qmp(Fd fd, OnEvent on_event)
    : fd_(std::move(fd))
    , on_event_(std::move(on_event))
    , lines_(kLongestLine)
{
}

Result<Json> Qmp::run(std::string const& command, Json arguments,
                      std::chrono::milliseconds patience)
{
    Lock const turn(turn_);
    Json request = {{"execute", command}};
    if (!arguments.empty())
        request["arguments"] = std::move(arguments);
    {
        Lock const lock(mutex_);
        if (closed_)
            return gone(command);
        request["id"] = ++last_id_;
        reply_.reset();
    }
    auto const sent =
        send(command, request.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n', patience);
    if (!sent.ok()) {
        close(); // perhaps in the midst of a line: what came next would not be understood
        return sent.error();
    }
    Lock lock(mutex_);
    bool const woken =
        changed_.wait_for(lock, patience, [this]() REQUIRES(mutex_) { return reply_ || closed_; });
    if (!woken)
        return fail(Fault::unavailable, fmt::format("QEMU does not answer {}", command));
    if (!reply_)
        return gone(command);
    return outcome(command, *reply_);
}

Result<void> Qmp::send(std::string const& command, std::string const& line,
                       std::chrono::milliseconds patience)
{
    auto& clock = posix_env().clock;
    auto const deadline = clock.steady() + patience;
    for (std::size_t sent = 0; sent < line.size();) {
        auto const put =
            ::send(fd_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put >= 0) {
            sent += static_cast<std::size_t>(put);
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return gone(command);
        pollfd room = {fd_.get(), POLLOUT, 0};
        bool const full = errno == EAGAIN || errno == EINTR;
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.steady());
        if (!full || left.count() <= 0 || ::poll(&room, 1, static_cast<int>(left.count())) == 0)
            return fail(Fault::unavailable, "QEMU's monitor does not take commands");
    }
    return {};
}

bool Qmp::pump()
{
    std::array<char, 16 * 1024> piece; // NOLINT: filled by recv
    auto const got = ::recv(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0 || !lines_.add({piece.data(), static_cast<std::size_t>(got)}).ok()) {
        close();
        return false;
    }
    while (auto const line = lines_.next())
        take_line(*line);
    return true;
}

void Qmp::take_line(std::string const& line)
{
    if (nests_too_deep(line))
        return;
    auto json = Json::parse(line, nullptr, false);
    if (!json.is_object())
        return;
    if (auto const event = text_of(json, "event"); !event.empty()) {
        try {
            on_event_(event, json);
        } catch (Json::exception const&) { // of another form than QEMU's: passed over
            return;
        }
        return;
    }
    Lock const lock(mutex_);
    auto const id = json.find("id");
    // The greeting has no id; a reply that came too late has an old one.
    if (id == json.end() || !id->is_number_unsigned() || id->get<std::uint64_t>() != last_id_)
        return;
    reply_ = std::move(json);
    changed_.notify_all();
}

void Qmp::close()
{
    ::shutdown(fd_.get(), SHUT_RDWR);
    Lock const lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

} // namespace karat::compute
