"""The protocol of the scripts beside this one.

Each line of standard input is one case: fields in hexadecimal, separated by
blanks, `-` for an empty one. Each gets one line of the same form. A case that
the client refuses is answered with `refused` and the name of the exception,
never with its text: some clients quote the password in it.
"""

import sys


def serve(answer):
    for line in sys.stdin:
        fields = [b"" if word == "-" else bytes.fromhex(word) for word in line.split()]
        try:
            result = answer(*fields)
        except Exception as error:
            result = [b"refused", type(error).__name__.encode()]
        print(" ".join(field.hex() or "-" for field in result), flush=True)


def text(value):
    """What a client holds, as bytes; None is no bytes."""
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()
