"""Prints a SAM template as the CloudFormation template that SAM makes of it, in JSON: what is deployed in the end.

    .cache/sam-venv/bin/python scripts/sam_translate.py template.yaml
"""
import json
import sys

import yaml
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse


class NoManagedPolicies:
    """AWS's managed policies would have to be fetched, and the template names none."""

    def load(self):
        return {}


with open(sys.argv[1], encoding="utf-8") as template:
    translated = SamTemplateValidator(yaml_parse(template.read()), NoManagedPolicies(), region="eu-west-1")
json.dump(yaml.safe_load(translated.get_translated_template_if_valid()), sys.stdout)
