"""Prints which properties of CloudFormation's resource types replace a resource when they change: {type: [JSON pointer, …]}.

    .cache/sam-venv/bin/python scripts/create_only.py TYPE…

They are those of AWS's schemas, which cfn-lint has.
"""
import json
import sys

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as SCHEMAS

MEMBERS = ("createOnlyProperties", "conditionalCreateOnlyProperties")
schemas = {kind: SCHEMAS.get_resource_schema("eu-west-1", kind).schema for kind in sys.argv[1:]}
json.dump({kind: [path for member in MEMBERS for path in schema.get(member) or []] for kind, schema in schemas.items()}, sys.stdout)
