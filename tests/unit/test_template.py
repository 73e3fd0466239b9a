"""What AWS needs and the local engine drops or does not enforce is proved on the template itself."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from kabar import guard
from kabar.storage import keys
from local import openapi, package, paths

TEMPLATE = package.load()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]

# Where AWS takes no resource, or the local engine demands the star (docs/decisions).
STAR_ALLOWED = {
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "ses:SendEmail",
}


DATA_KEY = {"Fn::GetAtt": ["DataKey", "Arn"]}


def of_type(kind: str) -> list[tuple[str, dict[str, Any]]]:
    return list(package.resources(TEMPLATE, kind))


def named(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("name", "properties"), of_type(kind), ids=[name for name, _ in of_type(kind)]
    )


def statements(policy: Any) -> Iterator[dict[str, Any]]:
    found = policy.get("Statement", []) if isinstance(policy, dict) else []
    yield from [found] if isinstance(found, dict) else found


def all_statements() -> list[tuple[str, dict[str, Any]]]:
    """Every permission given to one of our roles."""
    found = []
    for name, resource in RESOURCES.items():
        properties = resource.get("Properties", {})
        for policy in properties.get("Policies", []):
            document = policy.get("PolicyDocument", policy) if isinstance(policy, dict) else {}
            found += [(name, statement) for statement in statements(document)]
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else list(found)


@named("AWS::DynamoDB::Table")
def test_every_table_is_on_demand_encrypted_recoverable_and_forgets_by_itself(
    name: str, properties: dict[str, Any]
) -> None:
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": DATA_KEY,
    }
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, resource in RESOURCES.items()
        if resource["Type"]
        in {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::KMS::Key"}
    ],
)
def test_what_holds_data_outlives_the_stack(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] in {"Retain", "RetainExceptOnCreate"}
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


@named("AWS::S3::Bucket")
def test_every_bucket_is_private_versioned_encrypted_and_cleans_up(
    name: str, properties: dict[str, Any]
) -> None:
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["BucketEncryption"]
    rules = properties["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)


@pytest.mark.parametrize(
    ("kind", "policies", "named_in", "refused"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", "s3:*"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),  # its policy takes no star
    ],
)
def test_what_does_not_come_over_tls_is_refused(
    kind: str, policies: str, named_in: str, refused: str
) -> None:
    covered = [
        named
        for _, policy in of_type(policies)
        for statement in statements(policy["PolicyDocument"])
        if (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", refused)
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for named in ([policy[named_in]] if isinstance(policy[named_in], dict) else policy[named_in])
    ]
    assert sorted(named["Ref"] for named in covered) == sorted(name for name, _ in of_type(kind))


def test_who_lets_callers_in_writes_nothing_but_a_key_s_last_use() -> None:
    ours = [statement for name, statement in all_statements() if name == "AuthorizerFunction"]
    (writing,) = [statement for statement in ours if "dynamodb:UpdateItem" in actions(statement)]
    assert writing["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key#*"]}}
    assert keys.api_key("1f2e3d4c5b6a7988")["pk"].startswith("key#")
    assert not [a for statement in ours for a in actions(statement) if "Put" in a or "Delete" in a]


def test_a_role_is_passed_to_the_scheduler_alone() -> None:
    passing = [statement for _, statement in all_statements() if "iam:PassRole" in actions(statement)]
    assert passing
    for statement in passing:
        assert statement["Resource"] == {"Fn::GetAtt": ["SchedulerRole", "Arn"]}
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


@named("AWS::Logs::LogGroup")
def test_logs_are_kept_for_a_set_time(name: str, properties: dict[str, Any]) -> None:
    assert 1 <= properties["RetentionInDays"] <= 400


def test_every_function_logs_there() -> None:
    assert TEMPLATE["Globals"]["Function"]["LoggingConfig"]["LogGroup"] == {"Ref": "LogGroup"}


def test_no_path_is_kept_since_it_may_hold_a_token_or_a_number() -> None:
    """Neither by the gateway's traces and execution logs nor by the access log, which names the route."""
    (api,) = (properties for _, properties in of_type("AWS::Serverless::Api"))
    assert api["TracingEnabled"] is False
    assert {each["LoggingLevel"] for each in api["MethodSettings"]} == {"OFF"}
    assert not any(each["DataTraceEnabled"] for each in api["MethodSettings"])
    kept = set(re.findall(r"\$context\.([\w.]+)", api["AccessLogSetting"]["Format"]))
    assert "resourcePath" in kept
    assert not kept & {"path", "requestOverride.path", "customDomain.basePathMatched", "identity.user"}


