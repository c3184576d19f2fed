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


def translated(template):
    """The translation of a template that `yaml_parse` has read."""
    validator = SamTemplateValidator(template, NoManagedPolicies(), region="eu-west-1")
    return yaml.safe_load(validator.get_translated_template_if_valid())


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        json.dump(translated(yaml_parse(file.read())), sys.stdout)
