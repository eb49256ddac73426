"""Password file, host, port, dbname, user -> the password libpq finds in it.

libpq opens the file while it prepares to connect; `hostaddr` keeps it from
asking a name server, and nobody needs to listen.
"""

import os
import tempfile

from psycopg import pq
from psycopg.conninfo import make_conninfo
from rows import serve

folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "passfile")


def answer(lines, host, port, dbname, user):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(lines)
    host = host.decode()
    where = {"host": host} if host.startswith("/") else {"host": host, "hostaddr": "127.0.0.1"}
    conninfo = make_conninfo(
        "", port=port.decode(), dbname=dbname.decode(), user=user.decode(), passfile=path, **where
    )
    connection = pq.PGconn.connect_start(conninfo.encode())
    password = connection.password
    connection.finish()
    return [password]


serve(answer)
