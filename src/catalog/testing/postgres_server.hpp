// SPDX-License-Identifier: Apache-2.0
// A PostgreSQL server of a test's own: Debian's programs in a new directory, without privileges,
// behind a socket there. It ends with the test's process, however that ends.
#pragma once

#include "database.hpp"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace karat::catalog {

class PostgresServer {
public:
    /// Where Debian keeps the programs; empty when they are not installed.
    static std::string programs()
    {
        for (int version = 30; version >= 14; --version) {
            auto const path = fmt::format("/usr/lib/postgresql/{}/bin", version);
            if (std::filesystem::exists(path + "/initdb"))
                return path;
        }
        return "";
    }

    /// The one that the tests of this process share, each in a schema of its own.
    static PostgresServer& shared()
    {
        static PostgresServer server(Syncs::no);
        return server;
    }

    /// Whether a commit waits for the disk: no, where no crash is played.
    enum class Syncs : unsigned char { no, yes };

    explicit PostgresServer(Syncs syncs)
        : syncs_(syncs)
    {
        VERIFY(::mkdtemp(directory_.data()) != nullptr);
        if (::geteuid() == 0) // initdb and postgres refuse root
            VERIFY(::chown(directory_.c_str(), kNobody, kNobody) == 0);
        auto const made = spawn({programs() + "/initdb", "-D", data(), "-A", "trust", "-U", "karat",
                                 "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"});
        int status = 0;
        VERIFY(::waitpid(made, &status, 0) == made && status == 0);
        start();
    }

    ~PostgresServer()
    {
        stop(SIGINT);
        std::filesystem::remove_all(directory_);
    }
    PostgresServer(PostgresServer const&) = delete;
    PostgresServer& operator=(PostgresServer const&) = delete;

    /// Also after a crash, when processes of the server before may still be about to end.
    void start()
    {
        for (int tries = 0; tries < 1200; ++tries) {
            if (pid_ == 0)
                pid_ = spawn({programs() + "/postgres", "-D", data(), "-c",
                              "listen_addresses=", "-c", "unix_socket_directories=" + directory_,
                              "-c", "shared_buffers=16MB", "-c", "max_connections=40", "-c",
                              syncs_ == Syncs::yes ? "fsync=on" : "fsync=off"});
            if (::PQping(url("public").c_str()) == PQPING_OK)
                return;
            std::this_thread::sleep_for(std::chrono::milliseconds(25));
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_)
                pid_ = 0;
        }
        VERIFY(false); // its log is in the directory
    }

    /// SIGINT ends it in order, SIGQUIT at once, SIGKILL its first process alone: the others see
    /// it and end. After both it recovers from its log.
    void stop(int signal)
    {
        if (pid_ == 0)
            return;
        ::kill(pid_, signal);
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }

    std::string url(std::string const& schema) const
    {
        return fmt::format("postgresql://karat@/postgres?host={}&options=-csearch_path%3D{}",
                           directory_, schema);
    }

    /// A new and empty schema; returns its URL.
    std::string fresh()
    {
        auto const name = fmt::format("test_{}", ++schemas_);
        auto const database = Database::open(posix_env(), url("public"), Storage::native).value();
        VERIFY(database->run_script("CREATE SCHEMA " + name).ok());
        return url(name);
    }

private:
    static constexpr unsigned kNobody = 65534;

    std::string data() const { return directory_ + "/data"; }

    pid_t spawn(std::vector<std::string> words) const
    {
        std::vector<std::string> all{"/usr/bin/setpriv", "--pdeathsig", "QUIT"};
        if (::geteuid() == 0)
            all.insert(all.end(), {"--reuid", std::to_string(kNobody), "--regid",
                                   std::to_string(kNobody), "--clear-groups"});
        all.insert(all.end(), words.begin(), words.end());
        std::vector<char*> pointers;
        for (auto& word : all)
            pointers.push_back(word.data());
        pointers.push_back(nullptr);
        posix_spawn_file_actions_t files{};
        ::posix_spawn_file_actions_init(&files);
        auto const log = directory_ + "/log";
        ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                           0600);
        ::posix_spawn_file_actions_adddup2(&files, 1, 2);
        char* environment[] = {nullptr};
        pid_t pid = 0;
        VERIFY(::posix_spawn(&pid, pointers.front(), &files, nullptr, pointers.data(),
                             environment) == 0);
        ::posix_spawn_file_actions_destroy(&files);
        return pid;
    }

    std::string directory_ = "/tmp/karat-postgres-XXXXXX"; // short: a socket's path has a limit
    Syncs const syncs_;
    pid_t pid_ = 0;
    int schemas_ = 0;
};

} // namespace karat::catalog
