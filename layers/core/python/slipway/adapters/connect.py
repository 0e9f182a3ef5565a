"""From a function's settings to its ports. Importing does nothing; what is not asked for is not imported.

`beside`: a port whose client this one shares, and with it connections and what they trust.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.adapters.alarms import CloudWatchAlarms
    from slipway.adapters.directory import CognitoDirectory
    from slipway.adapters.dynamodb import DynamoStore
    from slipway.adapters.eventbus import EventBus
    from slipway.adapters.lake import FirehoseLake
    from slipway.adapters.post import PublicPost
    from slipway.adapters.s3 import S3Blobs
    from slipway.adapters.scheduler import SchedulerSchedules
    from slipway.adapters.ses import SesMailer
    from slipway.adapters.uploads import S3Uploads
    from slipway.feedback.sentiment import Sentiments
    from slipway.settings import Calendar, Collect, Courier, Hooks, Invite, Relay, Settings, Triage

BUDGET = 8.0  # seconds for all tries of one call; the boto3 twin has limits of its own
CONNECT = 1.0  # seconds at most to connect, in each try


def store(settings: Settings, *, budget: float = BUDGET) -> DynamoStore:
    """All tables that the settings name: the field `table_products` holds the physical name of `products`."""
    from slipway.adapters.dynamodb import DynamoStore

    prefix = "table_"
    tables = {name.removeprefix(prefix): getattr(settings, name) for name in settings.names() if name.startswith(prefix)}
    if settings.client == "boto3":
        from slipway.adapters.boto import BotoDynamo

        return DynamoStore(BotoDynamo(), tables)
    from slipway.adapters.aws import AwsClient

    return DynamoStore(AwsClient(connect=min(CONNECT, budget), budget=budget), tables)


def blobs(settings: Settings, bucket: str, *, budget: float = BUDGET, beside: S3Blobs | None = None) -> S3Blobs:
    from slipway.adapters.s3 import S3Blobs

    if beside is not None:
        return S3Blobs(beside.client, bucket)
    if settings.client == "boto3":
        from slipway.adapters.boto import BotoObjects

        return S3Blobs(BotoObjects(), bucket)
    from slipway.adapters.aws import AwsClient

    return S3Blobs(AwsClient(connect=min(CONNECT, budget), budget=budget), bucket)


def uploads(bucket: str) -> S3Uploads:
    from slipway.adapters.uploads import S3Uploads

    return S3Uploads(bucket)


def lake(settings: Collect, *, budget: float = BUDGET, beside: DynamoStore | None = None) -> FirehoseLake:
    from slipway.adapters.lake import FirehoseLake

    if settings.client == "boto3":
        from slipway.adapters.boto import BotoDeliveries

        return FirehoseLake(BotoDeliveries(), settings.lake)
    from slipway.adapters.aws import AwsClient

    if beside is not None and isinstance(beside.client, AwsClient):
        return FirehoseLake(beside.client, settings.lake)
    return FirehoseLake(AwsClient(connect=min(CONNECT, budget), budget=budget), settings.lake)


def bus(settings: Relay) -> EventBus:
    from slipway.adapters.eventbus import EventBus

    return EventBus(settings.bus)


def directory(settings: Invite) -> CognitoDirectory:
    from slipway.adapters.directory import CognitoDirectory

    return CognitoDirectory(settings.user_pool)


def post(settings: Courier) -> PublicPost:
    from slipway.adapters.post import PublicPost

    return PublicPost(loopback=settings.loopback)


def mailer(settings: Courier) -> SesMailer | None:
    """None where nobody said whom letters come from."""
    from slipway.adapters.ses import SesMailer

    return SesMailer(settings.sender) if settings.sender else None


def schedules(settings: Calendar | Courier | Hooks | Triage, target: str) -> SchedulerSchedules:
    """One-shots that call that function."""
    from slipway.adapters.scheduler import SchedulerSchedules

    return SchedulerSchedules(settings.schedule_prefix, target, settings.schedule_role)


def sentiments(settings: Triage) -> Sentiments:
    if settings.sentiment == "comprehend":
        from slipway.adapters.comprehend import Comprehend

        return Comprehend()
    from slipway.adapters.lexicon import Lexicon

    return Lexicon()


def alarms() -> CloudWatchAlarms:
    from slipway.adapters.alarms import CloudWatchAlarms

    return CloudWatchAlarms()
