"""URL -> scheme, user, password, host, port as Python's own parser reads them."""

from urllib.parse import unquote_to_bytes, urlsplit

from rows import serve, text


def answer(url):
    read = urlsplit(url.decode())
    return [text(read.scheme), unquote_to_bytes(read.username or ""),
            unquote_to_bytes(read.password or ""), text(read.hostname), text(read.port)]


serve(answer)
