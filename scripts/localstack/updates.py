"""Updates of stacks, where LocalStack's CloudFormation does more than that of AWS.

- AWS evaluates neither the other branch of an `Fn::If` nor a resource whose condition is false. LocalStack does, where something changed
  in it, and refuses the change set if an attribute of a resource is named that the stack does not have: "Unresolved resource
  dependencies". Here such an attribute is a text that goes nowhere. The resource has to be in the template.
- AWS replaces a resource if the value of a certain property changes. LocalStack also does if the property refers to a resource that is
  updated in place, and then fails, because the name of the replaced one is taken.
"""
from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import ChangeSetModelPreproc
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor


def ignore_what_is_not_there():
    resolve = ChangeSetModelPreproc._resolve_attribute

    def resolve_or_ignore(self, arguments, select_before):
        try:
            return resolve(self, arguments, select_before)
        except ValidationError:
            name = arguments.split(".")[0] if isinstance(arguments, str) else arguments[0]
            resources = self._change_set.update_model.node_template.resources.resources
            if not any(resource.name == name for resource in resources):
                raise
            return f"{name} is not in the stack"

    ChangeSetModelPreproc._resolve_attribute = resolve_or_ignore


def replace_by_values():
    execute = ChangeSetModelExecutor._execute_resource_change

    def execute_by_values(self, name, before, after):
        if not is_nothing(before) and not is_nothing(after) and after.requires_replacement:
            provider = ResourceProviderExecutor.try_load_resource_provider(after.resource_type)
            create_only = [path.removeprefix("/properties/") for path in provider.SCHEMA["createOnlyProperties"]]
            values = [[it.properties.properties.get(member) for member in create_only] for it in (before, after)]
            after.requires_replacement = values[0] != values[1]
        return execute(self, name, before, after)

    ChangeSetModelExecutor._execute_resource_change = execute_by_values


def install():
    ignore_what_is_not_there()
    replace_by_values()