def test_tracing_is_the_services_own() -> None:
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == "Active"
    assert all(properties["Tracing"]["Enabled"] for _, properties in of_type("AWS::Serverless::StateMachine"))


def dead_letters() -> set[str]:
    return {name for name, _ in of_type("AWS::SQS::Queue") if "DeadLetters" in name}


@named("AWS::SQS::Queue")
def test_every_queue_is_encrypted_and_has_dead_letters(name: str, properties: dict[str, Any]) -> None:
    assert properties["KmsMasterKeyId"] == DATA_KEY
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600  # the most there is
    if name not in dead_letters():
        target = properties["RedrivePolicy"]["deadLetterTargetArn"]
        assert target["Fn::GetAtt"][0] in dead_letters()


@named("AWS::Serverless::Function")
def test_a_queue_hides_a_message_six_times_as_long_as_its_function_may_take(
    name: str, properties: dict[str, Any]
) -> None:
    for event in properties.get("Events", {}).values():
        if event["Type"] == "SQS":
            queue = RESOURCES[event["Properties"]["Queue"]["Fn::GetAtt"][0]]["Properties"]
            # six times as AWS advises; the messages' says in the template why not
            times = 1.5 if event["Properties"]["Queue"] == {"Fn::GetAtt": ["MessagesQueue", "Arn"]} else 6
            assert queue["VisibilityTimeout"] >= times * properties["Timeout"]


@pytest.mark.parametrize("name", sorted(dead_letters()))
def test_dead_letters_raise_an_alarm(name: str) -> None:
    assert name in watched_queues("ApproximateNumberOfMessagesVisible")


def watched_queues(metric: str) -> set[str]:
    return {
        dimension["Value"]["Fn::GetAtt"][0]
        for _, alarm in of_type("AWS::CloudWatch::Alarm")
        if alarm["Namespace"] == "AWS/SQS" and alarm["MetricName"] == metric and alarm["AlarmActions"]
        for dimension in alarm["Dimensions"]
    }


@named("AWS::SQS::Queue")
def test_what_waits_too_long_raises_an_alarm(name: str, properties: dict[str, Any]) -> None:
    if name not in dead_letters():
        assert name in watched_queues("ApproximateAgeOfOldestMessage")


def test_every_alarm_is_on_the_dashboard_and_in_the_operators_manual() -> None:
    ((_, dashboard),) = of_type("AWS::CloudWatch::Dashboard")
    body = dashboard["DashboardBody"]["Fn::Sub"]
    assert json.loads(body)["widgets"]
    manual = (paths.ROOT / "docs" / "operations.md").read_text()
    for name, alarm in of_type("AWS::CloudWatch::Alarm"):
        assert f"${{{name}.Arn}}" in body
        assert f"`{name}`" in manual
        assert alarm["AlarmActions"] == [{"Ref": "NoticesTopic"}]


@named("AWS::Serverless::Function")
def test_the_errors_of_every_function_are_on_the_dashboard(name: str, properties: dict[str, Any]) -> None:
    ((_, dashboard),) = of_type("AWS::CloudWatch::Dashboard")
    widgets = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
    (errors,) = [widget for widget in widgets if widget["properties"]["title"] == "Function errors"]
    assert f"${{{name}}}" in {metric[3] for metric in errors["properties"]["metrics"]}


