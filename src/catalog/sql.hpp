// SPDX-License-Identifier: Apache-2.0
// Every statement of the catalog. Plain SQL that PostgreSQL also takes; placeholders are used once
// each, because its drivers number them. `seq` is the order of creation.
#pragma once

#include "database.hpp"

namespace karat::catalog::sql {

// What a listing selects from; a scope and kBySeq are added to it.
inline constexpr char const* kImages = "SELECT doc FROM image WHERE state <> 'deregistered'";
inline constexpr char const* kSnapshots = "SELECT doc FROM snapshot WHERE 1 = 1";
inline constexpr char const* kVolumes = "SELECT doc FROM volume WHERE 1 = 1";
inline constexpr char const* kInstances = "SELECT doc FROM instance WHERE 1 = 1";
inline constexpr char const* kKeyPairs = "SELECT doc FROM key_pair WHERE 1 = 1";
inline constexpr char const* kSecurityGroups = "SELECT doc FROM security_group WHERE 1 = 1";
inline constexpr char const* kVpcs = "SELECT doc FROM vpc WHERE 1 = 1";
inline constexpr char const* kSubnets = "SELECT doc FROM subnet WHERE 1 = 1";
inline constexpr char const* kParameters = "SELECT doc FROM parameter WHERE 1 = 1";
inline constexpr char const* kRemoveParameter = "DELETE FROM parameter WHERE 1 = 1";
inline constexpr char const* kBySeq = " ORDER BY seq";
inline constexpr char const* kByName = " ORDER BY name, seq";
inline constexpr char const* kAndRegion = " AND region = :region";
inline constexpr char const* kAndOwner = " AND owner = :owner";
inline constexpr char const* kAndName = " AND name = :name";
// The comparison lets the index skip what sorts before; LIKE would give '%' a meaning.
inline constexpr char const* kAndPrefix =
    " AND name >= :prefix AND substr(name, 1, length(:same_prefix)) = :prefix_again";

inline constexpr char const* kAccount = "SELECT doc FROM account WHERE id = :id";
inline constexpr char const* kAccountByName = "SELECT doc FROM account WHERE name = :name";
inline constexpr char const* kAccountByAlias =
    "SELECT doc FROM account WHERE alias = :alias AND alias <> ''";
inline constexpr char const* kAccounts = "SELECT doc FROM account ORDER BY seq";
inline constexpr char const* kAccessKey = "SELECT doc FROM access_key WHERE id = :id";
inline constexpr char const* kAccessKeys =
    "SELECT doc FROM access_key WHERE account = :account ORDER BY seq";
inline constexpr char const* kImage = "SELECT doc FROM image WHERE id = :id";
inline constexpr char const* kImagesWith =
    "SELECT doc FROM image JOIN image_device ON image_device.image = image.id "
    "WHERE image_device.snapshot = :snapshot AND state <> 'deregistered' ORDER BY seq";
inline constexpr char const* kSnapshot = "SELECT doc FROM snapshot WHERE id = :id";
inline constexpr char const* kVolume = "SELECT doc FROM volume WHERE id = :id";
inline constexpr char const* kVolumesOf =
    "SELECT doc FROM volume WHERE instance = :instance ORDER BY seq";
inline constexpr char const* kVolumesOver =
    "SELECT doc FROM volume WHERE base = :base AND state <> 'deleted' ORDER BY seq";
inline constexpr char const* kInstance = "SELECT doc FROM instance WHERE id = :id";
inline constexpr char const* kSecurityGroup = "SELECT doc FROM security_group WHERE id = :id";
inline constexpr char const* kToken =
    "SELECT doc FROM token WHERE account = :account AND region = :region AND action = :action "
    "AND token = :token AND expires > :now";

inline constexpr char const* kRemoveImageDevices = "DELETE FROM image_device WHERE image = :image";
inline constexpr char const* kAddImageDevice =
    "INSERT INTO image_device (image, snapshot) VALUES (:image, :snapshot) ON CONFLICT DO NOTHING";
inline constexpr char const* kRemoveImage = "DELETE FROM image WHERE id = :id";
inline constexpr char const* kRemoveSnapshot = "DELETE FROM snapshot WHERE id = :id";
inline constexpr char const* kRemoveVolume = "DELETE FROM volume WHERE id = :id";
inline constexpr char const* kRemoveInstance = "DELETE FROM instance WHERE id = :id";
inline constexpr char const* kRemoveKeyPair = "DELETE FROM key_pair WHERE id = :id";
inline constexpr char const* kRemoveSecurityGroup = "DELETE FROM security_group WHERE id = :id";
inline constexpr char const* kRemoveExpiredTokens = "DELETE FROM token WHERE expires <= :now";

// Rows of both tables are numbered as time goes on, so neither looks at more than it deletes.
inline constexpr char const* kRemoveOldAudit = "DELETE FROM audit WHERE seq < (SELECT seq FROM "
                                               "audit WHERE at >= :before ORDER BY seq LIMIT 1)";
inline constexpr char const* kRemoveOldTasks =
    "DELETE FROM task WHERE due IS NULL AND id <= (SELECT max(id) FROM task) - :kept";

inline constexpr char const* kTask = "SELECT doc FROM task WHERE id = :id";
inline constexpr char const* kOpenTasks = "SELECT doc FROM task WHERE due IS NOT NULL ORDER BY id";
inline constexpr char const* kAddTask =
    "INSERT INTO task (state, due, lease_host, doc) VALUES ('queued', NULL, '', '') RETURNING id";
inline constexpr char const* kSaveTask =
    "UPDATE task SET state = :state, due = :due, lease_host = :lease_host, doc = :doc "
    "WHERE id = :id";
inline constexpr char const* kDueTask =
    "SELECT doc FROM task WHERE due <= :now ORDER BY due, id LIMIT 1";
inline constexpr char const* kNextTaskDue = "SELECT MIN(due) FROM task WHERE due IS NOT NULL";
inline constexpr char const* kTasksOfHost =
    "SELECT doc FROM task WHERE state = 'running' AND lease_host = :host ORDER BY id";

inline constexpr char const* kAudit =
    "INSERT INTO audit (at, actor, action, touched) VALUES (:at, :actor, :action, :touched)";

/// A listing narrowed to a scope, with `rest` behind it.
Query scoped(char const* listing, Scope const& scope, char const* rest = kBySeq);

/// INSERT … ON CONFLICT (keys) DO UPDATE, which keeps seq. With `fixed`, a row in which that
/// column differs stays as it is, and no row counts as changed.
struct Upsert {
    struct Column {
        char const* name;
        Value value;
    };
    char const* table;
    char const* keys; ///< "id", or several with commas.
    std::vector<Column> columns;
    char const* fixed = nullptr;

    Query query() const;
};

} // namespace karat::catalog::sql
