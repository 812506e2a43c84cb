CREATE TABLE migration (    number INTEGER PRIMARY KEY,    name TEXT NOT NULL,    checksum TEXT NOT NULL,    applied BIGINT NOT NULL);
CREATE TABLE account (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    alias TEXT NOT NULL,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX account_alias ON account (alias) WHERE alias <> '';
CREATE TABLE access_key (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES account (id),
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE INDEX access_key_account ON access_key (account);
CREATE TABLE image (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX image_name ON image (owner, region, name) WHERE state <> 'deregistered';
CREATE INDEX image_region ON image (region, owner) WHERE state <> 'deregistered';
CREATE TABLE image_device (
    image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    snapshot TEXT NOT NULL,
    PRIMARY KEY (image, snapshot)
);
CREATE INDEX image_device_snapshot ON image_device (snapshot);
CREATE TABLE snapshot (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE INDEX snapshot_region ON snapshot (region, owner);
CREATE TABLE volume (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    instance TEXT,
    base TEXT,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE INDEX volume_region ON volume (region, owner);
CREATE INDEX volume_instance ON volume (instance) WHERE instance IS NOT NULL;
CREATE INDEX volume_base ON volume (base) WHERE base IS NOT NULL;
CREATE TABLE instance (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE INDEX instance_region ON instance (region, owner);
CREATE TABLE key_pair (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    doc TEXT NOT NULL, checksum TEXT NOT NULL DEFAULT '',
    UNIQUE (owner, region, name)
);
CREATE TABLE vpc (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE INDEX vpc_region ON vpc (region, owner);
CREATE TABLE subnet (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE INDEX subnet_region ON subnet (region, owner);
CREATE TABLE security_group (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    vpc TEXT NOT NULL,
    name TEXT NOT NULL,
    doc TEXT NOT NULL, checksum TEXT NOT NULL DEFAULT '',
    UNIQUE (vpc, name)
);
CREATE INDEX security_group_region ON security_group (region, owner);
CREATE TABLE parameter (
    seq INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    doc TEXT NOT NULL, checksum TEXT NOT NULL DEFAULT '',
    UNIQUE (region, name, owner)
);
CREATE TABLE token (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    action TEXT NOT NULL,
    token TEXT NOT NULL,
    expires BIGINT NOT NULL,
    doc TEXT NOT NULL, checksum TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account, region, action, token)
);
CREATE INDEX token_expires ON token (expires);
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    due BIGINT,
    lease_host TEXT NOT NULL,
    doc TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
CREATE INDEX task_due ON task (due, id) WHERE due IS NOT NULL;
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    touched TEXT NOT NULL
, checksum TEXT NOT NULL DEFAULT '');
INSERT INTO migration (number, name, checksum, applied) VALUES (1, '001_nouns.sql', 'e8c7aa28af53c3112c1e79a481d0fc1280399aaec1604a2a577883ecf2c51838', 1767225600000);
INSERT INTO migration (number, name, checksum, applied) VALUES (2, '002_checksums.sql', 'd8aa253bdbcb06e4c1fa1847db673b9330fc28562a26fb6baf76421402686dd0', 1767225600000);
INSERT INTO account (seq, id, name, alias, doc, checksum) VALUES (1, '334158578072', 'text "ü" 1001', 'text "ü" 1002', '{"alias":"text \"ü\" 1002","created":"2023-11-14T22:13:21.126Z","default_keys":{"empty":"","k1006":"v"},"encrypts_in":["text \"ü\" 1004","text \"ü\" 1005"],"id":"334158578072","name":"text \"ü\" 1001"}', '06d0b1999d8b51a7995d5f0b6ae8face');
INSERT INTO account (seq, id, name, alias, doc, checksum) VALUES (2, '667019418397', 'text "ü" 2001', 'text "ü" 2002', '{"alias":"text \"ü\" 2002","created":"2023-11-14T22:13:22.126Z","default_keys":{"empty":"","k2006":"v"},"encrypts_in":["text \"ü\" 2004","text \"ü\" 2005"],"id":"667019418397","name":"text \"ü\" 2001"}', 'ff0de70404817b9580b6301a15a72721');
INSERT INTO access_key (seq, id, account, doc, checksum) VALUES (1, 'text "ü" 1001', '334158578072', '{"account":"334158578072","active":false,"created":"2023-11-14T22:13:21.126Z","id":"text \"ü\" 1001","secret":"secret 1002"}', 'e02414b9f0d75d291a5801f9c3d13a4c');
INSERT INTO image (seq, id, region, owner, name, state, doc, checksum) VALUES (1, 'ami-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', 'text "ü" 1002', 'available', '{"architecture":"text \"ü\" 1007","boot_mode":"text \"ü\" 1023","created":"2023-11-14T22:13:21.129Z","deregistered":"2023-11-14T22:13:21.152Z","description":"text \"ü\" 1003","devices":[{"delete_on_termination":false,"device_name":"text \"ü\" 1009","encrypted":true,"iops":1012,"kms_key":"text \"ü\" 1014","size_gib":1010,"snapshot":"snap-cdac9ff735ab278a8","throughput_mibps":1013,"virtual_name":"text \"ü\" 1015","volume_type":"text \"ü\" 1011"},{"delete_on_termination":false,"device_name":"text \"ü\" 1016","encrypted":true,"iops":1019,"kms_key":"text \"ü\" 1021","size_gib":1017,"snapshot":"snap-ba6d1c170cf5c1183","throughput_mibps":1020,"virtual_name":"text \"ü\" 1022","volume_type":"text \"ü\" 1018"}],"ena_support":true,"id":"ami-c1675e0bb980a575a","imds_support":"text \"ü\" 1024","is_public":true,"launch_permissions":["479896405269","843554220781"],"name":"text \"ü\" 1002","owner":"072889918806","region":"text \"ü\" 1001","root_device_name":"text \"ü\" 1008","source_image":"ami-730e4353be559d39e","source_image_region":"text \"ü\" 1027","source_instance":"i-62acf36ba9bb61877","sriov_net_support":"text \"ü\" 1026","ssm_parameter":"text \"ü\" 1028","state":"available","state_reason":{"code":"text \"ü\" 1004","message":"text \"ü\" 1005"},"tags":{"empty":"","k1030":"v"},"tpm_support":"text \"ü\" 1025"}', '3c16d0256194fcfd2d7e4194e5b2448a');
INSERT INTO image (seq, id, region, owner, name, state, doc, checksum) VALUES (2, 'ami-ce422f6429b38683f', 'text "ü" 2001', '839743582233', 'text "ü" 2002', 'available', '{"architecture":"text \"ü\" 2007","boot_mode":"text \"ü\" 2023","created":"2023-11-14T22:13:22.129Z","deregistered":"2023-11-14T22:13:22.152Z","description":"text \"ü\" 2003","devices":[{"delete_on_termination":false,"device_name":"text \"ü\" 2009","encrypted":true,"iops":2012,"kms_key":"text \"ü\" 2014","size_gib":2010,"snapshot":"snap-1db196e4528e202d8","throughput_mibps":2013,"virtual_name":"text \"ü\" 2015","volume_type":"text \"ü\" 2011"},{"delete_on_termination":false,"device_name":"text \"ü\" 2016","encrypted":true,"iops":2019,"kms_key":"text \"ü\" 2021","size_gib":2017,"snapshot":"snap-39550f24a9d33cd14","throughput_mibps":2020,"virtual_name":"text \"ü\" 2022","volume_type":"text \"ü\" 2018"}],"ena_support":true,"id":"ami-ce422f6429b38683f","imds_support":"text \"ü\" 2024","is_public":true,"launch_permissions":["106530050813","596393567328"],"name":"text \"ü\" 2002","owner":"839743582233","region":"text \"ü\" 2001","root_device_name":"text \"ü\" 2008","source_image":"ami-378bdd0d56289c0b8","source_image_region":"text \"ü\" 2027","source_instance":"i-30bc57c58c670491c","sriov_net_support":"text \"ü\" 2026","ssm_parameter":"text \"ü\" 2028","state":"available","state_reason":{"code":"text \"ü\" 2004","message":"text \"ü\" 2005"},"tags":{"empty":"","k2030":"v"},"tpm_support":"text \"ü\" 2025"}', '8f5c0dcbdf65b2b42a8384f1882a7452');
INSERT INTO image_device (image, snapshot) VALUES ('ami-c1675e0bb980a575a', 'snap-cdac9ff735ab278a8');
INSERT INTO image_device (image, snapshot) VALUES ('ami-c1675e0bb980a575a', 'snap-ba6d1c170cf5c1183');
INSERT INTO image_device (image, snapshot) VALUES ('ami-ce422f6429b38683f', 'snap-1db196e4528e202d8');
INSERT INTO image_device (image, snapshot) VALUES ('ami-ce422f6429b38683f', 'snap-39550f24a9d33cd14');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (1, 'snap-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', 'completed', '{"completed":"2023-11-14T22:13:21.132Z","content":"7a5df5ffa0dec2228d90b8d0a0f1b0767b748b0a41314c123075b8289e4e053f","description":"text \"ü\" 1007","direct":{"blocks":1013,"sealed":true,"timeout_minutes":1012},"full_size_bytes":1006,"id":"snap-c1675e0bb980a575a","is_public":true,"kms_key":"text \"ü\" 1011","owner":"072889918806","parent":"snap-cdac9ff735ab278a8","progress_percent":1003,"region":"text \"ü\" 1001","size_gib":1005,"started":"2023-11-14T22:13:21.131Z","state":"completed","state_message":"text \"ü\" 1002","tags":{"empty":"","k1014":"v"},"volume":"text \"ü\" 1004","volume_permissions":["698325340479","896405269843"]}', 'c75e009c2ec746caec3e78eecc256aac');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (2, 'snap-ce422f6429b38683f', 'text "ü" 2001', '839743582233', 'completed', '{"completed":"2023-11-14T22:13:22.132Z","content":"7d12ba56e9f8b3dc64f77c87318c4f37bc12cfbf1a37573cdf3e4fa683f20155","description":"text \"ü\" 2007","direct":{"blocks":2013,"sealed":true,"timeout_minutes":2012},"full_size_bytes":2006,"id":"snap-ce422f6429b38683f","is_public":true,"kms_key":"text \"ü\" 2011","owner":"839743582233","parent":"snap-1db196e4528e202d8","progress_percent":2003,"region":"text \"ü\" 2001","size_gib":2005,"started":"2023-11-14T22:13:22.131Z","state":"completed","state_message":"text \"ü\" 2002","tags":{"empty":"","k2014":"v"},"volume":"text \"ü\" 2004","volume_permissions":["530050813596","755691091106"]}', 'b1e156574714c138070ae407f46db154');
INSERT INTO volume (seq, id, region, owner, state, instance, base, doc, checksum) VALUES (1, 'vol-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', 'available', 'i-5252147fbc5b62acf', 'snap-860763b281385e967', '{"attachment":{"attached":"2023-11-14T22:13:21.134Z","delete_on_termination":false,"device_name":"text \"ü\" 1010","instance":"i-5252147fbc5b62acf","state":"attached"},"created":"2023-11-14T22:13:21.130Z","event":{"at":"2023-11-14T22:13:21.151Z","description":"text \"ü\" 1027","id":"text \"ü\" 1025","instance":"i-6ba9bb618775730e4","type":"text \"ü\" 1026"},"id":"vol-c1675e0bb980a575a","iops":1005,"kms_key":"text \"ü\" 1029","layers":{"base":"snap-860763b281385e967","overlays":["text \"ü\" 1008","text \"ü\" 1009"]},"modification":{"ended":"2023-11-14T22:13:21.145Z","message":"text \"ü\" 1012","original":{"iops":1015,"size_gib":1013,"throughput_mibps":1016,"type":"text \"ü\" 1014"},"started":"2023-11-14T22:13:21.144Z","state":"optimizing","target":{"iops":1019,"size_gib":1017,"throughput_mibps":1020,"type":"text \"ü\" 1018"}},"modified":["2023-11-14T22:13:21.146Z","2023-11-14T22:13:21.147Z"],"owner":"072889918806","region":"text \"ü\" 1001","size_gib":1003,"snapshot":"snap-cdac9ff735ab278a8","source":"vol-ba6d1c170cf5c1183","state":"available","tags":{"empty":"","k1030":"v"},"throughput_mibps":1006,"type":"text \"ü\" 1004","zone":"text \"ü\" 1002"}', '3e738de75670c85eedd9d7a9f08bbc5d');
INSERT INTO volume (seq, id, region, owner, state, instance, base, doc, checksum) VALUES (2, 'vol-ce422f6429b38683f', 'text "ü" 2001', '839743582233', 'available', 'i-2b9188bb5384d030b', 'snap-a1be6a87b7505ae1a', '{"attachment":{"attached":"2023-11-14T22:13:22.134Z","delete_on_termination":false,"device_name":"text \"ü\" 2010","instance":"i-2b9188bb5384d030b","state":"attached"},"created":"2023-11-14T22:13:22.130Z","event":{"at":"2023-11-14T22:13:22.151Z","description":"text \"ü\" 2027","id":"text \"ü\" 2025","instance":"i-57c58c670491c3378","type":"text \"ü\" 2026"},"id":"vol-ce422f6429b38683f","iops":2005,"kms_key":"text \"ü\" 2029","layers":{"base":"snap-a1be6a87b7505ae1a","overlays":["text \"ü\" 2008","text \"ü\" 2009"]},"modification":{"ended":"2023-11-14T22:13:22.145Z","message":"text \"ü\" 2012","original":{"iops":2015,"size_gib":2013,"throughput_mibps":2016,"type":"text \"ü\" 2014"},"started":"2023-11-14T22:13:22.144Z","state":"optimizing","target":{"iops":2019,"size_gib":2017,"throughput_mibps":2020,"type":"text \"ü\" 2018"}},"modified":["2023-11-14T22:13:22.146Z","2023-11-14T22:13:22.147Z"],"owner":"839743582233","region":"text \"ü\" 2001","size_gib":2003,"snapshot":"snap-1db196e4528e202d8","source":"vol-39550f24a9d33cd14","state":"available","tags":{"empty":"","k2030":"v"},"throughput_mibps":2006,"type":"text \"ü\" 2004","zone":"text \"ü\" 2002"}', 'd4c926d6dd699606f5e13753abf1b61c');
INSERT INTO instance (seq, id, region, owner, state, doc, checksum) VALUES (1, 'i-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', 'running', '{"architecture":"text \"ü\" 1005","auto_recovery":"text \"ü\" 1017","boot_mode":"text \"ü\" 1006","client_token":"text \"ü\" 1015","disable_api_stop":true,"disable_api_termination":true,"ebs_optimized":true,"id":"i-c1675e0bb980a575a","image":"ami-ba6d1c170cf5c1183","interface":{"description":"text \"ü\" 1025","groups":["sg-6ba9bb618775730e4","sg-53be559d39e1d7f20"],"id":"eni-860763b281385e967","mac":"text \"ü\" 1022","private_ip":"text \"ü\" 1023","public_ip":"text \"ü\" 1024","subnet":"subnet-5252147fbc5b62acf","tags":{"empty":"","k1026":"v"},"vpc":"vpc-7a74e5f8908fafafc"},"key_name":"text \"ü\" 1013","launch_index":1003,"launched":"2023-11-14T22:13:21.134Z","metadata":{"http_endpoint":"text \"ü\" 1019","http_put_response_hop_limit":1020,"http_tokens":"text \"ü\" 1018","instance_metadata_tags":"text \"ü\" 1021"},"monitoring":true,"owner":"072889918806","public_key":"text \"ü\" 1014","region":"text \"ü\" 1001","reservation":"r-cdac9ff735ab278a8","root_device_name":"text \"ü\" 1007","shutdown_behavior":"text \"ü\" 1016","state":"running","state_reason":{"code":"text \"ü\" 1008","message":"text \"ü\" 1009"},"tags":{"empty":"","k1027":"v"},"terminated":"2023-11-14T22:13:21.135Z","transition_reason":"text \"ü\" 1010","type":"text \"ü\" 1004","user_data_base64":"/wCA","zone":"text \"ü\" 1002"}', 'f69d8acddaa74a2822571881aee7db9b');
INSERT INTO instance (seq, id, region, owner, state, doc, checksum) VALUES (2, 'i-ce422f6429b38683f', 'text "ü" 2001', '839743582233', 'running', '{"architecture":"text \"ü\" 2005","auto_recovery":"text \"ü\" 2017","boot_mode":"text \"ü\" 2006","client_token":"text \"ü\" 2015","disable_api_stop":true,"disable_api_termination":true,"ebs_optimized":true,"id":"i-ce422f6429b38683f","image":"ami-39550f24a9d33cd14","interface":{"description":"text \"ü\" 2025","groups":["sg-57c58c670491c3378","sg-dd0d56289c0b8ff48"],"id":"eni-a1be6a87b7505ae1a","mac":"text \"ü\" 2022","private_ip":"text \"ü\" 2023","public_ip":"text \"ü\" 2024","subnet":"subnet-2b9188bb5384d030b","tags":{"empty":"","k2026":"v"},"vpc":"vpc-9ed321d7c7a60d81f"},"key_name":"text \"ü\" 2013","launch_index":2003,"launched":"2023-11-14T22:13:22.134Z","metadata":{"http_endpoint":"text \"ü\" 2019","http_put_response_hop_limit":2020,"http_tokens":"text \"ü\" 2018","instance_metadata_tags":"text \"ü\" 2021"},"monitoring":true,"owner":"839743582233","public_key":"text \"ü\" 2014","region":"text \"ü\" 2001","reservation":"r-1db196e4528e202d8","root_device_name":"text \"ü\" 2007","shutdown_behavior":"text \"ü\" 2016","state":"running","state_reason":{"code":"text \"ü\" 2008","message":"text \"ü\" 2009"},"tags":{"empty":"","k2027":"v"},"terminated":"2023-11-14T22:13:22.135Z","transition_reason":"text \"ü\" 2010","type":"text \"ü\" 2004","user_data_base64":"/wCA","zone":"text \"ü\" 2002"}', '2e43489ad7d4824cb48dd92ed41ac308');
INSERT INTO key_pair (seq, id, region, owner, name, doc, checksum) VALUES (1, 'key-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', 'text "ü" 1002', '{"created":"2023-11-14T22:13:21.129Z","fingerprint":"text \"ü\" 1004","id":"key-c1675e0bb980a575a","name":"text \"ü\" 1002","owner":"072889918806","public_key":"text \"ü\" 1005","region":"text \"ü\" 1001","tags":{"empty":"","k1007":"v"},"type":"text \"ü\" 1003"}', '6f80984870f8981ecb40be36bb232f8e');
INSERT INTO key_pair (seq, id, region, owner, name, doc, checksum) VALUES (2, 'key-ce422f6429b38683f', 'text "ü" 2001', '839743582233', 'text "ü" 2002', '{"created":"2023-11-14T22:13:22.129Z","fingerprint":"text \"ü\" 2004","id":"key-ce422f6429b38683f","name":"text \"ü\" 2002","owner":"839743582233","public_key":"text \"ü\" 2005","region":"text \"ü\" 2001","tags":{"empty":"","k2007":"v"},"type":"text \"ü\" 2003"}', 'e4c69d94f869c7bfc18321216e1c0d88');
INSERT INTO vpc (seq, id, region, owner, doc, checksum) VALUES (1, 'vpc-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', '{"cidr":"text \"ü\" 1002","id":"vpc-c1675e0bb980a575a","is_default":false,"owner":"072889918806","region":"text \"ü\" 1001","tags":{"empty":"","k1003":"v"}}', '574c73f62e5942716b7075c6c909fc62');
INSERT INTO vpc (seq, id, region, owner, doc, checksum) VALUES (2, 'vpc-ce422f6429b38683f', 'text "ü" 2001', '839743582233', '{"cidr":"text \"ü\" 2002","id":"vpc-ce422f6429b38683f","is_default":false,"owner":"839743582233","region":"text \"ü\" 2001","tags":{"empty":"","k2003":"v"}}', '09cc074947bf2486a2d335f7ae337712');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (1, 'subnet-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', '{"cidr":"text \"ü\" 1003","id":"subnet-c1675e0bb980a575a","is_default":false,"owner":"072889918806","region":"text \"ü\" 1001","tags":{"empty":"","k1004":"v"},"vpc":"vpc-cdac9ff735ab278a8","zone":"text \"ü\" 1002"}', '9726576a76a9fee7353b859411f06375');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (2, 'subnet-ce422f6429b38683f', 'text "ü" 2001', '839743582233', '{"cidr":"text \"ü\" 2003","id":"subnet-ce422f6429b38683f","is_default":false,"owner":"839743582233","region":"text \"ü\" 2001","tags":{"empty":"","k2004":"v"},"vpc":"vpc-1db196e4528e202d8","zone":"text \"ü\" 2002"}', 'a7498d123115f18264ab3d6bf0a3b893');
INSERT INTO security_group (seq, id, region, owner, vpc, name, doc, checksum) VALUES (1, 'sg-c1675e0bb980a575a', 'text "ü" 1001', '072889918806', 'vpc-cdac9ff735ab278a8', 'text "ü" 1002', '{"description":"text \"ü\" 1003","id":"sg-c1675e0bb980a575a","name":"text \"ü\" 1002","owner":"072889918806","region":"text \"ü\" 1001","rules":[{"cidr":"text \"ü\" 1007","description":"text \"ü\" 1009","egress":true,"from_port":1005,"group":"text \"ü\" 1008","protocol":"text \"ü\" 1004","to_port":1006},{"cidr":"text \"ü\" 1013","description":"text \"ü\" 1015","egress":true,"from_port":1011,"group":"text \"ü\" 1014","protocol":"text \"ü\" 1010","to_port":1012}],"tags":{"empty":"","k1016":"v"},"vpc":"vpc-cdac9ff735ab278a8"}', '67a407d1a7bdec786b6019e62beac0b8');
INSERT INTO security_group (seq, id, region, owner, vpc, name, doc, checksum) VALUES (2, 'sg-ce422f6429b38683f', 'text "ü" 2001', '839743582233', 'vpc-1db196e4528e202d8', 'text "ü" 2002', '{"description":"text \"ü\" 2003","id":"sg-ce422f6429b38683f","name":"text \"ü\" 2002","owner":"839743582233","region":"text \"ü\" 2001","rules":[{"cidr":"text \"ü\" 2007","description":"text \"ü\" 2009","egress":true,"from_port":2005,"group":"text \"ü\" 2008","protocol":"text \"ü\" 2004","to_port":2006},{"cidr":"text \"ü\" 2013","description":"text \"ü\" 2015","egress":true,"from_port":2011,"group":"text \"ü\" 2014","protocol":"text \"ü\" 2010","to_port":2012}],"tags":{"empty":"","k2016":"v"},"vpc":"vpc-1db196e4528e202d8"}', '2a0b24665fae4e232cca61ddce7849b3');
INSERT INTO parameter (seq, region, owner, name, doc, checksum) VALUES (1, 'text "ü" 1002', '334158578072', 'text "ü" 1001', '{"data_type":"text \"ü\" 1004","modified":"2023-11-14T22:13:21.130Z","name":"text \"ü\" 1001","owner":"334158578072","region":"text \"ü\" 1002","type":"text \"ü\" 1003","value":"text \"ü\" 1005","version":1006}', 'd382f3eb505467fd222e2ae9bbfdbf51');
INSERT INTO parameter (seq, region, owner, name, doc, checksum) VALUES (2, 'text "ü" 2002', '667019418397', 'text "ü" 2001', '{"data_type":"text \"ü\" 2004","modified":"2023-11-14T22:13:22.130Z","name":"text \"ü\" 2001","owner":"667019418397","region":"text \"ü\" 2002","type":"text \"ü\" 2003","value":"text \"ü\" 2005","version":2006}', 'e0abef7946dfe2ab83b630d57d697560');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (1, 'queued', 1700000001131, '', '{"attempts":1005,"created":"2023-11-14T22:13:21.130Z","failures":1006,"id":1,"kind":"text \"ü\" 1002","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2023-11-14T22:13:21.131Z","outcome":"text \"ü\" 1012","payload":"text \"ü\" 1004","progress_percent":1011,"state":"queued","subject":"text \"ü\" 1003"}', 'ac3570ea4a2640b7bad8c3b1858a53ae');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (2, 'queued', 1700000002131, '', '{"attempts":2005,"created":"2023-11-14T22:13:22.130Z","failures":2006,"id":2,"kind":"text \"ü\" 2002","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2023-11-14T22:13:22.131Z","outcome":"text \"ü\" 2012","payload":"text \"ü\" 2004","progress_percent":2011,"state":"queued","subject":"text \"ü\" 2003"}', 'a246b099d9dfef98d9539ae80c1b7a7e');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (1, 1767225600000, 'admin', 'Sample', '334158578072 667019418397 ami-c1675e0bb980a575a ami-ce422f6429b38683f i-c1675e0bb980a575a i-ce422f6429b38683f key-c1675e0bb980a575a key-ce422f6429b38683f sg-c1675e0bb980a575a sg-ce422f6429b38683f snap-c1675e0bb980a575a snap-ce422f6429b38683f subnet-c1675e0bb980a575a subnet-ce422f6429b38683f task-1 task-2 text "ü" 1001 text "ü" 2001 vol-c1675e0bb980a575a vol-ce422f6429b38683f vpc-c1675e0bb980a575a vpc-ce422f6429b38683f', 'b457a82bc27d7055d94766a5d381f55e');
