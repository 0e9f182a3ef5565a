"""What the functions of one service share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from infra.config import Config
from infra.data import Data
from infra.functions import Layer
from infra.lake import Lake


@dataclass(frozen=True, slots=True)
class Surroundings:
    config: Config
    data: Data
    bus: events.EventBus
    lake: Lake
    dead_letters: sqs.Queue
    layers: Mapping[Layer, str]  # ARNs
    schedule_prefix: str  # of the names of one-shots
    schedule_role: iam.CfnRole  # by which they wake a function