@pytest.mark.parametrize("name", ["SweepFunction", "OpenWindowFunction", "FinishImportFunction"])
def test_what_is_called_without_waiting_for_it_raises_an_alarm(name: str) -> None:
    """Their errors reach no caller and no queue."""
    assert [{"Name": "FunctionName", "Value": {"Ref": name}}] in [
        alarm["Dimensions"]
        for _, alarm in of_type("AWS::CloudWatch::Alarm")
        if (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
    ]


@named("AWS::Serverless::Function")
def test_every_function_may_use_the_data_key(name: str, properties: dict[str, Any]) -> None:
    assert {"Ref": "UseDataKey"} in properties["Policies"]


def test_the_api_is_throttled_and_says_who_called_it_without_numbers_or_tokens() -> None:
    ((_, api),) = of_type("AWS::Serverless::Api")
    assert all(0 < route["ThrottlingRateLimit"] <= 2000 for route in api["MethodSettings"])
    assert not any(route["DataTraceEnabled"] for route in api["MethodSettings"])
    line = api["AccessLogSetting"]["Format"]
    assert json.loads(line)["route"] == "$context.resourcePath"
    assert "$context.path" not in line


@named("AWS::Serverless::StateMachine")
def test_a_failed_execution_raises_an_alarm_and_is_logged(name: str, properties: dict[str, Any]) -> None:
    watched = [
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        for _, alarm in of_type("AWS::CloudWatch::Alarm")
        if alarm["Namespace"] == "AWS/States"
    ]
    assert ("ExecutionsFailed", {"Ref": name}) in watched
    assert ("ExecutionsTimedOut", {"Ref": name}) in watched
    assert properties["Logging"]["Level"] in {"ERROR", "ALL"}
    assert properties["Logging"]["Destinations"]


def test_a_stream_record_that_cannot_be_digested_is_kept() -> None:
    streams = [
        event["Properties"]
        for _, properties in of_type("AWS::Serverless::Function")
        for event in properties.get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    ]
    assert streams
    for stream in streams:
        assert stream["DestinationConfig"]["OnFailure"]["Type"] == "SQS"
        assert stream["BisectBatchOnFunctionError"] is True
        assert stream["MaximumRetryAttempts"] > 0


def test_there_are_permissions_to_look_at() -> None:
    assert len(all_statements()) > 20


@pytest.mark.parametrize(("name", "statement"), all_statements())
def test_no_role_may_do_everything(name: str, statement: dict[str, Any]) -> None:
    assert not [action for action in actions(statement) if "*" in action]


@pytest.mark.parametrize(("name", "statement"), all_statements())
def test_a_star_stands_only_where_no_resource_can(name: str, statement: dict[str, Any]) -> None:
    if statement["Resource"] == "*":
        assert set(actions(statement)) <= STAR_ALLOWED


@named("AWS::Serverless::Function")
def test_every_function_has_a_role_of_its_own(name: str, properties: dict[str, Any]) -> None:
    assert "Role" not in properties
    assert properties["Policies"]


@named("AWS::Serverless::Function")
def test_names_line_up(name: str, properties: dict[str, Any]) -> None:
    words = properties["CodeUri"].rstrip("/").removeprefix("functions/").split("_")
    assert name == "".join(word.capitalize() for word in words) + "Function"


@named("AWS::Serverless::StateMachine")
def test_state_machines_say_their_functions_by_name(name: str, properties: dict[str, Any]) -> None:
    definition = json.loads((paths.ROOT / properties["DefinitionUri"]).read_text())
    used = set(_resources_of(definition))
    assert used == {f"${{{each}}}" for each in properties["DefinitionSubstitutions"]}
    for placeholder, target in properties["DefinitionSubstitutions"].items():
        assert target == {"Fn::GetAtt": [placeholder.removesuffix("Arn"), "Arn"]}


def _resources_of(definition: dict[str, Any]) -> Iterator[str]:
    for state in definition["States"].values():
        if state["Type"] == "Task":
            yield state["Resource"]
        if "ItemProcessor" in state:
            yield from _resources_of(state["ItemProcessor"])


def _tasks(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for state in definition["States"].values():
        if state["Type"] == "Task":
            yield state
        if "ItemProcessor" in state:
            yield from _tasks(state["ItemProcessor"])


@named("AWS::Serverless::StateMachine")
def test_every_task_is_tried_again_when_its_worker_dies(name: str, properties: dict[str, Any]) -> None:
    definition = json.loads((paths.ROOT / properties["DefinitionUri"]).read_text())
    for task in _tasks(definition):
        errors = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
        assert "States.TaskFailed" in errors


def test_only_webhooks_and_the_document_are_open_to_the_world() -> None:
    ((_, api),) = of_type("AWS::Serverless::Api")
    assert api["Auth"]["DefaultAuthorizer"]
    is_open = {
        path
        for path, methods in api["DefinitionBody"]["paths"].items()
        for route in methods.values()
        if route.get("security") == [{"NONE": []}]
    }
    assert is_open
    assert all(path.startswith("/webhooks/") for path in is_open - {"/openapi.json"})


def test_no_resource_policy_comes_near_the_limit() -> None:
    # one permission for the whole API per function, not one per route
    permissions = of_type("AWS::Lambda::Permission")
    assert all(permission["SourceArn"] for _, permission in permissions)
    for name, resource in RESOURCES.items():
        if resource["Type"].endswith("Policy"):
            assert len(json.dumps(resource["Properties"])) < 15_000, name
    assert all(
        event["Type"] not in {"Api", "HttpApi"}
        for _, properties in of_type("AWS::Serverless::Function")
        for event in properties.get("Events", {}).values()
    )


def test_the_api_waits_for_the_role_that_its_access_logs_need() -> None:
    """Else the first deploy into a fresh account is refused and rolled back."""
    assert TEMPLATE["Resources"]["Api"]["DependsOn"] == "ApiAccount"


def test_what_the_gateway_itself_refuses_is_a_problem_of_the_catalogue() -> None:
    _, problems = openapi.application()
    kinds = {kind.code: kind for kind in problems.CATALOGUE}
    refusals = TEMPLATE["Resources"]["Api"]["Properties"]["GatewayResponses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= refusals.keys()
    for refusal in refusals.values():
        body = json.loads(refusal["ResponseTemplates"]["application/json"])
        kind = kinds[body["code"]]
        expected = json.loads(problems.Problem(kind, body["detail"]).body("$context.requestId"))
        assert (body, refusal["StatusCode"]) == (expected, kind.status)
        assert refusal["ResponseParameters"]["Headers"]["Content-Type"] == f"'{problems.MEDIA_TYPE}'"
    assert refusals["MISSING_AUTHENTICATION_TOKEN"]["StatusCode"] == 404  # an unknown path
    assert int(refusals["THROTTLED"]["ResponseParameters"]["Headers"]["Retry-After"].strip("'")) > 0


def test_nobody_can_let_callbacks_go_to_this_machine_in_aws() -> None:
    """By default refused, and allowed only together with an account that AWS doesn't have."""
    assert TEMPLATE["Parameters"]["LocalAddresses"]["Default"] == "refused"
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["LOCAL_ADDRESSES"] == {"Fn::Sub": "${LocalAddresses} in ${AWS::AccountId}"}
    assert guard.LOCAL == "allowed in 000000000000"
    overrides = [
        name
        for name, function in of_type("AWS::Serverless::Function")
        if "LOCAL_ADDRESSES" in function.get("Environment", {}).get("Variables", {})
    ]
    assert not overrides
