// SPDX-License-Identifier: Apache-2.0
// Which accelerator QEMU uses. /dev/kvm alone proves nothing: there are hosts (nested ones among
// them) that have it and run no guest. So a guest must run before KVM is trusted.
#pragma once

#include "karat/compute.hpp"

namespace karat::compute {

/// Chooses as the options say. Takes some seconds when KVM looks right but is not.
Result<Hypervisor::Kind> choose_accelerator(Env env, QemuOptions const& options);

/// Whether a boot sector that does nothing but end the machine runs under "kvm" or "tcg".
Result<bool> boots(Env env, QemuOptions const& options, std::string const& accelerator);

} // namespace karat::compute
