// SPDX-License-Identifier: Apache-2.0
// A mutex that clang checks (the lint preset, -Wthread-safety): a member that is GUARDED_BY one is
// only touched with it held, a function that REQUIRES one is only called so. GCC sees no
// annotations. Wait with std::condition_variable_any, whose predicate says REQUIRES too.
#pragma once

#include <mutex>

#ifdef __clang__
#define KARAT_THREAD_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define KARAT_THREAD_ATTRIBUTE(...)
#endif

/// The member is read and written only with the mutex held.
#define GUARDED_BY(mutex) KARAT_THREAD_ATTRIBUTE(guarded_by(mutex))
/// The caller holds the mutex.
#define REQUIRES(...) KARAT_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
/// The caller does not hold the mutex: the function takes it.
#define EXCLUDES(...) KARAT_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
/// Not checked; say why beside it.
#define UNCHECKED_THREADS KARAT_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace karat {

class KARAT_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
public:
    void lock() KARAT_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
    void unlock() KARAT_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

private:
    std::mutex mutex_;
};

/// Holds a mutex while it lives. A condition variable lets go of it meanwhile.
class KARAT_THREAD_ATTRIBUTE(scoped_lockable) Lock {
public:
    explicit Lock(Mutex& mutex) KARAT_THREAD_ATTRIBUTE(acquire_capability(mutex))
        : lock_(mutex)
    {
    }
    ~Lock() KARAT_THREAD_ATTRIBUTE(release_capability()) = default;
    Lock(Lock const&) = delete;
    Lock& operator=(Lock const&) = delete;

    void lock() KARAT_THREAD_ATTRIBUTE(acquire_capability()) { lock_.lock(); }
    void unlock() KARAT_THREAD_ATTRIBUTE(release_capability()) { lock_.unlock(); }

private:
    std::unique_lock<Mutex> lock_;
};

} // namespace karat
