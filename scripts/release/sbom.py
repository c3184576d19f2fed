"""Writes the bill of materials of each function, in CycloneDX: sbom.py FOLDER FUNCTION… (after scripts/setup-cargo-cyclonedx.sh)

In: Cargo.lock and the packages of the workspace, as cargo-cyclonedx reads them. Out: FOLDER/FUNCTION.cdx.json, the same from every
clone. cargo-cyclonedx writes the path of the clone into its references, and knows one target at a time.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

from targets import TARGETS

TOP = Path(__file__).resolve().parents[2]
NAME = "release-sbom"  # cargo-cyclonedx writes a file into the folder of each package


def of_target(target):
    """The texts that cargo-cyclonedx writes for one target, by the folders of the packages."""
    date = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=TOP, check=True, stdout=subprocess.PIPE, text=True)
    command = [TOP / ".cache/bin/cargo-cyclonedx", "cyclonedx", "--quiet", "--format=json", "--spec-version=1.5"]
    command += [f"--target={target}", f"--override-filename={NAME}"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", date.stdout.strip())}
    subprocess.run(command, cwd=TOP, check=True, env=environment)
    written = [*TOP.glob(f"*/{NAME}.json"), *TOP.glob(f"*/*/{NAME}.json")]
    texts = {path.parent.relative_to(TOP).as_posix(): path.read_text(encoding="utf-8") for path in written}
    for path in written:
        path.unlink()
    return texts


def merged(texts):
    """One bill of several targets, with sorted lists and without the path of this clone."""
    bills = [json.loads(text.replace(f"file://{TOP}", "file:///millrace")) for text in texts]
    components, edges = {}, {}
    for bill in bills:
        components.update({component["bom-ref"]: component for component in bill["components"]})
        for edge in bill["dependencies"]:
            edges.setdefault(edge["ref"], set()).update(edge.get("dependsOn", []))
    whole = bills[0]
    whole.pop("serialNumber", None)
    whole["metadata"]["properties"] = [{"name": "cdx:rustc:sbom:target:triple", "value": target} for target in TARGETS[:2]]
    whole["components"] = [components[ref] for ref in sorted(components)]
    whole["dependencies"] = [{"ref": ref, "dependsOn": sorted(edges[ref])} for ref in sorted(edges)]
    return whole


def main():
    folder, functions = Path(sys.argv[1]), sys.argv[2:]
    texts = [of_target(target) for target in TARGETS]
    folder.mkdir(parents=True, exist_ok=True)
    for function in functions:
        bill = merged([of[f"functions/{function}"] for of in texts])
        (folder / f"{function}.cdx.json").write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


main()
