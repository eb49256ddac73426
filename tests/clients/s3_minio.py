"""Host, port, scheme, access key, secret key, bucket -> where MinIO's client
would send a signed request, and the keys that it signs with."""

from minio import Minio
from rows import serve, text


def answer(host, port, scheme, access_key, secret_key, bucket):
    host = f"[{host.decode()}]" if b":" in host else host.decode()
    client = Minio(endpoint=f"{host}:{port.decode()}", access_key=access_key.decode(),
                   secret_key=secret_key.decode(), secure=scheme == b"https", region="us-east-1")
    keys = client._provider.retrieve()
    url = client.presigned_get_object(bucket.decode(), "k")
    return [text(url.split("?")[0]), text(keys.access_key), text(keys.secret_key)]


serve(answer)
