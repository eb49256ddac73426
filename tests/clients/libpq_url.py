"""URL -> user, password, host, port, dbname and the options as libpq reads them."""

from psycopg.conninfo import conninfo_to_dict
from rows import serve, text

NAMED = ["user", "password", "host", "port", "dbname"]


def answer(url):
    read = conninfo_to_dict(url.decode())
    rest = sorted((key, value) for key, value in read.items() if key not in NAMED)
    return [text(read.get(name)) for name in NAMED] + [
        text(f"{key}={value}") for key, value in rest
    ]


serve(answer)
