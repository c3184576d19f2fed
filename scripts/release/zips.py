"""Writes zips whose bytes depend only on the files in them: fixed order, date, permissions and compression.

    zips.py ZIP NAME=FILE…         one entry for each file; a binary named `bootstrap` may be executed
    zips.py ZIP FOLDER             all files below a folder

`sam package` and `zip` also store the dates, the permissions and the order that the files have on the disk.
"""
import sys
import zipfile
from pathlib import Path

# The first date that a zip can hold, in no time zone.
DATE = (1980, 1, 1, 0, 0, 0)
UNIX = 3
FILE, PROGRAM = 0o100644, 0o100755
EXECUTED = "bootstrap"  # the program of a function (provided.al2023)
LEVEL = 6


def write(path, files):
    """Writes `files`, a dict of names in the zip and paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = UNIX
            entry.external_attr = (PROGRAM if name == EXECUTED else FILE) << 16
            archive.writestr(entry, files[name].read_bytes(), zipfile.ZIP_DEFLATED, LEVEL)


def below(folder):
    """The files below a folder, by their names relative to it."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def main():
    path, *sources = sys.argv[1:]
    if len(sources) == 1 and "=" not in sources[0]:
        files = below(Path(sources[0]))
    else:
        files = {name: Path(file) for name, _, file in (source.partition("=") for source in sources)}
    if not files:
        sys.exit(f"{path} would hold no file")
    write(Path(path), files)


if __name__ == "__main__":
    main()
