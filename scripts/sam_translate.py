"""Prints the CloudFormation template that SAM generates from a SAM template, in JSON. This is the template that is deployed.

    .cache/sam-venv/bin/python scripts/sam_translate.py template.yaml
"""
import json
import sys

import yaml
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse


class NoManagedPolicies:
    """The template names no managed policies of AWS, so they need not be fetched."""

    def load(self):
        return {}


with open(sys.argv[1], encoding="utf-8") as template:
    translated = SamTemplateValidator(yaml_parse(template.read()), NoManagedPolicies(), region="eu-west-1")
json.dump(yaml.safe_load(translated.get_translated_template_if_valid()), sys.stdout)
