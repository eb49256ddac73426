"""URL -> class, username, password, host or path, port, db as redis-py reads them,
then the other settings."""

from redis import ConnectionPool
from redis.connection import parse_url
from rows import serve, text

NAMED = ["username", "password", "host", "path", "port", "db"]


def answer(url):
    url = url.decode()
    pool = ConnectionPool.from_url(url)
    read = parse_url(url)
    assert all(pool.connection_kwargs[key] == value for key, value in read.items()
               if key != "connection_class")
    rest = sorted((key, value) for key, value in read.items()
                  if key not in NAMED and key != "connection_class")
    where = read.get("path") or read.get("host")
    return [text(pool.connection_class.__name__), text(read.get("username")),
            text(read.get("password")), text(where), text(read.get("port")),
            text(read.get("db"))] + [text(f"{key}={value}") for key, value in rest]


serve(answer)
