"""The floor: a handler that does nothing."""


def handler(event: dict[str, object], context: object) -> dict[str, object]:  # noqa: ARG001 - Lambda's signature
    return {"statusCode": 200, "body": "{}"}
