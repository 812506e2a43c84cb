-- Records are found in memory by indexes of its own (tables.cpp); SQL keeps the rows, and the
-- uniqueness of names. Which snapshots an image holds stands in its document.

DROP TABLE image_device;
DROP INDEX access_key_account;
DROP INDEX image_region;
DROP INDEX snapshot_region;
DROP INDEX volume_region;
DROP INDEX volume_instance;
DROP INDEX volume_base;
DROP INDEX instance_region;
DROP INDEX vpc_region;
DROP INDEX subnet_region;
DROP INDEX security_group_region;
DROP INDEX task_due;
