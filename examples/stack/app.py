"""An application that uses all three servers of compose.example.yml.

It knows nothing of vestibule, secrets or files: what it needs to log in stands
in its environment. `app.py` logs in to each server, says so and then answers
on port 8080; `app.py --once` logs in and ends, 0 if every server let it in.
"""

import http.server
import os
import signal
import sys
from urllib.parse import urlsplit

import boto3
import minio
import psycopg
import redis

PORT = 8080
BUCKET = "example"


def log_in_with_psycopg():
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
        user, database = connection.execute(
            "select current_user, current_database()"
        ).fetchone()
    return f"as {user} to {database}"


def log_in_with_redis():
    client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5)
    client.set("greeting", "hello")
    return f"and read {client.get('greeting').decode()!r} back"


def log_in_with_boto3():
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["MINIO_ENDPOINT"],
        aws_access_key_id=os.environ["MINIO_ACCESS_KEY"],
        aws_secret_access_key=os.environ["MINIO_SECRET_KEY"],
        region_name="us-east-1",
    )
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="greeting", Body=b"hello")
    body = client.get_object(Bucket=BUCKET, Key="greeting")["Body"].read()
    return f"and read {body.decode()!r} back"


def log_in_with_minio():
    endpoint = urlsplit(os.environ["MINIO_ENDPOINT"])
    client = minio.Minio(
        endpoint.netloc,
        access_key=os.environ["MINIO_ACCESS_KEY"],
        secret_key=os.environ["MINIO_SECRET_KEY"],
        secure=endpoint.scheme == "https",
        region="us-east-1",
    )
    names = [bucket.name for bucket in client.list_buckets()]
    return f"and found the buckets {names}"


CLIENTS = {
    "psycopg": log_in_with_psycopg,
    "redis": log_in_with_redis,
    "boto3": log_in_with_boto3,
    "minio": log_in_with_minio,
}


def refusal(error):
    """What kind of refusal it was. Never the message: clients quote URLs in it."""
    code = getattr(error, "code", None) or getattr(error, "response", {}).get(
        "Error", {}
    ).get("Code")
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def log_in_everywhere():
    """Logs in with each client, one line each; true if all were let in."""
    welcome = True
    for name, log_in in CLIENTS.items():
        try:
            print(f"app: {name} logged in {log_in()}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            welcome = False
            print(f"app: {name} was refused: {refusal(error)}", flush=True)
    return welcome


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ready\n")

    def log_message(self, *_):
        """Health checks are not worth a line each."""


def stop(*_):
    print("app: stopped", flush=True)
    sys.exit(0)


def main():
    welcome = log_in_everywhere()
    if "--once" in sys.argv[1:] or not welcome:
        sys.exit(0 if welcome else 1)
    signal.signal(signal.SIGTERM, stop)
    http.server.ThreadingHTTPServer(("", PORT), Answer).serve_forever()


if __name__ == "__main__":
    main()
