# shellcheck shell=bash
# pip installs a wheel and takes it away; a database, a pool of processes.
python3 -m venv environment
python3 - << 'END'
import zipfile

record = "".join(f"{name},,\n" for name in (
    "greet/__init__.py", "greet-1.0.dist-info/METADATA",
    "greet-1.0.dist-info/WHEEL", "greet-1.0.dist-info/RECORD"))
with zipfile.ZipFile("greet-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("greet/__init__.py", "def greeting():\n    return 'hello'\n")
    wheel.writestr("greet-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n")
    wheel.writestr("greet-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("greet-1.0.dist-info/RECORD", record)
END
environment/bin/pip install --no-index --disable-pip-version-check ./greet-1.0-py3-none-any.whl
same "$(environment/bin/python -c 'import greet; print(greet.greeting())')" hello
environment/bin/pip uninstall --yes greet
cat > work.py << 'END'
import multiprocessing, os, sqlite3, tempfile

def square(number):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"%d" % (number * number))
        file.flush()
        return int(open(file.name).read())

if __name__ == "__main__":
    with multiprocessing.Pool(4) as pool:
        total = sum(pool.map(square, range(100)))
    database = sqlite3.connect("numbers.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE numbers (total INTEGER)")
    database.execute("INSERT INTO numbers VALUES (?)", (total,))
    database.commit()
    database.close()
    os.replace("numbers.db", "moved.db")
    print(sqlite3.connect("moved.db").execute("SELECT total FROM numbers").fetchone()[0])
END
same "$(environment/bin/python work.py)" 328350
tries environment/bin/pip install --requirement "$WITHHELD"
tries environment/bin/python -c 'import sys; print(open(sys.argv[1]).read())' "$WITHHELD"
echo worked
