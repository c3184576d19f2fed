"""Deploys a SAM template on LocalStack, with functions that are already built.

    deploy.py [--within OUTER] ENDPOINT STACK TEMPLATE TRANSLATED FUNCTIONS RULES [Parameter=value …]

TRANSLATED is the output of scripts/sam_translate.py for TEMPLATE. LocalStack's own transform does not know `!Ref X.Alias`.
The local files of the template go to a bucket first, as with `sam package`: for `CodeUri: functions/NAME` the binary
FUNCTIONS/NAME as `bootstrap`, for the layer's `ContentUri` the file RULES as pipeline.yaml or the content of the folder RULES, for a
nested stack its template.
Prints {"outputs": {name: value}, "resources": {logical id: physical id}} in JSON, or exits 1 with the failure.
If the stack exists, it is updated with the changed parameters or rules.
OUTER is a template in JSON whose nested stack Root is the template, such as infra/quick.yaml. It is deployed then. A parameter that
it does not have becomes the default of the template.
"""
import hashlib
import io
import json
import sys
import time
import zipfile
from pathlib import Path

import boto3
import yaml
from botocore.config import Config

BUCKET = "deployed-code"
REGION = "eu-west-1"
SECONDS = 240
# LocalStack accepts resource types that it does not know, and does not create them. The stack works without these types.
LEFT_ALONE = ("AWS::CloudWatch::Dashboard", "AWS::Logs::ResourcePolicy")


class Loose(yaml.SafeLoader):
    """Reads a template without evaluating its functions."""


def ignore_tag(loader, _, node):
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    return loader.construct_mapping(node)


Loose.add_multi_constructor("!", ignore_tag)


