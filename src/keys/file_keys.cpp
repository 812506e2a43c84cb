// SPDX-License-Identifier: Apache-2.0
#include "key_file.hpp"

#include "karat/gcm.hpp"
#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>

namespace karat::keys {
namespace {

constexpr unsigned kOthers = 0077; // bits that let others than the owner at the file
constexpr std::string_view kWrapText = "karat data key 1\n";
constexpr std::size_t kWrappedBytes = kNonceBytes + kKeyBytes + kTagBytes;

/// The file as it was read, wiped when it goes.
struct KeyText {
    Bytes bytes = {};
    std::vector<KeyLine> lines = {}; // point into the bytes
    KeyText() = default;
    KeyText(KeyText&&) = default; // moves the bytes, not their memory
    KeyText& operator=(KeyText&&) = delete;
    ~KeyText() { wipe(bytes); }
};

std::string new_id(Chance& chance)
{
    std::array<std::byte, 16> bytes{};
    chance.fill(bytes);
    bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40}; // RFC 9562: version 4,
    bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80}; // and its variant
    std::string id;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        id += i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        id += fmt::format("{:02x}", std::to_integer<unsigned>(bytes[i]));
    }
    return id;
}

std::string extra_of(std::string const& arn) { return std::string(kWrapText) + arn; }

class FileKeys final : public Keys {
public:
    FileKeys(Env env, std::string path)
        : env_(env)
        , path_(std::move(path))
    {
    }

    Result<std::vector<KeyFacts>> list() override
    {
        auto const text = TRY(read());
        std::vector<KeyFacts> all;
        for (auto const& line : text.lines)
            all.push_back(line.facts);
        return all;
    }

    Result<KeyFacts> create(NewKey const& wanted) override
    {
        if (!wanted.alias.empty() &&
            (!good_alias(wanted.alias) || wanted.alias.starts_with("alias/aws/")))
            return fail(Fault::invalid,
                        fmt::format("'{}' cannot be an alias: it is alias/ and up to 250 letters, "
                                    "digits, '/', '_' and '-'; alias/aws/ is reserved",
                                    wanted.alias));
        if (!good_description(wanted.description))
            return fail(Fault::invalid, "A description has at most 512 bytes in one line");
        std::scoped_lock const guard(mutex_);
        return add(wanted);
    }

    Result<KeyFacts> default_key(KeyScope const& scope) override
    {
        NewKey const wanted{.scope = scope,
                            .alias = std::string(kDefaultAlias),
                            .description = "Default key of volumes and snapshots"};
        std::scoped_lock const guard(mutex_);
        {
            auto const text = TRY(read());
            for (auto const& line : text.lines)
                if (line.facts.scope == scope && line.facts.is_default())
                    return line.facts;
        }
        return add(wanted);
    }

    Result<KeyFacts> set_enabled(std::string const& arn, bool enabled) override
    {
        std::scoped_lock const guard(mutex_);
        auto text = TRY(read());
        for (auto& line : text.lines) {
            if (line.facts.arn() != arn)
                continue;
            line.facts.enabled = enabled;
            TRY(write(text.lines));
            return line.facts;
        }
        return missing(arn);
    }

    Result<Bytes> wrap(std::string const& arn, SecretBytes const& data_key) override
    {
        auto const master = TRY(master_key(arn));
        Bytes wrapped(kWrappedBytes);
        auto const nonce = std::span(wrapped).first(kNonceBytes);
        env_.chance.fill(nonce);
        auto const extra = extra_of(arn);
        Gcm().seal({master.reveal(), nonce, as_bytes(extra)}, data_key.reveal(),
                   std::span(wrapped).subspan(kNonceBytes));
        return wrapped;
    }

