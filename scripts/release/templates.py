"""Writes the templates of a release: with the places of its files in S3, and translated, so that no Transform is left.

    .cache/sam-venv/bin/python scripts/release/templates.py VERSION BUCKET_PREFIX FOLDER

The files of a release are in the bucket BUCKET_PREFIX-REGION of every region, below VERSION/. The templates name that bucket by
`AWS::Region`, because Lambda reads code only from a bucket of its own region. So one template serves every region.
"""
import json
import re
import shutil
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

TOP = Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "scripts"))
from sam_translate import translated  # noqa: E402

ROOT = "template.yaml"
QUICK, QUICK_ROOT = "infra/quick.yaml", r"TemplateURL: \.\./template\.yaml.*"
RULES = "pipeline.zip"  # the rules that are shipped


class Release:
    def __init__(self, version, prefix):
        self.version, self.bucket = version, f"{prefix}-${{AWS::Region}}"

    def place(self, file):
        """Bucket and key of a file of the release."""
        key = f"{self.version}/{file}"
        return {"Bucket": {"Fn::Sub": self.bucket}, "Key": {"Fn::Sub": key} if "${" in key else key}

    def url(self, file):
        """The URL of a template of the release."""
        host = f"{self.bucket}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}"
        return {"Fn::Sub": f"https://{host}/{self.version}/{file}"}

    def package(self, template):
        """Replaces the local paths of a template by places in S3. Returns the nested templates."""
        nested = []
        for name, resource in template["Resources"].items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            if kind == "AWS::Serverless::Function":
                # Lambda names the architectures as the parameter does.
                properties["CodeUri"] = self.place(f"${{Architecture}}/{Path(properties['CodeUri']).name}.zip")
            elif kind == "AWS::Serverless::LayerVersion":
                properties["ContentUri"] = self.place(RULES)
            elif kind == "AWS::CloudFormation::Stack":
                nested.append(properties["TemplateURL"])
                properties["TemplateURL"] = self.url(Path(properties["TemplateURL"]).name)
            # How SAM builds the resource from its sources.
            resource.get("Metadata", {}).pop("BuildMethod", None)
            if resource.get("Metadata") == {}:
                del resource["Metadata"]
        return nested


def main():
    version, prefix, folder = sys.argv[1:]
    release, folder = Release(version, prefix), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    template = yaml_parse((TOP / ROOT).read_text(encoding="utf-8"))
    for nested in release.package(template):
        shutil.copyfile(TOP / nested, folder / Path(nested).name)
    quick = (TOP / QUICK).read_text(encoding="utf-8")
    url = release.url("template.json")["Fn::Sub"]
    quick, count = re.subn(QUICK_ROOT, lambda _: f'TemplateURL: !Sub "{url}"', quick)
    if count != 1:
        sys.exit(f"{QUICK} names its nested stack {count} times, not once")
    (folder / Path(QUICK).name).write_text(quick, encoding="utf-8")
    text = json.dumps(translated(template), indent=1, ensure_ascii=False)
    (folder / "template.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
