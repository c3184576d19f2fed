"""Writes what infra/cdk and infra/terraform say about the parameters and outputs of template.yaml.

    .cache/sam-venv/bin/python scripts/parameters.py [FOLDER]

FOLDER is infra by default. The test `the_cdk_construct_and_the_terraform_module_have_the_parameters_of_the_template` compares the files.
A parameter whose values are true and false is a boolean there, a CommaDelimitedList is a list, and every other one keeps its type.
"""
import json
import re
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

TOP = Path(__file__).resolve().parent.parent
HEAD = "Made by scripts/parameters.py from template.yaml. Do not edit."
BOOLEAN = ["true", "false"]


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(name):
    return name[0].lower() + name[1:]


def kind(about):
    if about.get("AllowedValues") == BOOLEAN:
        return "boolean"
    kinds = {"String": "string", "Number": "number", "CommaDelimitedList": "list"}
    if about["Type"] not in kinds:
        sys.exit(f"scripts/parameters.py knows no parameters of the type {about['Type']}, only {', '.join(kinds)}")
    return kinds[about["Type"]]


def default(about):
    """The default as a value of the parameter's kind; None if it has none."""
    if (value := about.get("Default")) is None:
        return None
    if kind(about) == "boolean":
        return value == "true"
    if kind(about) == "list":
        return value.split(",") if value else []
    return value


def typescript(template):
    yield f"// {HEAD}\n\n"
    yield "/** The parameters of template.yaml. One that is not given has its default. */\n"
    yield "export interface MillraceParameters {\n"
    for name, about in template["Parameters"].items():
        if kind(about) in ("string", "number") and "AllowedValues" in about:
            of = " | ".join(json.dumps(value) for value in about["AllowedValues"])
        else:
            of = {"list": "string[]"}.get(kind(about), kind(about))
        value = default(about)
        yield f"  /**\n   * {comment(about['Description'])}\n"
        yield "   */\n" if value is None else f"   * @default {comment(json.dumps(value))}\n   */\n"
        yield f"  readonly {camel(name)}{'' if value is None else '?'}: {of};\n"
    yield "}\n\n/** The outputs of template.yaml. Some exist only with the parameters that they belong to. */\nexport type MillraceOutput ="
    yield "".join(f"\n  | '{name}'" for name in template["Outputs"]) + ";\n"


def comment(text):
    return text.replace("*/", "*\\/")


def hcl(value):
    if isinstance(value, list):
        return "[" + ", ".join(hcl(item) for item in value) + "]"
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")


def rule(name, about):
    """The condition of a parameter's values, and its words; None if every value of the type is accepted."""
    value = f"var.{snake(name)}"
    if kind(about) == "boolean":
        return None
    if values := about.get("AllowedValues"):
        return f"contains({hcl(values)}, {value})", f"must be one of {', '.join(map(str, values))}"
    if kind(about) == "list":
        return f'alltrue([for item in {value} : can(regex("^[^,]+$", item))])', "must be a list of texts without commas"
    if pattern := about.get("AllowedPattern"):
        if not (pattern.startswith("^") and pattern.endswith("$")):
            sys.exit(f"the AllowedPattern of {name} must begin with ^ and end with $: Terraform also accepts a part that matches")
        words = about.get("ConstraintDescription", f"text that matches {pattern}")
        return f"can(regex({hcl(pattern)}, {value}))", f"must be {words}"
    bounds = [(about.get("MinValue"), ">=", "at least"), (about.get("MaxValue"), "<=", "at most")]
    bounds = [bound for bound in bounds if bound[0] is not None]
    if bounds:
        condition = " && ".join(f"{value} {sign} {bound}" for bound, sign, _ in bounds)
        return condition, "must be " + " and ".join(f"{words} {bound}" for bound, _, words in bounds)
    return None


def aligned(pairs, indent):
    """Lines of `name = value`, as `terraform fmt` aligns them."""
    width = max(len(name) for name, _ in pairs)
    return "".join(f"{indent}{name:<{width}} = {value}\n" for name, value in pairs)


def variables(template):
    types = {"boolean": "bool", "list": "list(string)"}
    yield f"# {HEAD}\n"
    for name, about in template["Parameters"].items():
        lines = [("description", hcl(about["Description"])), ("type", types.get(kind(about), kind(about)))]
        if (value := default(about)) is not None:
            lines.append(("default", hcl(value)))
        lines.append(("nullable", "false"))
        yield f'\nvariable "{snake(name)}" {{\n' + aligned(lines, "  ")
        if checked := rule(name, about):
            condition, words = checked
            message = f"{snake(name)} {words}."
            yield "\n  validation {\n"
            yield aligned([("condition", condition), ("error_message", hcl(message))], "    ")
            yield "  }\n"
        yield "}\n"


def parameters(template):
    def text(name, about):
        value = f"var.{snake(name)}"
        if kind(about) == "list":
            return f'join(",", {value})'
        return value if kind(about) == "string" else f"tostring({value})"

    yield f"# {HEAD}\n\nlocals {{\n  # CloudFormation takes every value as a text.\n  parameters = {{\n"
    yield aligned([(name, text(name, about)) for name, about in template["Parameters"].items()], "    ")
    yield "  }\n}\n"


def outputs(template):
    yield f"# {HEAD}\n# An output whose condition does not hold is null.\n"
    for name, about in template["Outputs"].items():
        value = f'lookup(aws_cloudformation_stack.millrace.outputs, "{name}", null)'
        yield f'\noutput "{snake(name)}" {{\n' + aligned([("description", hcl(about["Description"])), ("value", value)], "  ") + "}\n"


FILES = {
    "cdk/lib/parameters.ts": typescript,
    "terraform/variables.tf": variables,
    "terraform/parameters.tf": parameters,
    "terraform/outputs.tf": outputs,
}


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "infra"
    template = yaml_parse((TOP / "template.yaml").read_text(encoding="utf-8"))
    for name, made in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(made(template)), encoding="utf-8")


main()
