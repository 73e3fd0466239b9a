"""Deploy template.yaml to the local engine, and check that what the engine may drop is really there."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local import package, paths
from local.engine import HOST, Engine
from local.trouble import Trouble

Deployer = Callable[[Engine, Mapping[str, str]], dict[str, str]]  # (engine, parameters) -> outputs

STACK = "kabar"
STAGE = "local"
MAIL_SENDER = "kabar@example.com"
_ARTEFACTS = "kabar-artefacts"
_PATIENCE = 60


def deploy(engine: Engine, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create or update the stack; returns its outputs and, as `LocalApiUrl`, where the API answers here.

    Raises Trouble with the engine's reasons when it fails, and when a route or trigger is missing afterwards.
    """
    template = package.load()
    engine.client("ses").verify_email_identity(EmailAddress=MAIL_SENDER)
    s3 = engine.client("s3")
    s3.create_bucket(Bucket=_ARTEFACTS)

    def upload(key: str, body: bytes) -> str:
        s3.put_object(Bucket=_ARTEFACTS, Key=key, Body=body)
        return f"s3://{_ARTEFACTS}/{key}"

    packaged = package.package(template, upload, _python())
    upload("template.json", json.dumps(packaged).encode())
    return finish(engine, template, _apply(engine, parameters))


def finish(engine: Engine, template: package.Template, outputs: dict[str, str]) -> dict[str, str]:
    """What `deploy` returns, once the stack is up with these outputs. Raises Trouble when something is missing."""
    missing = check(engine, template, outputs)
    if missing:
        raise Trouble("The stack is up, but the local engine left out:\n  " + "\n  ".join(missing))
    address = f"{engine.url}/_aws/execute-api/{outputs['ApiId']}/{STAGE}"
    return {**outputs, "LocalApiUrl": address}


def _apply(engine: Engine, parameters: Mapping[str, str]) -> dict[str, str]:
    cloudformation = engine.client("cloudformation")
    request = {
        "StackName": STACK,
        "TemplateURL": f"http://{HOST}:{engine.url.rpartition(':')[2]}/{_ARTEFACTS}/template.json",
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {
                "Stage": STAGE,
                "MailSender": MAIL_SENDER,
                "LocalAddresses": "allowed",
                **parameters,
            }.items()
        ],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        cloudformation.describe_stacks(StackName=STACK)
        cloudformation.update_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates" not in message and "does not exist" not in message:
            raise Trouble(f"The local deploy was refused: {message}") from error
        if "does not exist" in message:
            cloudformation.create_stack(**request)
    deadline = time.monotonic() + _PATIENCE
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise Trouble(f"The local deploy hasn't finished in {_PATIENCE} s; see {engine.log}.")
        time.sleep(0.1)
    if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        # a rolled back stack keeps no events; the engine's log has the reasons
        log = engine.log.read_text(errors="replace").splitlines()
        why = "\n  ".join(line for line in log if "ERROR [cloudformation]" in line)
        raise Trouble(f"The local deploy ended in {stack['StackStatus']}:\n  {why}")
    return outputs(engine)


def outputs(engine: Engine) -> dict[str, str]:
    """The stack's outputs."""
    stack = engine.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def check(engine: Engine, template: package.Template, outputs: Mapping[str, str]) -> list[str]:
    """What the template asks for and the engine doesn't have: routes, triggers, streams, schedules."""
    return [
        *_missing_routes(engine, template, outputs["ApiId"]),
        *_missing_triggers(engine, template),
        *_missing_notifications(engine, template, outputs),
    ]


def _missing_routes(engine: Engine, template: package.Template, api_id: str) -> list[str]:
    gateway = engine.client("apigateway")
    live = {
        (resource["path"], method.lower())
        for page in gateway.get_paginator("get_resources").paginate(restApiId=api_id)
        for resource in page["items"]
        for method in resource.get("resourceMethods", {})
    }
    wanted = {
        (path, method.lower())
        for _, api in package.resources(template, "AWS::Serverless::Api")
        for path, methods in api["DefinitionBody"]["paths"].items()
        for method in methods
    }
    return [f"the route {method.upper()} {path}" for path, method in sorted(wanted - live)]


def _missing_triggers(engine: Engine, template: package.Template) -> list[str]:
    mappings = engine.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    live: dict[str, int] = {}
    for mapping in mappings:
        name = mapping["FunctionArn"].rpartition(":")[2]
        live[name] = live.get(name, 0) + (mapping["State"] in {"Enabled", "Creating", "Enabling"})
    cloudformation = engine.client("cloudformation")
    names = {
        entry["LogicalResourceId"]: entry["PhysicalResourceId"].rpartition(":")[2]
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
        for entry in page["StackResourceSummaries"]
    }
    missing = []
    for logical, function in package.resources(template, "AWS::Serverless::Function"):
        events = function.get("Events", {}).values()
        wanted = sum(event["Type"] in {"SQS", "DynamoDB"} for event in events)
        found = live.get(names.get(logical, ""), 0)
        if found < wanted:
            missing.append(f"{wanted - found} of the event sources of {logical}")
        scheduled = [
            name for name, event in function.get("Events", {}).items() if event["Type"].startswith("Schedule")
        ]
        missing += [f"the schedule {logical}{name}" for name in scheduled if f"{logical}{name}" not in names]
    return missing


def _missing_notifications(
    engine: Engine, template: package.Template, outputs: Mapping[str, str]
) -> list[str]:
    missing = []
    s3 = engine.client("s3")
    for logical, bucket in package.resources(template, "AWS::S3::Bucket"):
        if "NotificationConfiguration" in bucket:
            live: dict[str, Any] = s3.get_bucket_notification_configuration(Bucket=outputs[logical])
            if not live.get("QueueConfigurations"):
                missing.append(f"the notifications of {logical}")
    dynamodb = engine.client("dynamodb")
    for logical, table in package.resources(template, "AWS::DynamoDB::Table"):
        live = dynamodb.describe_table(TableName=outputs[logical])["Table"]
        if "StreamSpecification" in table and not live.get("LatestStreamArn"):
            missing.append(f"the stream of {logical}")
    return missing


def _python() -> str:
    """The version of the interpreter that runs the functions here, such as `3.11`."""
    command = [str(paths.ENGINE / "python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
