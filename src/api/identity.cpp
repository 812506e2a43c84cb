// SPDX-License-Identifier: Apache-2.0
// Verify with: openssl dgst -sha256 -verify, or openssl smime -verify -inform PEM -noverify.
#include "identity.hpp"

#include "karat/hash.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace karat::api {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

constexpr long kValidSeconds = 100L * 365 * 24 * 3600; // EC2's own outlive their instances as well
constexpr std::size_t kMaxFileBytes = 64 * 1024;

Error openssl_failed(char const* doing)
{
    return fail(Fault::io, fmt::format("OpenSSL could not {}", doing));
}

Bio memory() { return {BIO_new(BIO_s_mem()), BIO_free}; }
Bio reading(std::string_view text)
{
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

std::string text_of(Bio const& bio)
{
    char* data = nullptr;
    auto const length = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(length)};
}

Result<Certificate> self_signed(EVP_PKEY* key)
{
    Certificate certificate(X509_new(), X509_free);
    auto* const name = X509_get_subject_name(certificate.get());
    auto const common = std::string("karat instance identity");
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24 * 3600); // clocks of guests differ
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValidSeconds);
    X509_set_pubkey(certificate.get(), key);
    std::vector<unsigned char> const bytes(common.begin(), common.end());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, bytes.data(),
                               static_cast<int>(bytes.size()), -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    if (X509_sign(certificate.get(), key, EVP_sha256()) == 0)
        return openssl_failed("sign a certificate");
    return certificate;
}

class OpenSslIdentity final : public Identity {
public:
    OpenSslIdentity(Key key, Certificate certificate)
        : key_(std::move(key))
        , certificate_(std::move(certificate))
    {
    }

    Result<std::string> signature(std::string const& document) override
    {
        std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> const context(EVP_MD_CTX_new(),
                                                                              EVP_MD_CTX_free);
        std::vector<unsigned char> const bytes(document.begin(), document.end());
        std::size_t length = 0;
        if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
            EVP_DigestSign(context.get(), nullptr, &length, bytes.data(), bytes.size()) != 1)
            return openssl_failed("sign");
        std::vector<unsigned char> made(length);
        if (EVP_DigestSign(context.get(), made.data(), &length, bytes.data(), bytes.size()) != 1)
            return openssl_failed("sign");
        return to_base64(std::as_bytes(std::span(made).first(length)));
    }

    Result<std::string> pkcs7(std::string const& document) override
    {
        auto const content = reading(document);
        std::unique_ptr<PKCS7, decltype(&PKCS7_free)> const message(
            PKCS7_sign(certificate_.get(), key_.get(), nullptr, content.get(),
                       PKCS7_BINARY | PKCS7_NOATTR),
            PKCS7_free);
        auto const bio = memory();
        if (!message || PEM_write_bio_PKCS7(bio.get(), message.get()) != 1)
            return openssl_failed("make a PKCS#7 message");
        auto const armoured = text_of(bio);
        auto const begin = armoured.find('\n') + 1;
        return armoured.substr(begin, armoured.rfind("\n-----END") - begin);
    }

private:
    Key key_;
    Certificate certificate_;
};

Result<std::string> make_identity(Env env, std::string const& directory)
{
    Key const key(EVP_RSA_gen(2048), EVP_PKEY_free);
    if (!key)
        return openssl_failed("make a key");
    auto const certificate = TRY(self_signed(key.get()));
    auto const both = memory();
    auto const alone = memory();
    if (PEM_write_bio_PrivateKey(both.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
            1 ||
        PEM_write_bio_X509(both.get(), certificate.get()) != 1 ||
        PEM_write_bio_X509(alone.get(), certificate.get()) != 1)
        return openssl_failed("write a key");
    auto text = text_of(both);
    TRY(replace_file(env.files, directory + "/identity-certificate.pem", as_bytes(text_of(alone))));
    TRY(replace_file(env.files, directory + "/identity.pem", as_bytes(text)));
    return text;
}

} // namespace

Result<std::unique_ptr<Identity>> Identity::open(Env env, std::string const& directory)
{
    auto const path = directory + "/identity.pem";
    bool const there = TRY(env.files.exists(path));
    std::string text;
    if (there) {
        auto const bytes = TRY(read_file(env.files, path, kMaxFileBytes));
        text = as_text(bytes);
    } else {
        text = TRY(make_identity(env, directory));
    }
    auto const bio = reading(text);
    Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
    if (!key || !certificate)
        return fail(Fault::corrupt,
                    fmt::format("{} does not hold a key and a certificate; move it away to "
                                "have a new one made",
                                path));
    return std::unique_ptr<Identity>(
        std::make_unique<OpenSslIdentity>(std::move(key), std::move(certificate)));
}

} // namespace karat::api
