#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes sigv4_golden.json: requests that botocore signed at a fixed time, as they go out.

Run it with Debian's python3-boto3: /usr/bin/python3 sigv4_golden.py > sigv4_golden.json
"""
import datetime
import json
import sys
from urllib.parse import urlsplit

import botocore.auth
import botocore.session
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)
KEY, SECRET = "AKIAEXAMPLE000000000", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJ+abc=="
BLOCK_TOKEN = "AAABAe4Z+9/x=="
golden = {}


class FixedTime(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW

    @classmethod
    def now(cls, tz=None):
        return NOW.replace(tzinfo=tz)


botocore.auth.datetime.datetime = FixedTime


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def keep(name, request, service, region, token=None, **more):
    url = urlsplit(request.url)
    headers = [(text(k), text(v)) for k, v in request.headers.items()]
    if "host" not in [k.lower() for k, _ in headers]:
        headers.insert(0, ("Host", url.netloc))
    target = (url.path or "/") + ("?" + url.query if url.query else "")
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    lines = [f"{request.method} {target} HTTP/1.1"] + [f"{k}: {v}" for k, v in headers]
    credentials = {"access_key_id": KEY, "secret_access_key": SECRET}
    if token:
        credentials["token"] = token
    golden[name] = {
        "credentials": credentials, "region": region, "service": service,
        "timestamp": NOW.isoformat() + "Z", **more,
        "request": "\n".join(lines) + "\n\n" + (body if isinstance(body, str) else body.decode()),
    }


def client(service, region="local-1", token=None, scheme="http"):
    session = botocore.session.Session()
    session.set_credentials(KEY, SECRET, token)
    return session.create_client(
        service, region_name=region, endpoint_url=f"{scheme}://karat.example:8443",
        config=Config(retries={"max_attempts": 0}, user_agent="botocore"))


def call(name, service, operation, args, region="local-1", token=None, scheme="http", **more):
    api = client(service, region, token, scheme)

    def capture(request, **_):
        # What varies from run to run is not signed.
        for header in ("amz-sdk-invocation-id", "amz-sdk-request"):
            if header in request.headers:
                del request.headers[header]
        keep(name, request, service, region, token, **more)
        raise InterruptedError

    api.meta.events.register_first("before-send.*", capture)
    try:
        getattr(api, operation)(**args)
    except Exception as error:  # noqa: BLE001 - nothing answers
        if name not in golden:
            raise error


class Sent:
    def __init__(self, method, url, headers, body):
        self.method, self.url, self.headers, self.body = method, url, headers, body


def presign(name, service, operation, args, region="local-1", token=None, method="GET"):
    url = client(service, region, token).generate_presigned_url(
        operation, args, ExpiresIn=900, HttpMethod=method)
    keep(name, Sent(method, url, {}, b""), service, region, token)


def raw(name, method, url, headers=None, body=b"", auth=SigV4Auth):
    request = AWSRequest(method, url, headers=headers or {}, data=body)
    auth(Credentials(KEY, SECRET), "execute-api", "local-1").add_auth(request)
    keep(name, Sent(method, request.url, request.headers, body), "execute-api", "local-1")


FILTERS = {"Filters": [{"Name": "name", "Values": ["web *", "a+b&c=d", "Gr\u00fc\u00dfe"]}],
           "Owners": ["self"]}
PUT = {"SnapshotId": "snap-0123456789abcdef0", "BlockIndex": 7, "BlockData": b"x" * 64,
       "DataLength": 64, "Checksum": "kVCx+SMjRTEkxa14gyKBBg5wqdwpKYMAd1m2TH/4lB0=",
       "ChecksumAlgorithm": "SHA256"}

call("ec2-describe-images", "ec2", "describe_images", FILTERS)
call("ec2-with-session-token", "ec2", "describe_images", FILTERS, token=TOKEN)
call("ec2-empty", "ec2", "describe_regions", {})
call("ec2-run-instances", "ec2", "run_instances", {
    "ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 2,
    "UserData": "#!/bin/sh\necho 'hello world'\n", "ClientToken": "fixed"})
call("ebs-put-block-https", "ebs", "put_snapshot_block", PUT, scheme="https",
     unsigned_payload=True)
call("ebs-put-block-http", "ebs", "put_snapshot_block", PUT)
call("ebs-list-blocks", "ebs", "list_snapshot_blocks",
     {"SnapshotId": "snap-0123456789abcdef0", "NextToken": "a b+c/d=", "MaxResults": 100})
call("ebs-get-block", "ebs", "get_snapshot_block", {
    "SnapshotId": "snap-0123456789abcdef0", "BlockIndex": 0, "BlockToken": BLOCK_TOKEN})
call("ebs-complete", "ebs", "complete_snapshot",
     {"SnapshotId": "snap-0123456789abcdef0", "ChangedBlocksCount": 1})
call("sts-caller", "sts", "get_caller_identity", {}, region="us-east-1")
call("iam-get-user", "iam", "get_user", {}, region="us-east-1")
call("autoscaling", "autoscaling", "describe_auto_scaling_groups", {})
call("ssm-get-parameter", "ssm", "get_parameter", {"Name": "/a/b c"})
presign("ec2-presigned", "ec2", "describe_images", FILTERS)
presign("ec2-presigned-session-token", "ec2", "describe_images", FILTERS, token=TOKEN)
presign("ec2-presigned-post", "ec2", "describe_images", FILTERS, method="POST")
presign("sts-presigned", "sts", "get_caller_identity", {}, region="us-east-1")
BASE = "http://karat.example:8443"
raw("odd-path", "GET", BASE + "/a%2Fb/c%20d/e+f/~g/%E1%88%B4/%2e%2e/h")
raw("path-to-normalise", "GET", BASE + "//a/./b/../c//")
raw("query-duplicates", "GET", BASE + "/?b=2&a=3&a=1&b=10&a=&c&A=0&a%20b=%2F")
raw("date-header", "POST", BASE + "/", {"Date": "set by botocore"}, b"body")
raw("hash-header", "POST", BASE + "/", {"X-Amz-Content-SHA256":
    "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"}, b"body")
raw("more-headers", "PUT", BASE + "/x", {
    "X-Amz-Meta-Note": "  a   b  ", "Accept": "*/*", "Content-Type": "text/plain",
    "My-List": "1, 2,3"}, b"")
raw("presigned-headers", "GET", BASE + "/a b/?x=1&y=", {"X-Amz-Note": "n"},
    auth=lambda *a: SigV4QueryAuth(*a, expires=604800))

json.dump(golden, sys.stdout, indent=1, sort_keys=True)
print()
