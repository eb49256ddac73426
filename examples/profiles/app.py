"""One program with three tasks: `migrate` prepares the database and ends, `web`
answers on port 8080, `worker` waits. Which secrets each one has is not its
business.
"""

import http.server
import os
import signal
import sys

import psycopg
from psycopg import sql

SECRETS = ["db-owner", "db-app", "mail-token"]


def say(*words):
    print(*words, flush=True)


def migrate(connection):
    password = sql.Literal(os.environ["APP_PASSWORD"])
    connection.execute("drop table if exists greetings")
    connection.execute("drop role if exists app")
    connection.execute(sql.SQL("create role app login password {}").format(password))
    connection.execute("create table greetings (word text)")
    connection.execute("insert into greetings values ('hello')")
    connection.execute("grant select on greetings to app")
    say("migrate: done")


def web(connection):
    (word,) = connection.execute("select word from greetings").fetchone()
    say("web: the database says", word)
    try:
        connection.execute("drop table greetings")
    except psycopg.errors.InsufficientPrivilege:
        say("web: may not drop its table")
    http.server.ThreadingHTTPServer(("", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()


def worker(connection):
    say("worker: has a token for mail" if "MAIL_TOKEN" in os.environ else "worker: has no token")
    signal.pause()


def can_read(name):
    try:
        with open(f"/run/secrets/{name}", "rb"):
            return True
    except OSError:
        return False


def main():
    task = sys.argv[1]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for name in SECRETS:
        say(f"{task}:", "can" if can_read(name) else "cannot", "read", name)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        say(f"{task}: connected as", connection.info.user)
        {"migrate": migrate, "web": web, "worker": worker}[task](connection)


if __name__ == "__main__":
    main()
