"""What MiniStack 1.5.33 does not take from CloudFormation, done by hand after each deployment."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


def apply(template: dict[str, Any], outputs: dict[str, str], client: Callable[[str], Any]) -> None:
    """Bring the deployed resources to what ``template`` says they are."""
    _turn_on_time_to_live(template, outputs, client("dynamodb"))
    _set_gateway_responses(template, outputs, client("apigateway"))


def _turn_on_time_to_live(template: dict[str, Any], outputs: dict[str, str], dynamodb: Any) -> None:
    """It ignores ``TimeToLiveSpecification``; to be dropped once it does not."""
    specification = template["Resources"]["Table"]["Properties"]["TimeToLiveSpecification"]
    table = outputs["TableName"]
    found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if found["TimeToLiveStatus"] not in {"ENABLED", "ENABLING"}:
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)


def _set_gateway_responses(
    template: dict[str, Any], outputs: dict[str, str], apigateway: Any
) -> None:
    """It drops the gateway responses of an API's body; to be dropped once it reads them."""
    properties = template["Resources"]["RestAPI"]["Properties"]
    api = outputs["RestAPIId"]
    for response_type, response in properties["GatewayResponses"].items():
        apigateway.put_gateway_response(
            restApiId=api,
            responseType=response_type,
            statusCode=str(response["StatusCode"]),
            responseParameters={
                f"gatewayresponse.header.{name}": value
                for name, value in response["ResponseParameters"]["Headers"].items()
            },
            responseTemplates=response["ResponseTemplates"],
        )
    # They are in force from the next deployment on, as in AWS.
    try:
        apigateway.create_deployment(restApiId=api, stageName=properties["StageName"])
    except ClientError as error:
        raise RuntimeError(f"The gateway's answers cannot be set: {error}") from error
