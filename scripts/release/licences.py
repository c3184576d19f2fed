"""Writes the licences of the crates in the released functions, with their texts: licences.py FUNCTION… > LICENSES.txt

In: `cargo metadata`, and the files that each crate was published with. Out: the crates, each with its licence, then the texts, each once.
A crate without the text of its licence is named. `make deny` decides which licences are allowed.
"""
import json
import subprocess
import sys
from pathlib import Path

from targets import TARGETS

NAMES = ("license", "licence", "copying", "copyright", "notice", "unlicense")


def metadata():
    filters = [f"--filter-platform={target}" for target in TARGETS]
    command = ["cargo", "metadata", "--format-version=1", "--locked", *filters]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def crates(functions):
    """The crates that are linked into these packages. Those that only build or test them are left out."""
    known = metadata()
    packages = {package["id"]: package for package in known["packages"]}
    nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
    wanted = [package["id"] for package in packages.values() if package["name"] in functions and not package["source"]]
    found = set()
    while wanted:
        if (crate := wanted.pop()) not in found:
            found.add(crate)
            links = [dep for dep in nodes[crate]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
            wanted += [dep["pkg"] for dep in links]
    others = [packages[crate] for crate in found if packages[crate]["source"]]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The texts of a crate's licences, also of the sources in another language that it carries."""
    folder = Path(package["manifest_path"]).parent
    files = [path for path in folder.rglob("*") if path.is_file() and path.name.lower().startswith(NAMES)]
    prose = [path for path in files if path.suffix.lower() in ("", ".md", ".txt") or path.suffix[1:].isupper()]
    return sorted({path.read_text(encoding="utf-8", errors="replace").strip() for path in prose})


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    packages = crates(set(sys.argv[1:]))
    users = {}  # text: the crates that have it
    print("Millrace is under the licence Apache-2.0. Its functions contain these crates:\n")
    for package in packages:
        name, found = f"{package['name']} {package['version']}", texts(package)
        print(f"{name}: {package['license'] or 'see its text'}{'' if found else ' (published without a text)'}")
        for text in found:
            users.setdefault(text, []).append(name)
    for text, names in sorted(users.items(), key=lambda user: user[1]):
        print(f"\n{'=' * 100}\n{', '.join(names)}\n{'-' * 100}\n{text}")


main()
