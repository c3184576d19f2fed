"""Custom resources that a Lambda function implements. LocalStack's free code accepts them, and does nothing for them.

In: the calls of LocalStack's CloudFormation to a ResourceProvider. Out: as CloudFormation does, this invokes the function
asynchronously. The function responds with a PUT to a pre-signed URL of S3. The response is the resource; FAILED or no response
fails the stack. Deliberately absent: a resource that an update replaces. CloudFormation would delete the old one.
"""
import json
import time
import uuid

from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
)

BUCKET = "cloudformation-custom-resource-response"
SILENCE_SECONDS = 3600  # CloudFormation's limit for a resource without a ServiceTimeout
KNOWN = {}  # (stack, logical id): the last response


def as_texts(value):
    """CloudFormation sends numbers and booleans as texts."""
    if isinstance(value, dict):
        return {name: as_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_texts(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


class CustomResource(ResourceProvider):
    SCHEMA = {"primaryIdentifier": ["/properties/PhysicalResourceId"]}

    def create(self, request):
        return self.ask("Create", request, {})

    def update(self, request):
        return self.ask("Update", request, {"OldResourceProperties": as_texts(self.known(request)["properties"])})

    def delete(self, request):
        return self.ask("Delete", request, {})

    def ask(self, kind, request, more):
        if "event" not in request.custom_context:
            return self.send(kind, request, more)
        s3, event, end = request.aws_client_factory.s3, request.custom_context["event"], request.custom_context["end"]
        try:
            body = s3.get_object(Bucket=BUCKET, Key=event["RequestId"])["Body"].read()
        except s3.exceptions.NoSuchKey:
            if time.time() < end:
                return self.progress(OperationStatus.IN_PROGRESS, request, custom_context=request.custom_context)
            return self.progress(OperationStatus.FAILED, request, message="the custom resource did not answer in time")
        answer = json.loads(body)
        for name in ("StackId", "RequestId", "LogicalResourceId"):
            if answer.get(name) != event[name]:
                return self.progress(OperationStatus.FAILED, request, message=f"the answer's {name} is not the request's")
        if answer.get("Status") != "SUCCESS" or not answer.get("PhysicalResourceId"):
            said = f"Received response status [{answer.get('Status')}] from custom resource: {answer.get('Reason')}"
            return self.progress(OperationStatus.FAILED, request, message=said)
        properties = request.desired_state or {}
        model = {**properties, **(answer.get("Data") or {}), "PhysicalResourceId": answer["PhysicalResourceId"]}
        KNOWN[request.stack_id, request.logical_resource_id] = {
            "physical": answer["PhysicalResourceId"],
            "properties": event["ResourceProperties"],
        }
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)

    def send(self, kind, request, more):
        clients, properties = request.aws_client_factory, as_texts(request.desired_state or {})
        token = properties["ServiceToken"]
        if kind == "Delete":
            properties = self.known(request)["properties"] or properties
        try:
            here = {"LocationConstraint": request.region_name}
            clients.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=here)
        except clients.s3.exceptions.BucketAlreadyOwnedByYou:
            pass
        event = {
            "RequestType": kind,
            "RequestId": str(uuid.uuid4()),
            "StackId": request.stack_id,
            "LogicalResourceId": request.logical_resource_id,
            "ResourceType": request.resource_type,
            "ServiceToken": token,
            "ResourceProperties": properties,
            **more,
        }
        if physical := self.known(request)["physical"]:
            event["PhysicalResourceId"] = physical
        place = {"Bucket": BUCKET, "Key": event["RequestId"]}
        event["ResponseURL"] = clients.s3.generate_presigned_url("put_object", Params=place, ExpiresIn=7200)
        clients.lambda_.invoke(FunctionName=token, InvocationType="Event", Payload=json.dumps(event))
        end = time.time() + int(properties.get("ServiceTimeout", SILENCE_SECONDS))
        return self.progress(OperationStatus.IN_PROGRESS, request, custom_context={"event": event, "end": end})

    @staticmethod
    def known(request):
        nothing = {"physical": None, "properties": {}}
        return KNOWN.get((request.stack_id, request.logical_resource_id), nothing)

    @staticmethod
    def progress(status, request, **more):
        return ProgressEvent(status, resource_model=request.desired_state, **more)


def install():
    """Without this, LocalStack looks for the provider in code that is not free."""
    others = ResourceProviderExecutor.try_load_resource_provider

    def load(resource_type):
        custom = resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource"
        return CustomResource() if custom else others(resource_type)

    ResourceProviderExecutor.try_load_resource_provider = staticmethod(load)