def zipped(files):
    """Executable files by their names, not compressed, because they stay on this machine. Also a text that changes with them."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o755 << 16
            file.writestr(entry, path.read_bytes())
        held = repr([(entry.filename, entry.CRC) for entry in file.infolist()])
    return archive.getvalue(), hashlib.md5(held.encode()).hexdigest()


def layer(rules):
    """The files of the layer: those of a folder, or one file as pipeline.yaml."""
    if rules.is_file():
        return {"pipeline.yaml": rules}
    return {path.relative_to(rules).as_posix(): path for path in rules.rglob("*") if path.is_file()}


def with_text_keys(value):
    """LocalStack looks up a Number parameter in a mapping as a number, but the keys of mappings are texts."""
    if isinstance(value, list):
        return [with_text_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    if asked := value.get("Fn::FindInMap"):
        mapping, first, *others = asked
        return {"Fn::FindInMap": [mapping, {"Fn::Join": ["", [first]]}, *others]}
    return {name: with_text_keys(item) for name, item in value.items()}


def is_over(status):
    return not status.endswith(("IN_PROGRESS", "PENDING"))


class Deployment:
    def __init__(self, endpoint):
        config = Config(retries={"max_attempts": 1}, read_timeout=SECONDS)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client = lambda name: boto3.client(name, endpoint_url=endpoint, region_name=REGION, config=config, **keys)
        self.endpoint, self.s3, self.cloudformation = endpoint, client("s3"), client("cloudformation")
        self.create_bucket(BUCKET)

    def create_bucket(self, name):
        here = {"LocationConstraint": REGION}
        try:
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=here)
        except self.s3.exceptions.BucketAlreadyOwnedByYou:
            pass

    def upload(self, key, body):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return {"S3Bucket": BUCKET, "S3Key": key}

    def upload_zip(self, name, files):
        """As with `sam package`, changed files get another key: CloudFormation does not look at the object."""
        body, held = zipped(files)
        return self.upload(f"{name}-{held}.zip", body)

    def package(self, template, source, functions, rules):
        """Uploads the files that `source` names, and writes their places into the translated template."""
        folder = source.parent
        for name, resource in yaml.load(source.read_text(encoding="utf-8"), Loose)["Resources"].items():
            properties = resource.get("Properties", {})
            if code := properties.get("CodeUri"):
                binary = functions / Path(code).name
                place = self.upload_zip(binary.name, {"bootstrap": binary})
                template["Resources"][name]["Properties"]["Code"] = place
            elif "ContentUri" in properties:
                place = self.upload_zip(name, layer(rules))
                # The transform adds a hash to the name of a layer.
                for found, translated in template["Resources"].items():
                    if found.startswith(name) and translated["Type"] == "AWS::Lambda::LayerVersion":
                        translated["Properties"]["Content"] = place
            elif nested := properties.get("TemplateURL") or properties.get("Location"):
                body = (folder / nested).read_bytes()
                place = self.upload(f"{hashlib.md5(body).hexdigest()}-{Path(nested).name}", body)
                template["Resources"][name]["Properties"]["TemplateURL"] = self.url(place["S3Key"])

    def nested(self, template, outer, stack, parameters):
        """OUTER with the place of the template."""
        for name in parameters.keys() - outer["Parameters"].keys():
            template["Parameters"][name]["Default"] = parameters.pop(name)
        place = self.upload(f"{stack}-root.json", json.dumps(template).encode())
        outer["Resources"]["Root"]["Properties"]["TemplateURL"] = self.url(place["S3Key"])
        return outer

    def url(self, key):
        return f"{self.endpoint}/{BUCKET}/{key}"

    def deploy(self, stack, template, parameters):
        self.upload(f"{stack}.json", json.dumps(template).encode())
        change = {"StackName": stack, "ChangeSetName": f"change-{time.time_ns()}"}
        made = self.cloudformation.create_change_set(
            **change,
            ChangeSetType="UPDATE" if self.stack(stack) else "CREATE",
            TemplateURL=self.url(f"{stack}.json"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        described = self.until(lambda: self.cloudformation.describe_change_set(**change), lambda it: is_over(it["Status"]))
        if described["Status"] != "CREATE_COMPLETE":
            sys.exit(f"the change set failed: {described.get('StatusReason')}")
        self.cloudformation.execute_change_set(**change)
        good = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        # LocalStack sets the status to complete first, then the outputs, then the change set's id.
        over = lambda it: it.get("ChangeSetId") == made["Id"] if it["StackStatus"] in good else is_over(it["StackStatus"])
        deployed = self.until(lambda: self.stack(stack), over)
        resources = self.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        if deployed["StackStatus"] not in good:
            failed = [resource for resource in resources if resource["ResourceStatus"].endswith("FAILED")]
            reasons = [f"{it['LogicalResourceId']}: {it.get('ResourceStatusReason')}" for it in failed]
            sys.exit(f"{deployed['StackStatus']} {deployed.get('StackStatusReason')}\n" + "\n".join(reasons))
        self.assert_none_left_alone(resources)
        return {
            "outputs": {output["OutputKey"]: output["OutputValue"] for output in deployed.get("Outputs", [])},
            "resources": {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources},
        }

    def assert_none_left_alone(self, resources):
        for resource in resources:
            kind, made = resource["ResourceType"], resource.get("PhysicalResourceId")
            if kind == "AWS::CloudFormation::Stack":
                if not made:
                    sys.exit(f"{resource['LogicalResourceId']} is not there: {resource.get('ResourceStatusReason')}")
                nested = self.cloudformation.describe_stack_resources(StackName=made)
                self.assert_none_left_alone(nested["StackResources"])
            elif made in (None, "unknown") and kind not in LEFT_ALONE:
                sys.exit(f"LocalStack knows no {kind}, such as {resource['LogicalResourceId']}")

    def stack(self, name):
        try:
            return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except self.cloudformation.exceptions.ClientError:
            return None

    def until(self, describe, is_so):
        """Calls `describe` until its result satisfies `is_so`, and returns that result."""
        end = time.monotonic() + SECONDS
        while not is_so(described := describe()):
            if time.monotonic() > end:
                sys.exit(f"not within {SECONDS} s: {described}")
            time.sleep(0.2)
        return described


def read(file):
    return with_text_keys(json.loads(Path(file).read_text(encoding="utf-8")))


def main():
    arguments, outer = sys.argv[1:], None
    if arguments[0] == "--within":
        outer, arguments = read(arguments[1]), arguments[2:]
    endpoint, stack, source, translated, functions, rules, *parameters = arguments
    template, parameters = read(translated), dict(parameter.split("=", 1) for parameter in parameters)
    deployment = Deployment(endpoint)
    deployment.package(template, Path(source), Path(functions), Path(rules))
    if outer:
        template = deployment.nested(template, outer, stack, parameters)
    print(json.dumps(deployment.deploy(stack, template, parameters)))


if __name__ == "__main__":
    main()
