// SPDX-License-Identifier: Apache-2.0
// The machines that there are, each behind a lock of its own.
#pragma once

#include "qemu_machine.hpp"

#include "karat/mutex.hpp"

#include <map>

namespace karat::compute {

/// The place of one instance. Work on a machine is done one piece at a time.
struct Cell {
    Mutex work; // guards `machine`, which is reached through Cells::Hold alone
    std::unique_ptr<QemuMachine> machine;
    int users = 0; // guarded by Cells' mutex
};

/// Cells come and go with their use, so that a host that ran a million machines holds only those
/// that run.
class Cells {
public:
    /// Holds a cell and its work lock.
    class Hold {
    public:
        Hold(Cells& cells, InstanceId const& id)
            : cells_(cells)
            , id_(id)
            , cell_(cells.enter(id))
            , lock_(cell_.work)
        {
        }
        ~Hold() UNCHECKED_THREADS // the lock is taken by the constructor
        {
            bool const empty = !cell_.machine;
            lock_.unlock();
            cells_.leave(id_, empty);
        }
        Hold(Hold const&) = delete;
        Hold& operator=(Hold const&) = delete;
        std::unique_ptr<QemuMachine>& machine() { return cell_.machine; }

    private:
        Cells& cells_;
        InstanceId id_;
        Cell& cell_;
        Lock lock_;
    };

    std::vector<InstanceId> ids()
    {
        Lock const lock(mutex_);
        std::vector<InstanceId> ids;
        for (auto const& [id, cell] : cells_)
            ids.push_back(id);
        return ids;
    }

private:
    Cell& enter(InstanceId const& id)
    {
        Lock const lock(mutex_);
        auto& cell = cells_[id];
        ++cell.users;
        return cell;
    }
    void leave(InstanceId const& id, bool empty)
    {
        Lock const lock(mutex_);
        auto const found = cells_.find(id);
        // Another user may have filled it since; it is removed by the last one that saw it empty.
        if (--found->second.users == 0 && empty)
            cells_.erase(found);
    }

    Mutex mutex_;
    std::map<InstanceId, Cell> cells_ GUARDED_BY(mutex_);
};

} // namespace karat::compute
