"""Deploys a release on LocalStack, as an operator does: copy the files into the bucket of the region, and deploy the template there.

    deploy_release.py ENDPOINT STACK FOLDER BUCKET [Parameter=value …]

FOLDER/VERSION is what scripts/release/package.sh wrote, and BUCKET is the region's bucket. If FOLDER holds several versions, the last
one is deployed. Prints and updates as deploy.py. No file is built or changed here.
"""
import json
import sys
from pathlib import Path

from deploy import Deployment, read


def main():
    endpoint, stack, folder, bucket, *parameters = sys.argv[1:]
    folder = Path(folder)
    deployment = Deployment(endpoint)
    deployment.create_bucket(bucket)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            deployment.s3.put_object(Bucket=bucket, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())
    root = max(folder.glob("*/template.json"))
    print(json.dumps(deployment.deploy(stack, read(root), dict(parameter.split("=", 1) for parameter in parameters))))


main()
