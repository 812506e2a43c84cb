// SPDX-License-Identifier: Apache-2.0
#include "scrub.hpp"

#include "store.hpp"

#include "karat/text.hpp"
#include "karat/thread.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <thread>

namespace karat::blocks {
namespace {

constexpr std::size_t kScrubWindowBytes = 4 << 20;
constexpr std::string_view kCursorTitle = "karat scrub 1\n";
constexpr std::size_t kMaxDamageLines = 10'000;
constexpr std::chrono::milliseconds kLongestNap{200};

/// Takes one line of the cursor's body.
bool take_line(ScrubCursor& cursor, std::string_view line)
{
    auto const space = line.find(' ');
    if (space == std::string_view::npos)
        return false;
    auto const word = line.substr(0, space);
    auto const rest = line.substr(space + 1);
    auto const number = number_of<std::uint64_t>(rest);
    if (word == "pack" && number && *number <= 0xffffffffU)
        cursor.pack = static_cast<std::uint32_t>(*number);
    else if (word == "began")
        cursor.began = rest;
    else if (word == "done")
        cursor.done = rest;
    else if (word == "bytes" && number)
        cursor.bytes = *number;
    else if (word == "damage" && cursor.damage.size() < kMaxDamageLines)
        cursor.damage.emplace_back(rest);
    else
        return false;
    return true;
}

} // namespace

std::string encode_cursor(ScrubCursor const& cursor)
{
    auto text = fmt::format("{}pack {}\nbegan {}\n", kCursorTitle, cursor.pack, cursor.began);
    if (!cursor.done.empty())
        text += fmt::format("done {}\n", cursor.done);
    text += fmt::format("bytes {}\n", cursor.bytes);
    for (auto line : cursor.damage) {
        std::ranges::replace(line, '\n', ' ');
        text += fmt::format("damage {}\n", line);
    }
    return text + fmt::format("sum {:016x}\n", checksum(as_bytes(text)));
}

Result<ScrubCursor> decode_cursor(std::string_view text)
{
    auto const bad = [] { return fail(Fault::corrupt, "The scrub's cursor is damaged"); };
    auto const sum_at = text.rfind("sum ");
    if (!text.starts_with(kCursorTitle) || sum_at == std::string_view::npos ||
        text.size() != sum_at + 21 || text.back() != '\n')
        return bad();
    auto const body = text.substr(0, sum_at);
    if (number_of<std::uint64_t>(text.substr(sum_at + 4, 16), 16) != checksum(as_bytes(body)))
        return bad();
    ScrubCursor cursor;
    for (auto at = kCursorTitle.size(); at < body.size();) {
        auto const end = body.find('\n', at);
        if (end == std::string_view::npos || !take_line(cursor, body.substr(at, end - at)))
            return bad();
        at = end + 1;
    }
    return cursor;
}

/// One thread's tools.
struct PackCheck::Desk {
    Bench bench;
    Buffer window;
    std::uint64_t window_at = 0;
    std::size_t window_bytes = 0;
    Bytes plain;
};

PackCheck::PackCheck(Packs& packs, std::string const& directory, Settings settings)
    : packs_(packs)
    , directory_(directory)
    , settings_(settings)
    , began_(settings.env.clock.steady())
{
    std::set<std::uint32_t> left_out;
    for (auto& record : packs.all()) {
        if (record.location.pack <= settings_.after) {
            left_out.insert(record.location.pack);
            continue;
        }
        if (work_.empty() || work_.back().front().location.pack != record.location.pack)
            work_.emplace_back();
        work_.back().push_back(record);
    }
    left_out_ = left_out.size();
}

bool PackCheck::run(Verified const& verified)
{
    {
        std::vector<Thread> others;
        for (int i = 1; i < settings_.threads; ++i)
            others.emplace_back("scrub", Thread::OnThrow::go_on, // less is checked then
                                [&](std::stop_token const&) { work(verified); });
        work(verified);
    }
    return all_up_to_ == work_.size();
}

void PackCheck::work(Verified const& verified)
{
    Desk desk;
    for (;;) {
        std::size_t mine = 0;
        {
            std::scoped_lock const guard(mutex_);
            if (ended_ || next_ == work_.size())
                return;
            mine = next_++;
        }
        check_pack(work_[mine], desk);
        std::scoped_lock const guard(mutex_);
        if (ended_)
            return; // perhaps in the midst of the pack
        ahead_.insert(mine);
        auto const before = all_up_to_;
        while (ahead_.erase(all_up_to_) > 0)
            ++all_up_to_;
        if (all_up_to_ == before)
            continue;
        auto const share = static_cast<double>(left_out_ + all_up_to_) /
                           static_cast<double>(left_out_ + work_.size());
        if (verified && !verified(work_[all_up_to_ - 1].front().location.pack, share))
            ended_ = true;
    }
}

void PackCheck::check_pack(std::vector<Indexed> const& records, Desk& desk)
{
    auto const number = records.front().location.pack;
    auto const pin = packs_.pin(number);
    desk.window_bytes = 0;
    for (auto const& record : records) {
        auto const checked =
            pin ? check_record(record, pin, desk)
                : Result<bool>(fail(Fault::corrupt,
                                    fmt::format("{} is missing", pack_path(directory_, number))));
        std::scoped_lock const guard(mutex_);
        if (ended_)
            return;
        if (checked.ok()) {
            ++records_;
            plain_bytes_ += desk.plain.size();
            sealed_ += checked.value() ? 0 : 1;
        } else if (still_there(record)) { // else it was collected or moved meanwhile
            bad_.emplace(record.hash, checked.error().message);
        }
    }
}

bool PackCheck::still_there(Indexed const& record) const
{
    auto const at = packs_.find(record.hash);
    return at && at->pack == record.location.pack && at->offset == record.location.offset;
}

Result<bool> PackCheck::check_record(Indexed const& record, Packs::Pin const& pin, Desk& desk)
{
    auto const& at = record.location;
    auto const damaged = [&](std::string_view why) {
        return fail(Fault::corrupt, fmt::format("{}: the record at {} is damaged: {}",
                                                pack_path(directory_, at.pack), at.offset, why));
    };
    std::uint64_t const end = std::uint64_t{at.offset} + kRecordHeaderBytes + at.stored_bytes;
    if (at.stored_bytes > kMaxPageBytes)
        return damaged("its length is absurd");
    if (at.offset < desk.window_at || end > desk.window_at + desk.window_bytes) {
        if (desk.window.size < std::max<std::size_t>(kScrubWindowBytes, end - at.offset))
            desk.window = Buffer::of(std::max<std::size_t>(kScrubWindowBytes, end - at.offset));
        desk.window_at = at.offset;
        desk.window_bytes = TRY(pin.file().read_at(at.offset, desk.window.span()));
        keep_pace(desk.window_bytes);
    }
    if (end > desk.window_at + desk.window_bytes)
        return damaged("the pack ends before it");
    auto const bytes =
        std::as_const(desk.window).span().subspan(at.offset - desk.window_at, end - at.offset);
    auto const header = parse_record_header(bytes, {at.pack, at.offset});
    if (!header || header->hash != record.hash || header->kind != at.kind ||
        header->stored_bytes != at.stored_bytes)
        return damaged("its header is wrong");
    desk.plain.resize(header->raw_bytes);
    auto const stored = bytes.subspan(kRecordHeaderBytes);
    auto const verified = packs_.verify(desk.bench, *header, stored, desk.plain);
    return verified.ok() ? verified : Result<bool>(damaged(verified.error().message));
}

void PackCheck::keep_pace(std::uint64_t bytes)
{
    if (settings_.bytes_per_second == 0)
        return;
    std::chrono::nanoseconds wait{};
    {
        std::scoped_lock const guard(mutex_);
        read_bytes_ += bytes;
        auto const due =
            static_cast<double>(read_bytes_) / static_cast<double>(settings_.bytes_per_second);
        wait = std::chrono::nanoseconds(static_cast<std::int64_t>(due * 1e9)) -
               (settings_.env.clock.steady() - began_);
    }
    while (wait > std::chrono::nanoseconds(0)) {
        auto const nap = std::min<std::chrono::nanoseconds>(wait, kLongestNap);
        std::this_thread::sleep_for(nap);
        wait -= nap;
        std::scoped_lock const guard(mutex_);
        if (ended_)
            return;
    }
}

Result<ScrubReport> PackStore::scrub(ScrubRequest const& request)
{
    std::scoped_lock const one(scrub_mutex_);
    TRY(health_.check_writable());
    writer_->settle(); // on a full disk: what an import that failed left
    TRY(writer_->make_durable());
    auto const path = scrub_path(directory_);
    ScrubCursor cursor;
    if (auto const text = read_file(env_.files, path, 64 << 20); text.ok())
        if (auto read = decode_cursor(as_text(text.value())); read.ok())
            cursor = std::move(read).value();
    if (cursor.pack == 0 || request.anew) // a new round
        cursor = {.began = format_time(env_.clock.now()), .done = cursor.done};
    std::vector<std::string> locked;
    auto const held = unlock_all(locked);
    PackCheck check(packs_, directory_,
                    {env_, options_.threads, request.bytes_per_second, cursor.pack});
    auto const before = cursor.bytes;
    auto const save = [&] {
        cursor.bytes = before + check.bytes();
        auto const saved = replace_file(env_.files, path, as_bytes(encode_cursor(cursor)));
        if (!saved.ok()) // a full disk; the next start repeats what this one did
            log(Level::warn, "scrub.cursor_not_saved", saved.error());
    };
    auto const earlier = cursor.damage; // of this round, before a restart
    bool const finished = check.run([&](std::uint32_t pack, double share) {
        cursor.pack = pack;
        cursor.damage = earlier;
        for (auto const& [hash, what] : check.bad())
            cursor.damage.push_back(what);
        save();
        return !request.progress || request.progress(share);
    });
    if (finished) {
        cursor.damage = earlier;
        auto const found = TRY(whom_it_hits(check.bad()));
        cursor.damage.insert(cursor.damage.end(), found.begin(), found.end());
        cursor.done = format_time(env_.clock.now());
        cursor.pack = 0;
        save();
    }
    return ScrubReport{.bytes = cursor.bytes,
                       .finished = finished,
                       .damage = cursor.damage,
                       .sealed = check.sealed(),
                       .locked = std::move(locked)};
}

} // namespace karat::blocks
