-- Every row gets a checksum, which is checked whenever the row is read (checksum.hpp says what it
-- covers). row_checksum() is a function of this program, known to each of its connections. Rows of
-- before get theirs here: what they hold is taken as it is.

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

UPDATE account SET checksum = row_checksum('account', doc);
UPDATE access_key SET checksum = row_checksum('access_key', doc);
UPDATE image SET checksum = row_checksum('image', doc);
UPDATE snapshot SET checksum = row_checksum('snapshot', doc);
UPDATE volume SET checksum = row_checksum('volume', doc);
UPDATE instance SET checksum = row_checksum('instance', doc);
UPDATE key_pair SET checksum = row_checksum('key_pair', doc);
UPDATE vpc SET checksum = row_checksum('vpc', doc);
UPDATE subnet SET checksum = row_checksum('subnet', doc);
UPDATE security_group SET checksum = row_checksum('security_group', doc);
UPDATE parameter SET checksum = row_checksum('parameter', doc);
UPDATE token SET checksum = row_checksum('token', account, region, action, token, expires, doc);
UPDATE task SET checksum = row_checksum('task', doc);
UPDATE audit SET checksum = row_checksum('audit', at, actor, action, touched);
