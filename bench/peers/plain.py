"""The peer: create and get a product as the Powertools documentation would write it, over boto3."""

from __future__ import annotations

import os
import uuid
from decimal import Decimal
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, Field

logger = Logger(service="plain")
metrics = Metrics(namespace="Bench", service="plain")
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["PLAIN_TABLE"])


class NewProduct(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    price: Decimal = Field(ge=0)


@app.post("/v1/products")
def create(product: NewProduct) -> Response[dict[str, Any]]:
    item = {"pk": f"prd_{uuid.uuid4().hex[:26]}", "sk": "head", "name": product.name, "price": product.price}
    table.put_item(Item=item, ConditionExpression="attribute_not_exists(pk)")
    logger.info("created", extra={"id": item["pk"]})
    metrics.add_metric(name="Created", unit=MetricUnit.Count, value=1)
    return Response(201, "application/json", {"id": item["pk"], "name": product.name, "price": str(product.price)})


@app.get("/v1/products/<id>")
def read(id: str) -> dict[str, Any]:
    item = table.get_item(Key={"pk": id, "sk": "head"}, ConsistentRead=True).get("Item", {})
    return {"id": id, "found": bool(item)}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
