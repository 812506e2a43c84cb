// SPDX-License-Identifier: Apache-2.0
// What a listing makes of headers: the forms that real tars do not show, and hostile ones.
#include "formats/tar_fields.hpp"
#include "testing/variants.hpp"

namespace karat::volumes {
namespace {

using testing::expect_golden;

/// Headers put together by hand.
class Archive {
public:
    Archive& header(
        std::string_view name, char type, std::uint64_t size,
        std::function<void(Bytes&)> const& change = [](Bytes&) {})
    {
        auto block = tar::header_of(name, size, 0);
        block[tar::kType] = static_cast<std::byte>(type);
        change(block);
        store_text(block, tar::kChecksum.at, "        ");
        store_text(block, tar::kChecksum.at, fmt::format("{:06o}", tar::sum_of(block)));
        bytes_.insert(bytes_.end(), block.begin(), block.end());
        return *this;
    }
    Archive& data(std::string_view text)
    {
        bytes_.insert(bytes_.end(), as_bytes(text).begin(), as_bytes(text).end());
        bytes_.resize((bytes_.size() + 511) / 512 * 512);
        return *this;
    }
    Archive& pax(std::string_view records)
    {
        return header("PaxHeaders", 'x', records.size()).data(records);
    }
    /// A line a member; or why there are none.
    std::string listed(std::string const& name, bool read = false) const
    {
        testing::BytesFile file(bytes_);
        Complaints const complaints("a.tar", Trust::stranger, {});
        auto const members = tar::list(file, complaints);
        auto lines = name + ':';
        if (!members.ok())
            return lines + ' ' + members.error().message + '\n';
        for (auto const& member : members.value()) {
            lines += fmt::format(" [{} {}", shown(member.name), member.size_bytes);
            for (auto const& extent : member.extents)
                lines += fmt::format(" {}+{}@{}", extent.offset_bytes, extent.data.length_bytes,
                                     extent.data.offset_bytes);
            lines += ']';
            if (!read)
                continue;
            Bytes all(member.size_bytes);
            auto const got = tar::open_members(file, {member})->read_at(0, all);
            lines += replaced_zeroes(as_text(all));
        }
        return lines + '\n';
    }

private:
    static std::string replaced_zeroes(std::string_view text)
    {
        return testing::replaced(std::string(text), std::string_view("\0", 1), ".");
    }
    Bytes bytes_;
};

std::string record(std::string_view key, std::string_view value)
{
    auto const rest = key.size() + value.size() + 3; // a blank, '=' and the line's end
    auto length = rest + 1;
    while (fmt::format("{}", length).size() + rest != length)
        ++length;
    return fmt::format("{} {}={}\n", length, key, value);
}

TEST(Tar, FormsOfHeadersAreRead)
{
    auto const v7 = [](Bytes& b) { std::fill_n(b.begin() + 257, 255, std::byte{0}); };
    auto const in_folder = [](Bytes& b) { store_text(b, tar::kPrefix.at, "a/b"); };
    auto const gnu_time = [](Bytes& b) {
        store_text(b, tar::kMagic.at, "ustar  ");
        store_text(b, tar::kPrefix.at, "14321476077");
    };
    auto const base_256 = [](Bytes& b) {
        store_text(b, tar::kSize.at, std::string_view("\x80\0\0\0\0\0\0\0\0\0\0\3", 12));
    };
    std::string lines;
    lines += Archive().header("a", '0', 3, v7).data("abc").listed("v7");
    lines += Archive().header("a/", '\0', 0, v7).listed("v7 folder");
    lines += Archive().header("c", '0', 3, in_folder).data("abc").listed("prefix");
    lines += Archive().header("c", '0', 3, gnu_time).data("abc").listed("GNU's times");
    lines += Archive().header("c", '7', 3, base_256).data("abc").listed("base 256");
    lines += Archive().header("./x//./y", '0', 0).listed("dots");
    lines += Archive()
                 .header("f", '5', 0)
                 .header("l", '2', 0)
                 .header("h", '1', 700)
                 .header("d", '3', 0)
                 .header("p", '6', 0)
                 .header("g", 'g', 3)
                 .data("abc")
                 .header("D", 'D', 3)
                 .data("abc")
                 .header("V", 'V', 0)
                 .header("c", '0', 0)
                 .listed("others are passed over");
    lines += Archive()
                 .header("L", 'L', 4)
                 .data(std::string_view("long", 5))
                 .header("short", '0', 0)
                 .header("next", '0', 0)
                 .listed("long name");
    lines += Archive()
                 .pax(record("path", "p") + record("size", "3") + record("mtime", "1.5"))
                 .header("short", '0', 0)
                 .data("abc")
                 .header("next", '0', 0)
                 .listed("pax");
    lines +=
        Archive().header("a", '0', 1).data("1").header("./a", '0', 2).data("22").listed("twice");
    lines += Archive().header("a", '0', 3).data("abc").listed("no end");
    expect_golden("tar_forms", lines);
}

TEST(Tar, FilesWithHolesAreReadInEachFormOfGnus)
{
    auto const old = [](Bytes& b) {
        store_text(b, tar::kMagic.at, "ustar  ");
        std::fill_n(b.begin() + 345, 167, std::byte{0});
        store_text(b, tar::kSparseAt, "00000000002");
        store_text(b, tar::kSparseAt + 12, "00000000003");
        store_text(b, tar::kSparseSize.at, "00000000010");
    };
    auto const more = [&](Bytes& b) {
        old(b);
        b[tar::kSparseMore] = std::byte{1};
    };
    auto const size = record("GNU.sparse.size", "8") + record("GNU.sparse.numblocks", "2");
    auto const pairs = record("GNU.sparse.offset", "2") + record("GNU.sparse.numbytes", "3") +
                       record("GNU.sparse.offset", "8") + record("GNU.sparse.numbytes", "0");
    auto const newest = record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
                        record("GNU.sparse.name", "s") + record("GNU.sparse.realsize", "8");
    auto map = std::string("2\n2\n3\n8\n0\n");
    map.resize(512);
    std::string lines;
    lines += Archive().header("s", 'S', 3, old).data("abc").listed("oldgnu", true);
    lines += Archive()
                 .header("s", 'S', 4, more)
                 .data(std::string("00000000006") + '\0' + "00000000001" + '\0')
                 .data("abcd")
                 .listed("oldgnu, more pairs", true);
    lines += Archive().pax(size + pairs).header("s", '0', 3).data("abc").listed("0.0", true);
    lines += Archive()
                 .pax(size + record("GNU.sparse.map", "2,3,8,0") + record("GNU.sparse.name", "s"))
                 .header("GNUSparseFile.1/s", '0', 3)
                 .data("abc")
                 .listed("0.1", true);
    lines += Archive()
                 .pax(newest + record("path", "GNUSparseFile.1/s"))
                 .header("x", '0', 515)
                 .data(map + "abc")
                 .listed("1.0", true);
    expect_golden("tar_holes", lines);
}

TEST(Tar, HostileHeadersAreRefusedInOneSentence)
{
    auto const holes = [](std::string_view map, std::string_view real = "8") {
        return Archive()
            .pax(record("GNU.sparse.size", real) + record("GNU.sparse.map", map))
            .header("s", '0', 3)
            .data("abc");
    };
    std::string lines;
    lines += Archive().data("hello").listed("no header");
    lines += Archive().header("a", '0', 3).listed("data cut");
    lines += Archive().pax("3 x").listed("record without end");
    lines += Archive().pax("99 path=x\n").listed("record too long");
    lines += Archive().pax("0 path=x\n").listed("record of nothing");
    lines += Archive().pax("99999999999999999999 a=b\n").listed("record of 2^66");
    lines += Archive().pax(record("size", "-1")).listed("size below 0");
    lines +=
        Archive().pax(record("size", "9223372036854775807")).header("a", '0', 0).listed("size");
    lines +=
        Archive().pax(record("path", std::string(5000, 'n'))).header("a", '0', 0).listed("name");
    lines +=
        Archive().header("L", 'L', 2 << 20).data(std::string(2 << 20, 'n')).listed("long name");
    lines += Archive().header("M", 'M', 0).listed("a volume of several");
    lines += holes("5").listed("half a pair");
    lines += holes("0,9").listed("beyond the file");
    lines += holes("0,4").listed("more than is stored");
    lines += holes("4,1,2,1").listed("descending");
    lines += holes("2,18446744073709551615").listed("2^64-1");
    lines += holes("0,1", "18446744073709551615").listed("a file of 2^64-1");
    lines += holes("x,y").listed("no numbers");
    lines += Archive()
                 .pax(record("GNU.sparse.major", "2"))
                 .header("s", '0', 3)
                 .data("abc")
                 .listed("form 2.0");
    lines += Archive()
                 .pax(record("GNU.sparse.major", "1") + record("GNU.sparse.realsize", "8"))
                 .header("s", '0', 512)
                 .data("99999999\n")
                 .listed("a map of 99999999");
    Archive many;
    for (int i = 0; i < 1026; ++i)
        many.header(fmt::format("{}", i), '0', 0);
    lines += many.listed("1026 members");
    Archive names;
    for (int i = 0; i < 5000; ++i)
        names.header("K", 'K', 0);
    lines += names.listed("5000 headers");
    expect_golden("tar_hostile", lines);
}

} // namespace
} // namespace karat::volumes
