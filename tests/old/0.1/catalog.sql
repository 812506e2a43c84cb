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
INSERT INTO account (seq, id, name, alias, doc, checksum) VALUES (1, '807288991880', 'alice', '', '{"alias":"","created":"2026-01-01T00:00:00.000Z","default_keys":{},"encrypts_in":[],"id":"807288991880","name":"alice"}', '903054692a88959de5de812406558207');
INSERT INTO account (seq, id, name, alias, doc, checksum) VALUES (2, '336628046397', 'bob', '', '{"alias":"","created":"2026-01-01T00:00:00.300Z","default_keys":{},"encrypts_in":[],"id":"336628046397","name":"bob"}', '024d82cd916cc38fca1431cc330019fc');
INSERT INTO image (seq, id, region, owner, name, state, doc, checksum) VALUES (1, 'ami-84ba6d1c170cf5c11', 'us-east-1', '807288991880', 'web', 'available', '{"architecture":"x86_64","boot_mode":"","created":"2026-01-01T00:00:00.000Z","deregistered":null,"description":"","devices":[{"delete_on_termination":true,"device_name":"/dev/xvda","encrypted":false,"iops":null,"kms_key":"","size_gib":1,"snapshot":"snap-9ccdac9ff735ab278","throughput_mibps":null,"virtual_name":"","volume_type":"gp3"}],"ena_support":true,"id":"ami-84ba6d1c170cf5c11","imds_support":"v2.0","is_public":true,"launch_permissions":[],"name":"web","owner":"807288991880","region":"us-east-1","root_device_name":"/dev/xvda","source_image":null,"source_image_region":"","source_instance":null,"sriov_net_support":"","ssm_parameter":"/aws/service/web/latest","state":"available","state_reason":{"code":"","message":""},"tags":{},"tpm_support":""}', '0c41144323b027dac171d0d48645624a');
INSERT INTO image (seq, id, region, owner, name, state, doc, checksum) VALUES (2, 'ami-5fe896e96273c3d60', 'us-east-1', '807288991880', 'copy', 'available', '{"architecture":"x86_64","boot_mode":"","created":"2026-01-01T00:00:00.000Z","deregistered":null,"description":"","devices":[{"delete_on_termination":true,"device_name":"/dev/xvda","encrypted":false,"iops":null,"kms_key":"","size_gib":1,"snapshot":"snap-d587cf6c699127ec8","throughput_mibps":null,"virtual_name":"","volume_type":"gp3"}],"ena_support":true,"id":"ami-5fe896e96273c3d60","imds_support":"v2.0","is_public":false,"launch_permissions":[],"name":"copy","owner":"807288991880","region":"us-east-1","root_device_name":"/dev/xvda","source_image":"ami-84ba6d1c170cf5c11","source_image_region":"us-east-1","source_instance":"i-74b291404a274ffa7","sriov_net_support":"","ssm_parameter":"","state":"available","state_reason":{"code":"","message":""},"tags":{},"tpm_support":""}', '9d5f370e6690d335b39f535c909642ef');
INSERT INTO image (seq, id, region, owner, name, state, doc, checksum) VALUES (3, 'ami-99926378332d0d223', 'us-east-1', '807288991880', 'old', 'deregistered', '{"architecture":"x86_64","boot_mode":"","created":"2026-01-01T00:00:00.000Z","deregistered":"2026-01-01T00:00:00.000Z","description":"","devices":[{"delete_on_termination":true,"device_name":"/dev/xvda","encrypted":false,"iops":null,"kms_key":"","size_gib":1,"snapshot":"snap-9ccdac9ff735ab278","throughput_mibps":null,"virtual_name":"","volume_type":"standard"}],"ena_support":false,"id":"ami-99926378332d0d223","imds_support":"","is_public":false,"launch_permissions":[],"name":"old","owner":"807288991880","region":"us-east-1","root_device_name":"/dev/xvda","source_image":null,"source_image_region":"","source_instance":null,"sriov_net_support":"","ssm_parameter":"","state":"deregistered","state_reason":{"code":"","message":""},"tags":{},"tpm_support":""}', '9d67ba87cd838c98255ea2d3f6bcf8fa');
INSERT INTO image_device (image, snapshot) VALUES ('ami-84ba6d1c170cf5c11', 'snap-9ccdac9ff735ab278');
INSERT INTO image_device (image, snapshot) VALUES ('ami-5fe896e96273c3d60', 'snap-d587cf6c699127ec8');
INSERT INTO image_device (image, snapshot) VALUES ('ami-99926378332d0d223', 'snap-9ccdac9ff735ab278');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (1, 'snap-9ccdac9ff735ab278', 'us-east-1', '807288991880', 'completed', '{"completed":"2026-01-01T00:00:00.000Z","content":"40fe53760e0433ecf1b08d1f49f9b2de3429056902539213dc9bb820724e7a0f","description":"Imported for web","direct":null,"full_size_bytes":49152,"id":"snap-9ccdac9ff735ab278","is_public":false,"kms_key":"","owner":"807288991880","parent":null,"progress_percent":100,"region":"us-east-1","size_gib":1,"started":"2026-01-01T00:00:00.000Z","state":"completed","state_message":"","tags":{},"volume":"vol-ffffffff","volume_permissions":["123456789012"]}', '6e9abb0ae908c95d911a1b43573ebb67');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (2, 'snap-d51d4b147fb9f008c', 'us-east-1', '807288991880', 'completed', '{"completed":"2026-01-01T00:00:00.000Z","content":"4a404c6b752074438452760aa40df551f970a306799c5b8664d29c80c7de2b0b","description":"kept","direct":null,"full_size_bytes":0,"id":"snap-d51d4b147fb9f008c","is_public":false,"kms_key":"arn:aws:kms:us-east-1:807288991880:key/8775730e-4353-4e55-9d39-e1d7f209b179","owner":"807288991880","parent":null,"progress_percent":100,"region":"us-east-1","size_gib":8,"started":"2026-01-01T00:00:00.000Z","state":"completed","state_message":"","tags":{},"volume":"vol-dc39c7fa6bac0c381","volume_permissions":[]}', '15006adfac3c80128e5f93ad926bef76');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (3, 'snap-d587cf6c699127ec8', 'us-east-1', '807288991880', 'completed', '{"completed":"2026-01-01T00:00:00.000Z","content":"40fe53760e0433ecf1b08d1f49f9b2de3429056902539213dc9bb820724e7a0f","description":"Created by CreateImage(i-74b291404a274ffa7) for ami-5fe896e96273c3d60","direct":null,"full_size_bytes":49152,"id":"snap-d587cf6c699127ec8","is_public":false,"kms_key":"","owner":"807288991880","parent":"snap-9ccdac9ff735ab278","progress_percent":100,"region":"us-east-1","size_gib":1,"started":"2026-01-01T00:00:00.000Z","state":"completed","state_message":"","tags":{},"volume":"vol-2d3ff6f060741ae30","volume_permissions":[]}', 'ac8473850d4791fad98556238fab6f8f');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (4, 'snap-6f978d04409d5a1b6', 'us-east-1', '807288991880', 'completed', '{"completed":"2026-01-01T00:00:00.000Z","content":"1c31bb0b1d6244e9c1cab416e4c839e8f145d7b11e0aa1656194bfc62fe1d763","description":"","direct":{"blocks":1,"sealed":true,"timeout_minutes":60},"full_size_bytes":524288,"id":"snap-6f978d04409d5a1b6","is_public":false,"kms_key":"","owner":"807288991880","parent":null,"progress_percent":100,"region":"us-east-1","size_gib":1,"started":"2026-01-01T00:00:00.000Z","state":"completed","state_message":"","tags":{},"volume":"vol-ffffffff","volume_permissions":[]}', '21340a52f6d5177bbc6c626ef69a72bb');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (5, 'snap-8da01095909987c91', 'us-east-1', '807288991880', 'pending', '{"completed":null,"content":null,"description":"queued","direct":null,"full_size_bytes":0,"id":"snap-8da01095909987c91","is_public":false,"kms_key":"arn:aws:kms:us-east-1:807288991880:key/8775730e-4353-4e55-9d39-e1d7f209b179","owner":"807288991880","parent":"snap-d51d4b147fb9f008c","progress_percent":0,"region":"us-east-1","size_gib":8,"started":"2026-01-01T00:00:00.300Z","state":"pending","state_message":"","tags":{},"volume":"vol-dc39c7fa6bac0c381","volume_permissions":[]}', '7b4fb5018d1ed724a5ec1ad2388bc954');
INSERT INTO snapshot (seq, id, region, owner, state, doc, checksum) VALUES (6, 'snap-70a48cadd5b9e878b', 'us-east-1', '807288991880', 'pending', '{"completed":null,"content":null,"description":"","direct":{"blocks":0,"sealed":false,"timeout_minutes":60},"full_size_bytes":0,"id":"snap-70a48cadd5b9e878b","is_public":false,"kms_key":"","owner":"807288991880","parent":null,"progress_percent":0,"region":"us-east-1","size_gib":1,"started":"2026-01-01T00:00:00.300Z","state":"pending","state_message":"","tags":{},"volume":"vol-ffffffff","volume_permissions":[]}', '5f5dc971545e7a8fef9a919d4695c629');
INSERT INTO volume (seq, id, region, owner, state, instance, base, doc, checksum) VALUES (1, 'vol-1ba177c5f62a53f97', 'us-east-1', '807288991880', 'in-use', 'i-c437e1c3b3d46a1ea', 'snap-9ccdac9ff735ab278', '{"attachment":{"attached":"2026-01-01T00:00:00.000Z","delete_on_termination":true,"device_name":"/dev/xvda","instance":"i-c437e1c3b3d46a1ea","state":"attached"},"created":"2026-01-01T00:00:00.000Z","event":null,"id":"vol-1ba177c5f62a53f97","iops":null,"kms_key":"","layers":{"base":"snap-9ccdac9ff735ab278","overlays":["0.qcow2"]},"modification":null,"modified":[],"owner":"807288991880","region":"us-east-1","size_gib":1,"snapshot":"snap-9ccdac9ff735ab278","source":null,"state":"in-use","tags":{},"throughput_mibps":null,"type":"gp3","zone":"us-east-1a"}', '7d30fc7927fc6dc20bc5be031801de66');
INSERT INTO volume (seq, id, region, owner, state, instance, base, doc, checksum) VALUES (2, 'vol-2d3ff6f060741ae30', 'us-east-1', '807288991880', 'in-use', 'i-74b291404a274ffa7', 'snap-d587cf6c699127ec8', '{"attachment":{"attached":"2026-01-01T00:00:00.000Z","delete_on_termination":true,"device_name":"/dev/xvda","instance":"i-74b291404a274ffa7","state":"attached"},"created":"2026-01-01T00:00:00.000Z","event":null,"id":"vol-2d3ff6f060741ae30","iops":null,"kms_key":"","layers":{"base":"snap-d587cf6c699127ec8","overlays":["8.qcow2"]},"modification":null,"modified":[],"owner":"807288991880","region":"us-east-1","size_gib":1,"snapshot":"snap-9ccdac9ff735ab278","source":null,"state":"in-use","tags":{},"throughput_mibps":null,"type":"gp3","zone":"us-east-1a"}', '772d530498ebf0234acde6aaa9170d62');
INSERT INTO volume (seq, id, region, owner, state, instance, base, doc, checksum) VALUES (4, 'vol-dc39c7fa6bac0c381', 'us-east-1', '807288991880', 'in-use', 'i-c437e1c3b3d46a1ea', 'snap-d51d4b147fb9f008c', '{"attachment":{"attached":"2026-01-01T00:00:00.000Z","delete_on_termination":false,"device_name":"/dev/sdf","instance":"i-c437e1c3b3d46a1ea","state":"attached"},"created":"2026-01-01T00:00:00.000Z","event":null,"id":"vol-dc39c7fa6bac0c381","iops":4000,"kms_key":"arn:aws:kms:us-east-1:807288991880:key/8775730e-4353-4e55-9d39-e1d7f209b179","layers":{"base":"snap-d51d4b147fb9f008c","overlays":["7.qcow2"]},"modification":null,"modified":[],"owner":"807288991880","region":"us-east-1","size_gib":8,"snapshot":null,"source":null,"state":"in-use","tags":{},"throughput_mibps":null,"type":"gp3","zone":"us-east-1a"}', '14402e87631f943cb21e2b0496495d6f');
INSERT INTO volume (seq, id, region, owner, state, instance, base, doc, checksum) VALUES (5, 'vol-9547cb593d43f4620', 'us-east-1', '336628046397', 'in-use', 'i-14ef8b722a364fa3c', 'snap-9ccdac9ff735ab278', '{"attachment":{"attached":"2026-01-01T00:00:00.300Z","delete_on_termination":true,"device_name":"/dev/xvda","instance":"i-14ef8b722a364fa3c","state":"attaching"},"created":"2026-01-01T00:00:00.300Z","event":null,"id":"vol-9547cb593d43f4620","iops":null,"kms_key":"","layers":{"base":"snap-9ccdac9ff735ab278","overlays":["0.qcow2"]},"modification":null,"modified":[],"owner":"336628046397","region":"us-east-1","size_gib":1,"snapshot":"snap-9ccdac9ff735ab278","source":null,"state":"in-use","tags":{},"throughput_mibps":null,"type":"gp3","zone":"us-east-1a"}', '597acc181ba73d6664c8929fd15d6d00');
INSERT INTO instance (seq, id, region, owner, state, doc, checksum) VALUES (1, 'i-c437e1c3b3d46a1ea', 'us-east-1', '807288991880', 'running', '{"architecture":"x86_64","auto_recovery":"default","boot_mode":"","client_token":"one","disable_api_stop":false,"disable_api_termination":false,"ebs_optimized":false,"id":"i-c437e1c3b3d46a1ea","image":"ami-84ba6d1c170cf5c11","interface":{"description":"","groups":["sg-04969fb1c6ec68964"],"id":"eni-d01cc0ebbe180ade2","mac":"06:79:6f:51:c7:aa","private_ip":"172.31.0.4","public_ip":"127.107.181.97","subnet":"subnet-de9f7070d39d4485f","tags":{},"vpc":"vpc-92250b6fd66c7b5a2"},"key_name":"laptop","launch_index":0,"launched":"2026-01-01T00:00:00.000Z","metadata":{"http_endpoint":"enabled","http_put_response_hop_limit":2,"http_tokens":"required","instance_metadata_tags":"disabled"},"monitoring":false,"owner":"807288991880","public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPsaT0Jh7estUJO04MQO6lPmsmQ0Qotjw9sbXfM5tZV laptop","region":"us-east-1","reservation":"r-6d24938db9111e914","root_device_name":"/dev/xvda","shutdown_behavior":"stop","state":"running","state_reason":{"code":"","message":""},"tags":{"Name":"one"},"terminated":null,"transition_reason":"","type":"t3.nano","user_data_base64":"IyEvYmluL3NoCg==","zone":"us-east-1a"}', '56b9cead5779367533821419867abeaf');
INSERT INTO instance (seq, id, region, owner, state, doc, checksum) VALUES (2, 'i-74b291404a274ffa7', 'us-east-1', '807288991880', 'stopped', '{"architecture":"x86_64","auto_recovery":"default","boot_mode":"","client_token":"","disable_api_stop":false,"disable_api_termination":false,"ebs_optimized":false,"id":"i-74b291404a274ffa7","image":"ami-84ba6d1c170cf5c11","interface":{"description":"","groups":["sg-5ea217122fc402bb2"],"id":"eni-03d978c3411fa9a80","mac":"06:de:cc:0a:bc:5c","private_ip":"172.31.0.5","public_ip":"127.120.92.238","subnet":"subnet-de9f7070d39d4485f","tags":{},"vpc":"vpc-92250b6fd66c7b5a2"},"key_name":"","launch_index":0,"launched":"2026-01-01T00:00:00.000Z","metadata":{"http_endpoint":"enabled","http_put_response_hop_limit":2,"http_tokens":"required","instance_metadata_tags":"disabled"},"monitoring":false,"owner":"807288991880","public_key":"","region":"us-east-1","reservation":"r-555a81ecd7139260b","root_device_name":"/dev/xvda","shutdown_behavior":"stop","state":"stopped","state_reason":{"code":"Client.UserInitiatedShutdown","message":"Client.UserInitiatedShutdown: User initiated shutdown"},"tags":{},"terminated":null,"transition_reason":"User initiated (2026-01-01 00:00:00 GMT)","type":"t3.nano","user_data_base64":"","zone":"us-east-1a"}', '624576283dc0bb36e51c7163996fdb74');
INSERT INTO instance (seq, id, region, owner, state, doc, checksum) VALUES (3, 'i-1c1c613b682d356ed', 'us-east-1', '807288991880', 'terminated', '{"architecture":"x86_64","auto_recovery":"default","boot_mode":"","client_token":"","disable_api_stop":false,"disable_api_termination":false,"ebs_optimized":false,"id":"i-1c1c613b682d356ed","image":"ami-84ba6d1c170cf5c11","interface":{"description":"","groups":["sg-5ea217122fc402bb2"],"id":"eni-e16549ee6566c7b60","mac":"06:c6:3b:88:8f:a4","private_ip":"172.31.0.6","public_ip":"127.103.50.153","subnet":"subnet-de9f7070d39d4485f","tags":{},"vpc":"vpc-92250b6fd66c7b5a2"},"key_name":"","launch_index":0,"launched":"2026-01-01T00:00:00.000Z","metadata":{"http_endpoint":"enabled","http_put_response_hop_limit":2,"http_tokens":"required","instance_metadata_tags":"disabled"},"monitoring":false,"owner":"807288991880","public_key":"","region":"us-east-1","reservation":"r-12190482e8d196bfe","root_device_name":"/dev/xvda","shutdown_behavior":"stop","state":"terminated","state_reason":{"code":"Client.UserInitiatedShutdown","message":"Client.UserInitiatedShutdown: User initiated shutdown"},"tags":{},"terminated":"2026-01-01T00:00:00.000Z","transition_reason":"User initiated (2026-01-01 00:00:00 GMT)","type":"t3.nano","user_data_base64":"","zone":"us-east-1a"}', '55e967ee6ce828c135dad104bea21f11');
INSERT INTO instance (seq, id, region, owner, state, doc, checksum) VALUES (4, 'i-14ef8b722a364fa3c', 'us-east-1', '336628046397', 'pending', '{"architecture":"x86_64","auto_recovery":"default","boot_mode":"","client_token":"","disable_api_stop":false,"disable_api_termination":false,"ebs_optimized":false,"id":"i-14ef8b722a364fa3c","image":"ami-84ba6d1c170cf5c11","interface":{"description":"","groups":["sg-7f7529863f00449e2"],"id":"eni-9914fc6b13b249428","mac":"06:a4:52:bc:66:65","private_ip":"172.31.0.4","public_ip":"127.102.170.113","subnet":"subnet-5915ae3eac55ce29f","tags":{},"vpc":"vpc-fe7747f69fdb5f90c"},"key_name":"","launch_index":0,"launched":"2026-01-01T00:00:00.300Z","metadata":{"http_endpoint":"enabled","http_put_response_hop_limit":2,"http_tokens":"required","instance_metadata_tags":"disabled"},"monitoring":false,"owner":"336628046397","public_key":"","region":"us-east-1","reservation":"r-bfb05a441ea839871","root_device_name":"/dev/xvda","shutdown_behavior":"stop","state":"pending","state_reason":{"code":"","message":""},"tags":{},"terminated":null,"transition_reason":"","type":"t3.nano","user_data_base64":"","zone":"us-east-1a"}', '59fadbf6f79d6c4b6b189ed1b548de56');
INSERT INTO key_pair (seq, id, region, owner, name, doc, checksum) VALUES (1, 'key-40ee70a6823890458', 'us-east-1', '807288991880', 'laptop', '{"created":"2026-01-01T00:00:00.000Z","fingerprint":"iVgw36DetlOivlM8ZP4ZD3kkXx65oujqW5eg4t5rWyw=","id":"key-40ee70a6823890458","name":"laptop","owner":"807288991880","public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPsaT0Jh7estUJO04MQO6lPmsmQ0Qotjw9sbXfM5tZV laptop","region":"us-east-1","tags":{},"type":"ed25519"}', '92ed367c9ebdc75823d3630f8b79deb4');
INSERT INTO vpc (seq, id, region, owner, doc, checksum) VALUES (1, 'vpc-92250b6fd66c7b5a2', 'us-east-1', '807288991880', '{"cidr":"172.31.0.0/16","id":"vpc-92250b6fd66c7b5a2","is_default":true,"owner":"807288991880","region":"us-east-1","tags":{}}', 'd3a1ca155c263960f380ee8ecda4eaba');
INSERT INTO vpc (seq, id, region, owner, doc, checksum) VALUES (2, 'vpc-fe7747f69fdb5f90c', 'us-east-1', '336628046397', '{"cidr":"172.31.0.0/16","id":"vpc-fe7747f69fdb5f90c","is_default":true,"owner":"336628046397","region":"us-east-1","tags":{}}', 'ebf2b4eb9933862a963908718180243e');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (1, 'subnet-de9f7070d39d4485f', 'us-east-1', '807288991880', '{"cidr":"172.31.0.0/20","id":"subnet-de9f7070d39d4485f","is_default":true,"owner":"807288991880","region":"us-east-1","tags":{},"vpc":"vpc-92250b6fd66c7b5a2","zone":"us-east-1a"}', 'edca9e9853c27697604f64258651abd7');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (2, 'subnet-ed96704095d6d213e', 'us-east-1', '807288991880', '{"cidr":"172.31.16.0/20","id":"subnet-ed96704095d6d213e","is_default":true,"owner":"807288991880","region":"us-east-1","tags":{},"vpc":"vpc-92250b6fd66c7b5a2","zone":"us-east-1b"}', 'ae756f4827abc6497cba2afcec4a12ba');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (3, 'subnet-f2eab323158de4bd7', 'us-east-1', '807288991880', '{"cidr":"172.31.32.0/20","id":"subnet-f2eab323158de4bd7","is_default":true,"owner":"807288991880","region":"us-east-1","tags":{},"vpc":"vpc-92250b6fd66c7b5a2","zone":"us-east-1c"}', '1d5c199d3cd532858c831b8eb8b58d4c');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (4, 'subnet-5915ae3eac55ce29f', 'us-east-1', '336628046397', '{"cidr":"172.31.0.0/20","id":"subnet-5915ae3eac55ce29f","is_default":true,"owner":"336628046397","region":"us-east-1","tags":{},"vpc":"vpc-fe7747f69fdb5f90c","zone":"us-east-1a"}', '55c21d7a731b5607404ad214384722fa');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (5, 'subnet-cc0fbd0db52af6cb2', 'us-east-1', '336628046397', '{"cidr":"172.31.16.0/20","id":"subnet-cc0fbd0db52af6cb2","is_default":true,"owner":"336628046397","region":"us-east-1","tags":{},"vpc":"vpc-fe7747f69fdb5f90c","zone":"us-east-1b"}', 'c38e8854db2f9ba18936f283e80adafa');
INSERT INTO subnet (seq, id, region, owner, doc, checksum) VALUES (6, 'subnet-43a5d26788dca2910', 'us-east-1', '336628046397', '{"cidr":"172.31.32.0/20","id":"subnet-43a5d26788dca2910","is_default":true,"owner":"336628046397","region":"us-east-1","tags":{},"vpc":"vpc-fe7747f69fdb5f90c","zone":"us-east-1c"}', '94fdc66a720bf0a3e21f4af77c10bafc');
INSERT INTO security_group (seq, id, region, owner, vpc, name, doc, checksum) VALUES (1, 'sg-5ea217122fc402bb2', 'us-east-1', '807288991880', 'vpc-92250b6fd66c7b5a2', 'default', '{"description":"default VPC security group","id":"sg-5ea217122fc402bb2","name":"default","owner":"807288991880","region":"us-east-1","rules":[{"cidr":"","description":"","egress":false,"from_port":-1,"group":"sg-5ea217122fc402bb2","protocol":"-1","to_port":-1},{"cidr":"0.0.0.0/0","description":"","egress":true,"from_port":-1,"group":"","protocol":"-1","to_port":-1}],"tags":{},"vpc":"vpc-92250b6fd66c7b5a2"}', 'cc0c1a91212f89cbd6320f1fbe137e6a');
INSERT INTO security_group (seq, id, region, owner, vpc, name, doc, checksum) VALUES (2, 'sg-04969fb1c6ec68964', 'us-east-1', '807288991880', 'vpc-92250b6fd66c7b5a2', 'web', '{"description":"web","id":"sg-04969fb1c6ec68964","name":"web","owner":"807288991880","region":"us-east-1","rules":[{"cidr":"0.0.0.0/0","description":"","egress":true,"from_port":-1,"group":"","protocol":"-1","to_port":-1},{"cidr":"10.0.0.0/8","description":"","egress":false,"from_port":22,"group":"","protocol":"tcp","to_port":22}],"tags":{},"vpc":"vpc-92250b6fd66c7b5a2"}', '2dabf7226870e3dc0a9a2cd0f5cbff22');
INSERT INTO security_group (seq, id, region, owner, vpc, name, doc, checksum) VALUES (3, 'sg-7f7529863f00449e2', 'us-east-1', '336628046397', 'vpc-fe7747f69fdb5f90c', 'default', '{"description":"default VPC security group","id":"sg-7f7529863f00449e2","name":"default","owner":"336628046397","region":"us-east-1","rules":[{"cidr":"","description":"","egress":false,"from_port":-1,"group":"sg-7f7529863f00449e2","protocol":"-1","to_port":-1},{"cidr":"0.0.0.0/0","description":"","egress":true,"from_port":-1,"group":"","protocol":"-1","to_port":-1}],"tags":{},"vpc":"vpc-fe7747f69fdb5f90c"}', '5be7f6d7a326130101156492fe6c13f6');
INSERT INTO parameter (seq, region, owner, name, doc, checksum) VALUES (1, 'us-east-1', '807288991880', '/aws/service/web/latest', '{"data_type":"aws:ec2:image","modified":"2026-01-01T00:00:00.000Z","name":"/aws/service/web/latest","owner":"807288991880","region":"us-east-1","type":"String","value":"ami-84ba6d1c170cf5c11","version":1}', '6abb4e82f50082f04e6b8fea91510f2c');
INSERT INTO token (account, region, action, token, expires, doc, checksum) VALUES ('807288991880', 'us-east-1', 'RunInstances', 'one', 1767398400000, '{"fingerprint":"adc148913058af670416bb2841347f1a0ad54379bcbbfa263aef2da3e5eff6ae","outcome":"i-c437e1c3b3d46a1ea"}', '7a2081aed146e17380b80b8da3b5332b');
INSERT INTO token (account, region, action, token, expires, doc, checksum) VALUES ('807288991880', 'us-east-1', 'CreateVolume', 'data', 1767398400000, '{"fingerprint":"69ad246c309df7fb81d79554f8d8f4626379d87c35afdd56d47746ddc730cf15","outcome":"vol-dc39c7fa6bac0c381"}', 'b2619d0907c010f7ead4aa0ad6af0483');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (1, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":1,"kind":"collect","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{}","progress_percent":100,"state":"done","subject":"store"}', 'ad21c12087a53716a8580f66eac3a48d');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (2, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":2,"kind":"import","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{\"format\":\"raw\",\"image\":\"ami-84ba6d1c170cf5c11\",\"path\":\"/disks/web.raw\",\"snapshot\":\"snap-9ccdac9ff735ab278\"}","progress_percent":100,"state":"done","subject":"ami-84ba6d1c170cf5c11"}', 'c067b77425d6278b5f4766edcb99fa02');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (3, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":3,"kind":"launch","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{}","progress_percent":100,"state":"done","subject":"i-c437e1c3b3d46a1ea"}', '730e57061d20afd5b5c1b22ce00d548d');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (4, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":4,"kind":"launch","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{}","progress_percent":100,"state":"done","subject":"i-74b291404a274ffa7"}', '1c1b746d205ef690c98e90436530fcba');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (5, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":5,"kind":"launch","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{}","progress_percent":100,"state":"done","subject":"i-1c1c613b682d356ed"}', '90a05429acee605c26d8cdf28ec6f655');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (6, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":6,"kind":"attach","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{\"volume\":\"vol-dc39c7fa6bac0c381\"}","progress_percent":100,"state":"done","subject":"i-c437e1c3b3d46a1ea"}', '08a36aa6a941dde055e90b68e18e5c1a');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (7, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":7,"kind":"capture","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{\"no_reboot\":true,\"pairs\":{\"vol-dc39c7fa6bac0c381\":\"snap-d51d4b147fb9f008c\"},\"phase\":\"settle\",\"until\":0,\"was_running\":false}","progress_percent":100,"state":"done","subject":"i-c437e1c3b3d46a1ea"}', 'a3d948e145c1212dec5c9ef04d1d3b9d');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (8, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":8,"kind":"capture","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{\"image\":\"ami-5fe896e96273c3d60\",\"no_reboot\":true,\"pairs\":{\"vol-2d3ff6f060741ae30\":\"snap-d587cf6c699127ec8\"},\"phase\":\"settle\",\"until\":0,\"was_running\":false}","progress_percent":100,"state":"done","subject":"i-74b291404a274ffa7"}', '7143593d7e0f3dbff4271b4ae9ac55c8');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (9, 'queued', 1767229200000, '', '{"attempts":0,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":9,"kind":"snapshot_timeout","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T01:00:00.000Z","outcome":"","payload":"{}","progress_percent":0,"state":"queued","subject":"timeout of snap-6f978d04409d5a1b6"}', '2e95956cb13b715bf2ff8b54036b5313');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (10, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":10,"kind":"complete_snapshot","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{\"snapshot\":\"snap-6f978d04409d5a1b6\"}","progress_percent":100,"state":"done","subject":"snap-6f978d04409d5a1b6"}', 'c01d493e529688686a812da1fef6ab4b');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (11, 'done', NULL, '', '{"attempts":2,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":11,"kind":"stop","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.250Z","outcome":"","payload":"{}","progress_percent":100,"state":"done","subject":"i-74b291404a274ffa7"}', 'da0e0e9847d1641e984ccb3b14a52ab4');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (12, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":12,"kind":"terminate","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{}","progress_percent":100,"state":"done","subject":"i-1c1c613b682d356ed"}', '0e4bcb625f283d77dffc0fcb2f7f65ad');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (13, 'done', NULL, '', '{"attempts":4,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":13,"kind":"ended","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.300Z","outcome":"","payload":"{\"shut_down\":true}","progress_percent":100,"state":"done","subject":"i-74b291404a274ffa7"}', '763b711475c4c6d535c11b6052b55375');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (14, 'done', NULL, '', '{"attempts":1,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":14,"kind":"delete_volume","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.000Z","outcome":"","payload":"{}","progress_percent":100,"state":"done","subject":"vol-4beca6f81f05768ec"}', '8d091063cc342b64f5c06e8163b42f3e');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (15, 'queued', 1767229200000, '', '{"attempts":0,"created":"2026-01-01T00:00:00.000Z","failures":0,"id":15,"kind":"reap","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T01:00:00.000Z","outcome":"","payload":"{}","progress_percent":0,"state":"queued","subject":"i-1c1c613b682d356ed"}', 'b09cb56dc263f26b0f0f7623647fac48');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (16, 'queued', 1767225600300, '', '{"attempts":0,"created":"2026-01-01T00:00:00.300Z","failures":0,"id":16,"kind":"launch","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.300Z","outcome":"","payload":"{}","progress_percent":0,"state":"queued","subject":"i-14ef8b722a364fa3c"}', '0c68497fcd9250402449964df73cb751');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (17, 'queued', 1767225600300, '', '{"attempts":0,"created":"2026-01-01T00:00:00.300Z","failures":0,"id":17,"kind":"capture","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.300Z","outcome":"","payload":"{\"no_reboot\":true,\"pairs\":{\"vol-dc39c7fa6bac0c381\":\"snap-8da01095909987c91\"},\"phase\":\"quiesce\"}","progress_percent":0,"state":"queued","subject":"i-c437e1c3b3d46a1ea"}', '4b6fba701e4842fb82b9131788a2a492');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (18, 'queued', 1767225600300, '', '{"attempts":0,"created":"2026-01-01T00:00:00.300Z","failures":0,"id":18,"kind":"reboot","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T00:00:00.300Z","outcome":"","payload":"{}","progress_percent":0,"state":"queued","subject":"i-c437e1c3b3d46a1ea"}', 'a98d8b15d3f92744c8e95c0ca7dab9d5');
INSERT INTO task (id, state, due, lease_host, doc, checksum) VALUES (19, 'queued', 1767229200300, '', '{"attempts":0,"created":"2026-01-01T00:00:00.300Z","failures":0,"id":19,"kind":"snapshot_timeout","lease_host":"","lease_until":"1970-01-01T00:00:00.000Z","not_before":"2026-01-01T01:00:00.300Z","outcome":"","payload":"{}","progress_percent":0,"state":"queued","subject":"timeout of snap-70a48cadd5b9e878b"}', 'e04c56d90cb955debb01862b333a3707');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (1, 1767225600000, 'worker', 'Recover', 'task-1', 'daa60d4058716bbe43600c82d2000470');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (2, 1767225600000, 'admin', 'CreateAccount', '807288991880', '7e1732c1c98a949396cb23138714d46e');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (3, 1767225600000, 'admin', 'ImportImage', 'ami-84ba6d1c170cf5c11 snap-9ccdac9ff735ab278 task-2', '19e36b9ebfd4f6d5d6880577bc7440ea');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (4, 1767225600000, 'worker', 'task.collect', 'task-1', '1ed865457172ab9ff2ba19e275bc27d9');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (5, 1767225600000, 'worker', 'task.import', '/aws/service/web/latest ami-84ba6d1c170cf5c11 snap-9ccdac9ff735ab278', '5a8ecd1cee46cba081a6587c59b9b3e0');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (6, 1767225600000, 'worker', 'task.import', 'task-2', '0e8181d1e9f148a9c1a2e6ec86976ec2');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (7, 1767225600000, '807288991880', 'CreateSecurityGroup', 'sg-04969fb1c6ec68964 sg-5ea217122fc402bb2 subnet-de9f7070d39d4485f subnet-ed96704095d6d213e subnet-f2eab323158de4bd7 vpc-92250b6fd66c7b5a2', 'fa3e598fb9845644157f99aa36ade734');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (8, 1767225600000, '807288991880', 'AuthorizeSecurityGroup', 'sg-04969fb1c6ec68964', '71d3bebcd5fcc529efac615b5ee8bea7');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (9, 1767225600000, '807288991880', 'ImportKeyPair', 'key-40ee70a6823890458', 'c2d8969fdf40754b063a27bd21e85de5');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (10, 1767225600000, '807288991880', 'RunInstances', 'i-c437e1c3b3d46a1ea task-3 vol-1ba177c5f62a53f97', 'fa15d3a68030f6a88d68d55bd48be95c');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (11, 1767225600000, '807288991880', 'RunInstances', 'i-74b291404a274ffa7 task-4 vol-2d3ff6f060741ae30', 'dd9d64b5204f67b92fb327ffa84b976e');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (12, 1767225600000, '807288991880', 'RunInstances', 'i-1c1c613b682d356ed task-5 vol-4beca6f81f05768ec', 'f1aa7139f44948ffd9fe50275ba9d6a5');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (13, 1767225600000, 'worker', 'task.launch', 'i-c437e1c3b3d46a1ea vol-1ba177c5f62a53f97', '9b6c5b36a9b7a2eba6107527a92531ff');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (14, 1767225600000, 'worker', 'task.launch', 'task-3', 'a8350f99968dce409af04c6afc8a863d');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (15, 1767225600000, 'worker', 'task.launch', 'i-74b291404a274ffa7 vol-2d3ff6f060741ae30', 'f13f91d2a85fad2114ab3e73df7c4f5c');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (16, 1767225600000, 'worker', 'task.launch', 'task-4', '0304093c29813305bc8ef75f686a62ef');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (17, 1767225600000, 'worker', 'task.launch', 'i-1c1c613b682d356ed vol-4beca6f81f05768ec', '153114d2b2265704439ccb3c7f8322ae');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (18, 1767225600000, 'worker', 'task.launch', 'task-5', '53185c353d1251472db71cfe483933c3');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (19, 1767225600000, '807288991880', 'CreateVolume', 'vol-dc39c7fa6bac0c381', 'c28202bc5cdf900547b635f89ad3cb15');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (20, 1767225600000, '807288991880', 'AttachVolume', 'task-6 vol-dc39c7fa6bac0c381', '9b22397a6c3d634dcb3b4f8c72e091e8');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (21, 1767225600000, 'worker', 'FirstOverlay', 'vol-dc39c7fa6bac0c381', 'b7140edcc28c4ad10b5834d57bd91b35');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (22, 1767225600000, 'worker', 'task.attach', 'vol-dc39c7fa6bac0c381', '7974de5d887eb5626fb62e84615fdbfd');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (23, 1767225600000, 'worker', 'task.attach', 'task-6', 'bd823482c9f0275f1747dfe5ba7d8a4f');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (24, 1767225600000, '807288991880', 'CreateSnapshot', 'snap-d51d4b147fb9f008c task-7', '2298d872a62302fbc98f8df60fbf3f07');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (25, 1767225600000, '807288991880', 'CreateImage', 'ami-5fe896e96273c3d60 snap-d587cf6c699127ec8 task-8', '17d653b06431616fa81c0506529f74a4');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (26, 1767225600000, 'worker', 'task.capture', 'snap-d51d4b147fb9f008c vol-dc39c7fa6bac0c381', '306cbee7141b8eb534db076bac4ac946');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (27, 1767225600000, 'worker', 'task.capture', 'snap-d51d4b147fb9f008c vol-dc39c7fa6bac0c381', '306cbee7141b8eb534db076bac4ac946');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (28, 1767225600000, 'worker', 'task.capture', 'task-7', '3ad38efb58d71178a7a57b701e8edb19');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (29, 1767225600000, 'worker', 'task.capture', 'snap-d587cf6c699127ec8 vol-2d3ff6f060741ae30', '4042879eadfa6cb94a276ec95c70e1bb');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (30, 1767225600000, 'worker', 'task.capture', 'snap-d587cf6c699127ec8 vol-2d3ff6f060741ae30', '4042879eadfa6cb94a276ec95c70e1bb');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (31, 1767225600000, 'worker', 'task.capture', 'ami-5fe896e96273c3d60', '006ffa77826f1c455fe06445f0e7203f');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (32, 1767225600000, 'worker', 'task.capture', 'task-8', 'e81eafac108b6a573652c99f568ce14f');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (33, 1767225600000, '807288991880', 'ModifySnapshotAttribute', 'snap-9ccdac9ff735ab278', 'ee7741c714343db6d8c5493cbba32bad');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (34, 1767225600000, '807288991880', 'StartSnapshot', 'snap-6f978d04409d5a1b6 task-9', '20edb2d14af6df6aef43c2caba2ebf13');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (35, 1767225600000, '807288991880', 'CompleteSnapshot', 'snap-6f978d04409d5a1b6 task-10', 'a6c102e1590e1862327b1ef52912e1cd');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (36, 1767225600000, '807288991880', 'RegisterImage', 'ami-99926378332d0d223', 'cb7fdcb0f73413323fa11b6134db04da');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (37, 1767225600000, '807288991880', 'DeregisterImage', 'ami-99926378332d0d223', 'fc3bf0b9b065194a65d4dad59f4d5891');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (38, 1767225600000, '807288991880', 'StopInstances', 'i-74b291404a274ffa7 task-11', 'd4ab21180b7d5cbca675b73cb74fb3cb');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (39, 1767225600000, '807288991880', 'TerminateInstances', 'i-1c1c613b682d356ed task-12', '277e45ace313ba51923cb20de7aa95a6');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (40, 1767225600000, 'worker', 'task.complete_snapshot', 'snap-6f978d04409d5a1b6', '3c94f00bd16a28036a373566e2895e04');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (41, 1767225600000, 'worker', 'task.complete_snapshot', 'task-10', 'd5285111dbdc87ad057e5f3c1ba5d2f2');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (42, 1767225600000, 'worker', 'machine.ended', 'task-13', 'b1095e4b7152ce85acd781bf91d1a51b');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (43, 1767225600000, 'worker', 'task.terminate', 'i-1c1c613b682d356ed task-14 task-15 vol-4beca6f81f05768ec', '71a23b98292dcd5edecd733f1e48a3aa');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (44, 1767225600000, 'worker', 'task.terminate', 'task-12', '9b009e4c2c108a378b1933df65371294');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (45, 1767225600000, 'worker', 'task.delete_volume', 'vol-4beca6f81f05768ec', 'b8f2b0051d365eaf1f4d6553f0883b0f');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (46, 1767225600000, 'worker', 'task.delete_volume', 'task-14', 'ec841f5289c89f513fda9d32f33fe3f4');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (47, 1767225600250, 'worker', 'task.stop', 'i-74b291404a274ffa7', 'd033879f7da59ebb2bbb1ff91872cea1');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (48, 1767225600250, 'worker', 'task.stop', 'task-11', '0c912cb059a1970885666b45fb7d9f14');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (49, 1767225600300, 'worker', 'task.ended', 'task-13', 'dd5fcb8ea62b40683fe05ade6d832e30');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (50, 1767225600300, 'admin', 'CreateAccount', '336628046397', 'a8d43436e8962463132cef42e741a5a8');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (51, 1767225600300, '336628046397', 'RunInstances', 'i-14ef8b722a364fa3c sg-7f7529863f00449e2 subnet-43a5d26788dca2910 subnet-5915ae3eac55ce29f subnet-cc0fbd0db52af6cb2 task-16 vol-9547cb593d43f4620 vpc-fe7747f69fdb5f90c', '21895a5ab2eb280778430cb80b77ddb4');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (52, 1767225600300, '807288991880', 'CreateSnapshot', 'snap-8da01095909987c91 task-17', 'd0c1ff6721bf4fc0095be22777e63a14');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (53, 1767225600300, '807288991880', 'RebootInstances', 'task-18', '0508fe46ec75e30d5cfa7c74891ae101');
INSERT INTO audit (seq, at, actor, action, touched, checksum) VALUES (54, 1767225600300, '807288991880', 'StartSnapshot', 'snap-70a48cadd5b9e878b task-19', '15db779bb33d8b2d67ab735c8ea00b0e');
