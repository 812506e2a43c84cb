// SPDX-License-Identifier: Apache-2.0
// The keys are of ssh-keygen; tests/aws/replies_test.py has it read ours.
#include "openssh_key.hpp"

#include "karat/hash.hpp"

#include <gtest/gtest.h>

namespace karat::engine {
namespace {

std::string const kCode = "AAAAC3NzaC1lZDI1NTE5AAAAIJzANoVd4jePs0GF09run58k95NPqYrfTtfY"
                          "V70hLOqk";
std::string const kLine = "ssh-ed25519 " + kCode;
std::string const kPrint = "6wMHGqYxCIrH6P3CzYknLdwTDmOi3L1mVlz/ZGX9Ens=";
std::string const kRsaPrint = "e9:6c:a7:84:c6:cd:e1:82:13:21:c3:77:a5:94:65:54";
std::string const kBegin = "---- BEGIN SSH2 PUBLIC KEY ----";
std::string const kEnd = "---- END SSH2 PUBLIC KEY ----";
std::string const kRsa =
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2ECSb/pWv/ANvBu8"
    "hPyP0Vo/NAWBUhnDu/cRw0+lDGXwvxt7z0A4TYsIDFC+djdD34Q1sYRscqCoKtWcDJLhDifEpXzpcH5QFF2oSchl6h"
    "Qv5lpdkWqQZhOUq/rPZU8Fh4jHAi7jY/S3phd1uW/U/ZuqJS+rNUW5ao1mpn2hw/mbyJGVkhcHH5krcGUd/16jZCiJ"
    "jGUFtmyRBfRM9une+RCXBbWrzdEh6cBPFiW46br8i6INbs+izfeQiyY7umgggUFfU4BYocM0nol6VWAXWnwDjocPfL"
    "xk2RmFemsB52Yz/FPM6weBAMcd00qxeGhp6qWMBo4gQlQ+LLclUX8xHwIDAQAB";

/// The fingerprint of a key, or the message.
std::string read(std::string const& text)
{
    auto const key = read_public_key(text);
    return key.ok() ? key.value().fingerprint : key.error().message;
}

std::string const kBad = "Key is not in valid OpenSSH public key format";

TEST(PublicKey, OpenSshLines)
{
    EXPECT_EQ(read(kLine), kPrint);
    EXPECT_EQ(read("\n" + kLine + " a comment with blanks\r\n\n"), kPrint);
    EXPECT_EQ(read("ssh-ed25519\t" + kCode + "\tcomment"), kPrint);
    EXPECT_EQ(read(kLine + "\n" + kLine), kBad); // two keys: one would be dropped
    EXPECT_EQ(read("ssh-rsa " + kCode), kBad);
    EXPECT_EQ(read("ssh-ed25519"), kBad);
    EXPECT_EQ(read("ssh-ed25519 " + kCode.substr(0, 64)), kBad);
    EXPECT_EQ(read("ssh-ed25519 " + kCode + "AAAA"), kBad); // bytes behind the key
    EXPECT_EQ(read("command=\"x\" " + kLine), kBad);
    EXPECT_EQ(read(std::string(16385, ' ')), kBad);
}

TEST(PublicKey, Rfc4716)
{
    auto const body = kCode.substr(0, 40) + "\n" + kCode.substr(40);
    EXPECT_EQ(read(kBegin + "\n" + body + "\n" + kEnd + "\n"), kPrint);
    EXPECT_EQ(read(kBegin + "\r\nComment: \"a, b\"\r\nx-y: z\r\n" + body + "\r\n" + kEnd), kPrint);
    EXPECT_EQ(read(kBegin + "\nComment: goes \\\non: and \\\non\n" + body + "\n" + kEnd), kPrint);
    EXPECT_EQ(read(kBegin + "\n" + body), kBad);
    EXPECT_EQ(read(kBegin + "\nComment: no end \\"), kBad);
    EXPECT_EQ(read(kBegin + "\n" + kEnd), kBad);
    EXPECT_EQ(read(kBegin + "\n" + body + "\n" + kEnd + "\n" + kLine), kBad);
    EXPECT_EQ(read(kBegin + "\n" + body + "\nComment: late\n" + kEnd), kBad);
}

TEST(PublicKey, DerAndPem)
{
    EXPECT_EQ(read(kRsa), kRsaPrint);
    EXPECT_EQ(read(kRsa.substr(0, 76) + "\n" + kRsa.substr(76) + "\n"), kRsaPrint);
    EXPECT_EQ(read("-----BEGIN PUBLIC KEY-----\n" + kRsa + "\n-----END PUBLIC KEY-----\n"),
              kRsaPrint);
    EXPECT_EQ(read("-----BEGIN PUBLIC KEY-----\n" + kRsa), kBad);
    EXPECT_EQ(read(kRsa + "AAAA"), kBad);
    EXPECT_EQ(read(kRsa.substr(0, 200)), kBad);
    EXPECT_EQ(read(""), kBad);
    // OpenSSL's own reader would ask the terminal for a passphrase.
    EXPECT_EQ(read("-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
                   "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n" +
                   kRsa + "\n-----END PUBLIC KEY-----\n"),
              kBad);
    EXPECT_EQ(read("-----BEGIN RSA PRIVATE KEY-----\n" + kRsa + "\n-----END RSA PRIVATE KEY-----"),
              kBad);
}

TEST(PublicKey, WhatIsMadeIsRead)
{
    for (auto const* const type : {"rsa", "ed25519"}) {
        auto const made = generate_key(type, KeyFormat::pem).value();
        auto const again = read_public_key(made.public_key.openssh_line + " name").value();
        EXPECT_EQ(again.openssh_line, made.public_key.openssh_line);
        EXPECT_EQ(again.fingerprint == made.public_key.fingerprint, again.type == "ed25519");
        auto const& pem = made.private_text.reveal();
        EXPECT_TRUE(pem.starts_with(again.type == "rsa" ? "-----BEGIN RSA PRIVATE KEY-----\n"
                                                        : "-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        auto const putty = generate_key(type, KeyFormat::ppk).value().private_text.reveal();
        EXPECT_TRUE(putty.starts_with("PuTTY-User-Key-File-2: ssh-"));
    }
}

TEST(PublicKey, SmallRsaKeysAreRefused)
{
    // 512 bits, and an exponent of one.
    EXPECT_EQ(read("MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAOvMFUZcidBFM4I5El223OCXNp/l"
                   "ZBQwqDrzfffG7Ed6GS5tf54Vc0xQsBLt0aPjANOGYoVyEB3uUx9syKTmxN0CAwEAAQ=="),
              kBad);
    EXPECT_EQ(read("ssh-rsa AAAAB3NzaC1yc2EAAAABAQAAAQEA2ECSb/pWv/ANvBu8hPyP0Vo/NAWBUhnD"
                   "u/"
                   "cRw0+lDGXwvxt7z0A4TYsIDFC+"
                   "djdD34Q1sYRscqCoKtWcDJLhDifEpXzpcH5QFF2oSchl6hQv5lpdkWqQZhOUq/"
                   "rPZU8Fh4jHAi7jY/S3phd1uW/U/ZuqJS+rNUW5ao1mpn2hw/mbyJGVkhcHH5krcGUd/"
                   "16jZCiJjGUFtmyRBfRM9une"
                   "+RCXBbWrzdEh6cBPFiW46br8i6INbs+"
                   "izfeQiyY7umgggUFfU4BYocM0nol6VWAXWnwDjocPfLxk2RmFemsB52Yz/F"
                   "PM6weBAMcd00qxeGhp6qWMBo4gQlQ+LLclUX8xHw=="),
              kBad);
}

} // namespace
} // namespace karat::engine
