"""Calls AWS operations with boto3 for a test in another language.

Reads one JSON request a line from stdin, {"service", "operation", "input"}, and answers one JSON line:
{"output": ...} or {"error": {"code", "status", "message"}}. Bytes travel as {"$bytes": "<base64>"}.
`operation` is the API's name (PutObject), or `presign` for a presigned GetObject URL.
"""

import base64
import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(signature_version="v4", retries={"total_max_attempts": 1})
S3_CONFIG = Config(signature_version="s3v4", retries={"total_max_attempts": 1})
clients = {}


def client(service, endpoint, region, credentials):
    if service not in clients:
        clients[service] = boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=credentials["accessKeyId"],
            aws_secret_access_key=credentials["secretAccessKey"],
            aws_session_token=credentials.get("sessionToken"),
            config=S3_CONFIG if service == "s3" else CONFIG,
        )
    return clients[service]


def decode(value):
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def encode(value):
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if hasattr(value, "read"):
        return encode(value.read())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def answer(request, connection):
    target = client(request["service"], *connection)
    parameters = decode(request["input"])
    try:
        if request["operation"] == "presign":
            return {"output": target.generate_presigned_url("get_object", Params=parameters, ExpiresIn=60)}
        return {"output": encode(getattr(target, xform_name(request["operation"]))(**parameters))}
    except ClientError as error:
        response = error.response
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        return {"error": {"code": response["Error"]["Code"], "status": status, "message": response["Error"]["Message"]}}


def main():
    setup = json.loads(sys.argv[1])
    connection = (setup["endpoint"], setup["region"], setup["credentials"])
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), connection)), flush=True)


main()
