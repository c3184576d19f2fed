"""Deploys a release on LocalStack, as an operator does: copy the files into the bucket of the region, and deploy the template there.

    deploy_release.py ENDPOINT STACK FOLDER BUCKET [Parameter=value …]

FOLDER/VERSION is what scripts/release/package.sh wrote, and BUCKET is the region's bucket. If FOLDER holds several versions, the last
one is deployed. Prints and updates as deploy.py. No file is built or changed here.
"""
import json
import sys
from pathlib import Path

from deploy import Deployment, with_text_keys


def main():
    endpoint, stack, folder, bucket, *parameters = sys.argv[1:]
    folder = Path(folder)
    deployment = Deployment(endpoint)
    deployment.create_bucket(bucket)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            deployment.s3.put_object(Bucket=bucket, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())
    root = max(folder.glob("*/template.json"))
    template = with_text_keys(json.loads(root.read_text(encoding="utf-8")))
    print(json.dumps(deployment.deploy(stack, template, dict(parameter.split("=", 1) for parameter in parameters))))


main()
