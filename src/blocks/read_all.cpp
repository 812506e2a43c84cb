// SPDX-License-Identifier: Apache-2.0
// A whole snapshot, read by several threads: decompressing and verifying cost more than one
// processor can do while a disk writes.
#include "karat/blocks.hpp"
#include "karat/thread.hpp"

#include <algorithm>
#include <mutex>

namespace karat::blocks {
namespace {

/// Larger pieces cut fewer extents in two, smaller ones stay in a processor's cache on their way.
constexpr std::uint64_t kPieceBytes = 2 << 20;

/// Deals out the pieces of a snapshot. Thread-safe.
class Dealer {
public:
    explicit Dealer(View const& view)
        : view_(view)
    {
    }

    /// The next piece; nothing when all are dealt out or something failed.
    std::optional<Range> next()
    {
        std::scoped_lock const guard(mutex_);
        if (ended_)
            return {};
        if (data_.length_bytes == 0 && !find_data())
            return {};
        // Pieces end where multiples of their size do, so that all but a stretch's first and last
        // are whole.
        auto const whole = kPieceBytes - data_.offset_bytes % kPieceBytes;
        Range const piece{data_.offset_bytes, std::min(data_.length_bytes, whole)};
        data_ = {piece.end_bytes(), data_.length_bytes - piece.length_bytes};
        return piece;
    }

    void failed(Error error)
    {
        std::scoped_lock const guard(mutex_);
        ended_ = true;
        if (!failure_)
            failure_ = std::move(error);
    }

    Result<void> result()
    {
        std::scoped_lock const guard(mutex_);
        return failure_ ? Result<void>(std::move(*failure_)) : Result<void>();
    }

private:
    bool find_data()
    {
        auto found = view_.next_data(data_.offset_bytes);
        if (!found.ok())
            failure_ = found.take_error();
        ended_ = failure_ || !found.value();
        if (!ended_)
            data_ = *found.value();
        return !ended_;
    }

    View const& view_;
    std::mutex mutex_; // guards below
    Range data_;       // not dealt out yet
    bool ended_ = false;
    std::optional<Error> failure_;
};

void read_pieces_or_throw(View const& view, Dealer& dealer, Sink const& sink)
{
    Bytes buffer(kPieceBytes);
    while (auto const piece = dealer.next()) {
        auto const bytes = std::span(buffer).first(piece->length_bytes);
        auto done = view.read(piece->offset_bytes, bytes);
        if (done.ok())
            done = sink(piece->offset_bytes, bytes);
        if (!done.ok())
            return dealer.failed(done.take_error());
    }
}

/// A piece that was dealt out and not read must not be missing unnoticed, whatever is thrown.
void read_pieces(View const& view, Dealer& dealer, Sink const& sink)
{
    try {
        read_pieces_or_throw(view, dealer, sink);
    } catch (std::exception const& problem) {
        dealer.failed(fail(Fault::unavailable, problem.what()));
    }
}

} // namespace

Result<void> read_all(View const& view, int threads, Sink const& sink)
{
    Dealer dealer(view);
    std::vector<Thread> helpers;
    for (int i = 1; i < threads; ++i)
        helpers.emplace_back("read_all", Thread::OnThrow::go_on,
                             [&](std::stop_token const&) { read_pieces(view, dealer, sink); });
    read_pieces(view, dealer, sink);
    helpers.clear(); // joins
    return dealer.result();
}

} // namespace karat::blocks
