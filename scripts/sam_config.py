"""Prints the settings of `sam deploy` in a samconfig.toml, in JSON, as the SAM CLI reads them.

    .cache/sam-venv/bin/python scripts/sam_config.py FOLDER
"""
import json
import sys

from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig

settings = SamConfig(sys.argv[1]).get_all(["deploy"], "parameters")
settings["parameter_overrides"] = CfnParameterOverridesType().convert(settings["parameter_overrides"], None, None)
json.dump(settings, sys.stdout)
