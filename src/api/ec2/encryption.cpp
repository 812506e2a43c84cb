// SPDX-License-Identifier: Apache-2.0
// What an account encrypts by default in a region, and with which key.
#include "handlers.hpp"

#include "karat/wire/ec2/encryption.hpp"

namespace karat::api::ec2 {

Result<wire::ec2::EnableEbsEncryptionByDefaultResult>
enable_ebs_encryption_by_default(Desk const& desk,
                                 wire::ec2::EnableEbsEncryptionByDefaultRequest const& request)
{
    TRY(desk.engine.set_encrypts_by_default(desk.caller, true, request.dry_run));
    return wire::ec2::EnableEbsEncryptionByDefaultResult{.ebs_encryption_by_default = true};
}

Result<wire::ec2::DisableEbsEncryptionByDefaultResult>
disable_ebs_encryption_by_default(Desk const& desk,
                                  wire::ec2::DisableEbsEncryptionByDefaultRequest const& request)
{
    TRY(desk.engine.set_encrypts_by_default(desk.caller, false, request.dry_run));
    return wire::ec2::DisableEbsEncryptionByDefaultResult{.ebs_encryption_by_default = false};
}

Result<wire::ec2::GetEbsEncryptionByDefaultResult>
get_ebs_encryption_by_default(Desk const& desk, wire::ec2::GetEbsEncryptionByDefaultRequest const&)
{
    auto const encrypts = TRY(desk.engine.encrypts_by_default(desk.caller));
    wire::ec2::GetEbsEncryptionByDefaultResult result{.ebs_encryption_by_default = encrypts};
    if (encrypts)
        result.sse_type = "sse-kms";
    return result;
}

Result<wire::ec2::GetEbsDefaultKmsKeyIdResult>
get_ebs_default_kms_key_id(Desk const& desk, wire::ec2::GetEbsDefaultKmsKeyIdRequest const&)
{
    auto const key = TRY(desk.engine.default_encryption_key(desk.caller));
    return wire::ec2::GetEbsDefaultKmsKeyIdResult{.kms_key_id = key};
}

Result<wire::ec2::ModifyEbsDefaultKmsKeyIdResult>
modify_ebs_default_kms_key_id(Desk const& desk,
                              wire::ec2::ModifyEbsDefaultKmsKeyIdRequest const& request)
{
    auto const key = TRY(
        desk.engine.set_default_encryption_key(desk.caller, request.kms_key_id, request.dry_run));
    return wire::ec2::ModifyEbsDefaultKmsKeyIdResult{.kms_key_id = key};
}

Result<wire::ec2::ResetEbsDefaultKmsKeyIdResult>
reset_ebs_default_kms_key_id(Desk const& desk,
                             wire::ec2::ResetEbsDefaultKmsKeyIdRequest const& request)
{
    auto const key = TRY(desk.engine.set_default_encryption_key(desk.caller, "", request.dry_run));
    return wire::ec2::ResetEbsDefaultKmsKeyIdResult{.kms_key_id = key};
}

} // namespace karat::api::ec2
