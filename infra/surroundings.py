"""What the functions of one service share."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from infra.config import Config
from infra.data import Data
from infra.lake import Lake


@dataclass(frozen=True, slots=True)
class Surroundings:
    config: Config
    data: Data
    bus: events.EventBus
    lake: Lake
    dead_letters: sqs.Queue
    layers: list[str]  # ARNs
    schedule_prefix: str  # of the names of one-shots
    schedule_role: iam.CfnRole  # by which they wake a function
