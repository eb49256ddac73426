"""Endpoint, access key, secret key, bucket -> where a boto3 client would send a
signed request, and the keys that it signs with."""

import boto3
from botocore.config import Config
from rows import serve, text

config = Config(s3={"addressing_style": "path"}, signature_version="s3v4")
session = boto3.session.Session(region_name="us-east-1")


def answer(endpoint, access_key, secret_key, bucket):
    client = session.client(
        "s3", endpoint_url=endpoint.decode(), config=config,
        aws_access_key_id=access_key.decode(), aws_secret_access_key=secret_key.decode())
    keys = client._request_signer._credentials.get_frozen_credentials()
    url = client.generate_presigned_url("get_object", {"Bucket": bucket.decode(), "Key": "k"})
    return [text(url.split("?")[0]), text(keys.access_key), text(keys.secret_key)]


serve(answer)
