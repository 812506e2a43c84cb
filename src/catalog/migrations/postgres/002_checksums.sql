-- Every row gets a checksum, which is checked whenever the row is read (checksum.hpp says what it
-- covers). No catalog of PostgreSQL has rows of before.

ALTER TABLE account ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE access_key ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE image ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE snapshot ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE volume ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE instance ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE key_pair ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE vpc ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE subnet ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE security_group ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE parameter ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
