"""Driver, URL -> user, password, hosts, database or virtual host as it reads them."""

import pika
from pymongo.uri_parser import parse_uri
from rows import serve, text
from sqlalchemy import make_url


def sqlalchemy(url):
    read = make_url(url)
    return [read.username, read.password, f"{read.host}:{read.port}", read.database]


def mongodb(url):
    read = parse_uri(url)
    hosts = ",".join(f"{host}:{port}" for host, port in read["nodelist"])
    return [read["username"], read["password"], hosts, read["database"]]


def amqp(url):
    read = pika.URLParameters(url)
    keys = read.credentials
    return [keys.username, keys.password, f"{read.host}:{read.port}", read.virtual_host]


DRIVERS = {b"sqlalchemy": sqlalchemy, b"mongodb": mongodb, b"amqp": amqp}

serve(lambda driver, url: [text(value) for value in DRIVERS[driver](url.decode())])
