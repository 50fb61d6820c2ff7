"""What API Gateway hands the function."""

import json
from typing import Any
from uuid import uuid4


def api_event(token: str, method: str, route: str, body: Any = None, **path: str) -> dict[str, Any]:
    """Return the event of a request, with an Idempotency-Key of its own if it writes."""
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "accept": "*/*",
    }
    if method != "GET":
        headers["idempotency-key"] = uuid4().hex
    concrete = route.format(**path)
    return {
        "resource": route,
        "path": concrete,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": path or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": route,
            "httpMethod": method,
            "path": f"/api{concrete}",
            "requestId": uuid4().hex,
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
