// SPDX-License-Identifier: Apache-2.0
#include "feeder.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

/// One overlay and the stretch of it that the walk is in.
class Layer {
public:
    explicit Layer(std::unique_ptr<DiskReader> reader)
        : reader_(std::move(reader))
    {
    }
    DiskReader& reader() { return *reader_; }

    /// The stretch from `offset_bytes` on, at most to `end_bytes`.
    Result<Stretch> at(std::uint64_t offset_bytes, std::uint64_t end_bytes)
    {
        // Beyond an overlay its guest saw zeroes, whatever lies below.
        if (offset_bytes >= reader_->size_bytes())
            return Stretch{Kind::zero, {offset_bytes, end_bytes - offset_bytes}};
        if (offset_bytes >= current_.range.end_bytes())
            current_ = TRY(reader_->next(offset_bytes));
        auto const end = std::min(end_bytes, current_.range.end_bytes());
        return Stretch{current_.kind, {offset_bytes, end - offset_bytes}};
    }

private:
    std::unique_ptr<DiskReader> reader_;
    Stretch current_{};
};

/// What shows at a place of the volume, and in which layer.
struct Shown {
    Stretch stretch;
    DiskReader* reader; ///< Of data.
};

Result<Shown> topmost(std::vector<Layer>& layers, Range range)
{
    auto end = range.end_bytes();
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
        auto const stretch = TRY(layer->at(range.offset_bytes, end));
        if (stretch.kind != Kind::unallocated)
            return Shown{stretch, &layer->reader()};
        end = stretch.range.end_bytes();
    }
    return Shown{{Kind::unallocated, {range.offset_bytes, end - range.offset_bytes}}, nullptr};
}

Result<void> feed(std::vector<Layer>& layers, std::uint64_t size_bytes, Feeder& feeder)
{
    std::uint64_t offset = 0;
    while (offset < size_bytes) {
        auto const shown = TRY(topmost(layers, {offset, size_bytes - offset}));
        offset = shown.stretch.range.end_bytes();
        if (offset % blocks::kBlockBytes != 0)
            return fail(Fault::corrupt, "The volume has an overlay that Karat did not make: its "
                                        "clusters are smaller than 4096 bytes");
        switch (shown.stretch.kind) {
        case Kind::data:
            TRY(feeder.add(*shown.reader, shown.stretch.range));
            break;
        case Kind::zero:
            TRY(feeder.zero(shown.stretch.range));
            break;
        case Kind::unallocated:
            TRY(feeder.skip(offset));
            break;
        }
    }
    return feeder.finish();
}

/// A snapshot as the lowest layer, when its extents cannot be shared.
class ViewReader final : public DiskReader {
public:
    explicit ViewReader(blocks::View const& view)
        : view_(view)
    {
    }
    std::uint64_t size_bytes() const override { return view_.facts().size_bytes; }
    Result<Stretch> next(std::uint64_t offset_bytes) override
    {
        auto const data = TRY(view_.next_data(offset_bytes));
        if (data && data->offset_bytes == offset_bytes)
            return Stretch{Kind::data, *data};
        auto const end = data ? data->offset_bytes : size_bytes();
        return Stretch{Kind::unallocated, {offset_bytes, end - offset_bytes}};
    }
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        return view_.read(offset_bytes, into);
    }

private:
    blocks::View const& view_;
};

Result<void> check_size(std::uint64_t size_bytes, blocks::Facts const& facts)
{
    if (size_bytes <= facts.size_bytes)
        return {};
    return fail(Fault::invalid, fmt::format("The volume has {} bytes and does not fit into {} of "
                                            "{} bytes",
                                            size_bytes, facts.name, facts.size_bytes));
}

} // namespace

Result<blocks::Committed> capture_layers(blocks::Store& store, std::optional<std::string> base,
                                         std::vector<std::unique_ptr<DiskReader>> overlays,
                                         blocks::Facts const& facts, Progress const& progress)
{
    if (!overlays.empty())
        TRY(check_size(overlays.back()->size_bytes(), facts));
    std::vector<Layer> layers;
    // Of another key, or of none: read as one would, and stored anew.
    auto const under = base ? TRY(store.view(*base)) : nullptr;
    if (under && under->facts().key != facts.key) {
        TRY(check_size(under->facts().size_bytes, facts));
        layers.emplace_back(std::make_unique<ViewReader>(*under));
        base.reset();
    }
    for (auto& overlay : overlays)
        layers.emplace_back(std::move(overlay));
    auto const ingest = TRY(store.begin(facts, std::move(base)));
    Feeder feeder(*ingest, facts, progress);
    // Without overlays the base shows everywhere.
    TRY(feed(layers, facts.size_bytes, feeder));
    return ingest->commit();
}

} // namespace karat::volumes