    Result<SecretBytes> unwrap(std::string const& arn, std::span<std::byte const> wrapped) override
    {
        auto const master = TRY(master_key(arn));
        SecretBytes data_key(kKeyBytes);
        auto const extra = extra_of(arn);
        bool const fits = wrapped.size() == kWrappedBytes &&
                          Gcm().open({master.reveal(), wrapped.first(kNonceBytes), as_bytes(extra)},
                                     wrapped.subspan(kNonceBytes), data_key.reveal());
        if (!fits)
            return fail(
                Fault::corrupt,
                fmt::format("A data key does not open with the key {}: it is damaged, or the "
                            "key file holds another key of that id; put the right key "
                            "file back",
                            arn));
        return data_key;
    }

private:
    Result<KeyText> read()
    {
        KeyText text;
        auto const mode = env_.files.mode(path_);
        if (!mode.ok() && mode.error().fault == Fault::not_found)
            return text;
        if (TRY(mode) & kOthers)
            return fail(Fault::denied, fmt::format("Others than its owner may use the key file "
                                                   "(its mode is {:04o}); give it the mode 600",
                                                   mode.value()));
        text.bytes = TRY(read_file(env_.files, path_, kMaxKeyFileBytes));
        auto lines = parse_keys(as_text(text.bytes));
        if (!lines.ok())
            return fail(lines.error().fault,
                        fmt::format("The key file cannot be used: {}; nothing encrypted can be "
                                    "read until a good copy is put back",
                                    lines.error().message));
        text.lines = std::move(lines).value();
        return text;
    }

    Result<void> write(std::vector<KeyLine> const& lines)
    {
        auto bytes = encode_keys(lines);
        auto const written = replace_file(env_.files, path_, bytes);
        wipe(bytes);
        return written;
    }

    Result<KeyFacts> add(NewKey const& wanted)
    {
        auto text = TRY(read());
        if (!good_scope(wanted.scope))
            return fail(Fault::invalid, fmt::format("There are no keys for account '{}', region "
                                                    "'{}'",
                                                    wanted.scope.account, wanted.scope.region));
        if (text.lines.size() == kMaxKeys)
            return fail(Fault::exhausted, fmt::format("There are {} keys already", kMaxKeys));
        for (auto const& line : text.lines)
            if (!wanted.alias.empty() && line.facts.scope == wanted.scope &&
                line.facts.alias == wanted.alias)
                return fail(Fault::duplicate, fmt::format("The alias {} is taken by {}",
                                                          wanted.alias, line.facts.arn()));
        SecretBytes key(kKeyBytes);
        env_.chance.fill(key.reveal());
        auto digits = encode_material(key);
        KeyFacts const facts{.id = new_id(env_.chance),
                             .scope = wanted.scope,
                             .alias = wanted.alias,
                             .description = wanted.description,
                             .created = env_.clock.now()};
        text.lines.push_back({facts, as_text(digits)});
        auto const written = write(text.lines);
        wipe(digits);
        TRY(written);
        log(Level::info, "key.created", {{"key", facts.arn()}, {"alias", facts.alias}});
        return facts;
    }

    Result<SecretBytes> master_key(std::string const& arn)
    {
        auto const text = TRY(read());
        for (auto const& line : text.lines) {
            if (line.facts.arn() != arn)
                continue;
            if (!line.facts.enabled)
                return fail(Fault::wrong_state,
                            fmt::format("The key {} is disabled; enable it to use what is "
                                        "encrypted with it",
                                        arn));
            return material_of(line);
        }
        return missing(arn);
    }

    Error missing(std::string const& arn) const
    {
        return fail(Fault::not_found, fmt::format("The key {} is not in the key file; put the file "
                                                  "with it back from its backup",
                                                  arn));
    }

    Env env_;
    std::string const path_;
    std::mutex mutex_; // one change at a time
};

} // namespace

std::string KeyFacts::arn() const
{
    return fmt::format("arn:aws:kms:{}:{}:key/{}", scope.region, scope.account, id);
}

Result<KeyFacts> find_key(Keys& keys, KeyScope const& scope, std::string const& name)
{
    auto const prefix = fmt::format("arn:aws:kms:{}:{}:", scope.region, scope.account);
    auto local = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    if (local == kDefaultAlias)
        return keys.default_key(scope);
    if (name.starts_with(prefix) && local.starts_with("key/"))
        local = local.substr(4);
    auto const all = TRY(keys.list());
    auto const found = std::ranges::find_if(all, [&](KeyFacts const& one) {
        return one.scope == scope && (one.id == local || (!local.empty() && one.alias == local));
    });
    if (found == all.end())
        return fail(Fault::not_found, fmt::format("The key '{}' does not exist in this account and "
                                                  "region",
                                                  name));
    return *found;
}

std::unique_ptr<Keys> make_file_keys(Env env, std::string path)
{
    return std::make_unique<FileKeys>(env, std::move(path));
}

} // namespace karat::keys
