// SPDX-License-Identifier: Apache-2.0
#include "gate.hpp"

namespace karat::catalog {

Result<Gate::Pass> Gate::enter()
{
    Lock guard(mutex_);
    bool const reentered = inside_ == std::this_thread::get_id();
    VERIFY(!reentered);
    auto const is_free = [this]() REQUIRES(mutex_) { return inside_ == std::thread::id(); };
    if (!left_.wait_for(guard, patience_, is_free))
        return fail(Fault::unavailable, "The catalog is busy: try again");
    inside_ = std::this_thread::get_id();
    return Pass(*this);
}

Gate::Pass::~Pass()
{
    if (!gate_)
        return;
    {
        Lock const guard(gate_->mutex_);
        gate_->inside_ = {};
    }
    gate_->left_.notify_one();
}

} // namespace karat::catalog
