"""A build backend of its own: building needs nothing from anywhere."""

import os
import zipfile

NAME = "of_acme-1-py3-none-any.whl"
FILES = {
    "of_acme.py": "HERE = True\n",
    "of_acme-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: of-acme\nVersion: 1\n",
    "of_acme-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "of_acme-1.dist-info/RECORD": "",
}


def build_wheel(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(os.path.join(directory, NAME), "w") as wheel:
        for name, content in FILES.items():
            wheel.writestr(name, content)
    return NAME
