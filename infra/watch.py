"""Stack SlipwayWatch: the dashboard and the alarms. Its references are weak: it never holds back another stack's deploy."""

from __future__ import annotations

from typing import Any

from aws_cdk import CrossStackReferences, ReferenceStrength, Stack
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import Config
from infra.service import Service


class Watch(Stack):
    def __init__(self, scope: Construct, id: str, config: Config, service: Service, **stack: Any) -> None:
        super().__init__(scope, id, **stack)
        self.config, self.service = config, service
        CrossStackReferences.of(self).consume(ReferenceStrength.WEAK)
        self.topic = sns.Topic(self, "Alarms", enforce_ssl=True)
