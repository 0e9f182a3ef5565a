"""Stack SlipwayService: layers, functions, the API, the bus. Holds no state: it may be destroyed and deployed again."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import Aws, CfnOutput, CrossStackReferences, Duration, Fn, ReferenceStrength, Stack
from aws_cdk import aws_apigatewayv2 as api
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import packaging
from infra.checks import acknowledge
from infra.config import Config
from infra.data import Data
from infra.edge import Edge
from infra.function import DeployedFunction, asset, log_group
from infra.functions import FUNCTIONS, Function, Layer
from infra.lake import Lake
from infra.oneshots import OneShots
from infra.rings import Rings
from infra.routes import ROUTES, Route
from infra.surroundings import Surroundings
from slipway.events import ProductCreated, ProductUpdated, pattern

# Requests a second, and how many at once, over all routes: the account's own limit is 10,000.
RATE, BURST = 1000, 500
# With 15 s in the authorizer's memory and 5 s to publish, a revoked key stops working within 60 s.
AUTHORIZATION_SECONDS = 30
ARCHIVE_DAYS = 30


class Service(Stack):
    def __init__(self, scope: Construct, id: str, config: Config, data: Data, **stack: Any) -> None:
        super().__init__(scope, id, **stack)
        # Strong: a table cannot go while a function uses it.
        CrossStackReferences.of(self).consume(ReferenceStrength.STRONG)
        self.config, self.data = config, data
        self.bus = events.EventBus(
            self, "Bus", event_bus_name=f"slipway{config.suffix}", description="Everything that happens in Slipway"
        )
        events.CfnArchive(
            self,
            "Archive",
            source_arn=self.bus.event_bus_arn,
            description="Every event, to replay it",
            event_pattern=pattern(),
            retention_days=ARCHIVE_DAYS,
        )
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        queue = "it is the dead-letter queue itself"
        acknowledge(self.dead_letters, "AwsSolutions-SQS3", queue)
        acknowledge(self.dead_letters, "Serverless-SQSRedrivePolicy", queue)
        if config.alarm_email:
            topic = f"arn:{Aws.PARTITION}:sns:{Aws.REGION}:{Aws.ACCOUNT_ID}:{config.alarm_topic}"
            self.dead_letters.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="AlarmsThatNobodyGot",
                    actions=["sqs:SendMessage"],
                    principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                    resources=[self.dead_letters.queue_arn],
                    conditions={"ArnEquals": {"aws:SourceArn": topic}},
                )
            )
        self.api = api.CfnApi(
            self,
            "Api",
            name=f"slipway{config.suffix}",
            description="The one HTTPS API of Slipway",
            protocol_type="HTTP",
            disable_execute_api_endpoint=bool(config.domain) and not config.edge,
            # For browsers that evaluate flags. Nothing comes with a request by itself, no cookie: whoever has a key may ask.
            cors_configuration=api.CfnApi.CorsProperty(
                allow_origins=["*"],
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type", "if-none-match"],
                expose_headers=["etag", "retry-after"],
                max_age=7200,
            ),
        )
        self.edge = Edge(self, self.api, config) if config.edge else None
        self.client = self._user_pool_client()
        self.one_shots = OneShots(self, config)
        self.lake = Lake(
            self, config, data.buckets["lake"].bucket_name, data.bucket_arns["lake"], log_group(self, "LakeLogs", config)
        )
        around = Surroundings(
            config, data, self.bus, self.lake, self.dead_letters, self._layers(), self.one_shots.prefix, self.one_shots.role
        )
        self.functions: dict[str, DeployedFunction] = {}
        for spec in FUNCTIONS:
            self.functions[spec.name] = DeployedFunction(self, spec, self._environment(spec), around)
        self.one_shots.wake(*(self._arn(spec) for spec in FUNCTIONS if spec.woken))
        (hearing,) = (made.function for made in self.functions.values() if made.spec.alarmed)
        self.rings = Rings(self, config, hearing, self.dead_letters)
        self._subscriptions()
        self._routes()
        self.stage = self._stage()
        self._domain()
        self._outputs()

    @property
    def url(self) -> str:
        """The root of the API, without a slash at its end."""
        if self.edge:
            return f"https://{self.edge.host}"
        return f"https://{self.config.domain}" if self.config.domain else self.api.attr_api_endpoint

    def _layers(self) -> dict[Layer, str]:
        local = self.config.local
        layers: tuple[tuple[Layer, str, packaging.Package], ...] = (
            ("dependencies", "Third-party wheels, as uv.lock pins them", packaging.dependencies(local=local)),
            ("core", "What all functions share", packaging.core(local=local)),
        )
        made = {}
        for name, description, package in layers:
            content = asset(self, f"{name.capitalize()}Code", package)
            layer = lambda_.CfnLayerVersion(
                self,
                f"{name.capitalize()}Layer",
                description=description,
                content=lambda_.CfnLayerVersion.ContentProperty(s3_bucket=content.s3_bucket_name, s3_key=content.s3_object_key),
                compatible_runtimes=["python3.13"],
                compatible_architectures=["arm64"],
            )
            made[name] = layer.ref
        return made

    def _environment(self, spec: Function) -> dict[str, str]:
        """Of the function's settings, the values that only the infrastructure knows."""
        data = self.data
        known: dict[str, Any] = {
            "stage": self.config.stage,
            "client": self.config.client(spec.name),
            "currency": self.config.currency,
            "bus": self.bus.event_bus_name,
            "lake": self.lake.stream.ref,
            "schedule_prefix": self.one_shots.prefix,
            "schedule_role": self.one_shots.role.attr_arn,
            **{one.name: self._arn(one) for one in FUNCTIONS if one.woken and (one.named or one.name in self.functions)},
            "site": self.url,
            "sender": self.config.sender,
            "sentiment": self.config.sentiment,
            "loopback": self.config.local,
            "raise_failures": self.config.local,
            "user_pool": data.user_pool.user_pool_id,
            "user_pool_client": self.client.ref,
            "issuer": f"https://{data.user_pool.user_pool_provider_name}",  # the embedded AWS knows no provider URL
            **{f"table_{name}": table.table_name for name, table in data.tables.items()},
            **{f"bucket_{name}": bucket.bucket_name for name, bucket in data.buckets.items()},
        }
        return spec.settings(**{name: known[name] for name in spec.settings.names() if name in known}).env()

    def _arn(self, spec: Function) -> str:
        """Of one with a fixed name as a text: whoever wakes itself cannot refer to itself."""
        if not spec.named:
            return self.functions[spec.name].function.attr_arn
        return f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{self.config.function(spec.name)}"

    def _user_pool_client(self) -> cognito.CfnUserPoolClient:
        """For the browser: authorization code with PKCE, no secret, tokens of an hour."""
        back = [f"{self.url}/", *([self.config.callback] if self.config.callback else [])]
        return cognito.CfnUserPoolClient(
            self,
            "SignIn",
            user_pool_id=self.data.user_pool.user_pool_id,
            allowed_o_auth_flows_user_pool_client=True,
            allowed_o_auth_flows=["code"],
            allowed_o_auth_scopes=["openid", "email"],
            callback_ur_ls=back,
            logout_ur_ls=back,
            explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH"],  # people sign in on the login page, and nowhere else
            generate_secret=False,
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            supported_identity_providers=["COGNITO"],
            access_token_validity=60,
            id_token_validity=60,
            refresh_token_validity=30,
            token_validity_units=cognito.CfnUserPoolClient.TokenValidityUnitsProperty(
                access_token="minutes",  # noqa: S106
                id_token="minutes",  # noqa: S106
                refresh_token="days",  # noqa: S106
            ),
            read_attributes=["email", "email_verified"],
            write_attributes=["email"],
        )

    def _subscriptions(self) -> None:
        """Who reads the log lines of another function, and which of them."""
        for reader in self.functions.values():
            if reader.spec.lines is None:
                continue
            writer, word = reader.spec.lines
            group = self.functions[writer].log_group
            permission = lambda_.CfnPermission(
                self,
                f"LogMayInvoke{reader.node.id}",
                action="lambda:InvokeFunction",
                function_name=reader.function.attr_arn,
                principal="logs.amazonaws.com",
                source_arn=group.attr_arn,
                source_account=Aws.ACCOUNT_ID,
            )
            subscription = logs.CfnSubscriptionFilter(
                self,
                f"{reader.node.id}Lines",
                log_group_name=group.ref,
                filter_pattern=word,
                destination_arn=reader.function.attr_arn,
            )
            subscription.add_dependency(permission)  # the service tries the permission out

    def _routes(self) -> None:
        authorizer = self._authorizer()
        integrations = {name: self._integration(self.functions[name]) for name in sorted({route.function for route in ROUTES})}
        for route in ROUTES:
            made = api.CfnRoute(
                self,
                _id(route),
                api_id=self.api.ref,
                route_key="$default" if route.path == "$default" else f"{route.method} {route.path}",
                target=f"integrations/{integrations[route.function].ref}",
                operation_name=route.operation,
                authorization_type="NONE" if route.public else "CUSTOM",
                authorizer_id=None if route.public else authorizer.ref,
            )
            if route.public:
                acknowledge(made, "AwsSolutions-APIG4", "public pages, a link with a token, the answer to a path that is none")

    def _authorizer(self) -> api.CfnAuthorizer:
        function = self.functions["authorize"].function
        authorizer = api.CfnAuthorizer(
            self,
            "Authorizer",
            api_id=self.api.ref,
            name="authorize",
            authorizer_type="REQUEST",
            authorizer_payload_format_version="2.0",
            enable_simple_responses=True,
            identity_source=["$request.header.Authorization"],
            authorizer_result_ttl_in_seconds=AUTHORIZATION_SECONDS,
            authorizer_uri=_invocation(function),
        )
        self._may_invoke("Authorizer", function, f"authorizers/{authorizer.ref}")
        return authorizer

    def _integration(self, function: DeployedFunction) -> api.CfnIntegration:
        name = function.spec.name
        self._may_invoke(name.capitalize(), function.function, "*/*")
        return api.CfnIntegration(
            self,
            f"{name.capitalize()}Integration",
            api_id=self.api.ref,
            integration_type="AWS_PROXY",
            integration_uri=function.function.attr_arn,
            payload_format_version="2.0",
            timeout_in_millis=min(30, function.spec.timeout + 1) * 1000,
        )

    def _may_invoke(self, id: str, function: lambda_.CfnFunction, path: str) -> None:
        lambda_.CfnPermission(
            self,
            f"ApiMayInvoke{id}",
            action="lambda:InvokeFunction",
            function_name=function.attr_arn,
            principal="apigateway.amazonaws.com",
            source_arn=f"arn:{Aws.PARTITION}:execute-api:{Aws.REGION}:{Aws.ACCOUNT_ID}:{self.api.ref}/{path}",
        )

    def _stage(self) -> api.CfnStage:
        """`$default`: no stage name in any path. One access log line a request, without address, header or query."""
        group = log_group(self, "AccessLog", self.config)
        fields = {
            "time": "$context.requestTime",
            "request_id": "$context.requestId",
            "route": "$context.routeKey",
            "status": "$context.status",
            "latency_ms": "$context.responseLatency",
            "integration_ms": "$context.integrationLatency",
            "integration_error": "$context.integrationErrorMessage",
            "authorizer_error": "$context.authorizer.error",
            "bytes": "$context.responseLength",
        }
        return api.CfnStage(
            self,
            "Stage",
            api_id=self.api.ref,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=api.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=RATE, throttling_burst_limit=BURST, detailed_metrics_enabled=False
            ),
            access_log_settings=api.CfnStage.AccessLogSettingsProperty(
                # Not the group's own ARN, which ends in `:*`: the service would show another one than was set.
                destination_arn=f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{group.ref}",
                format=json.dumps(fields, separators=(",", ":")),
            ),
        )

    def _domain(self) -> None:
        if self.edge:
            CfnOutput(self, "EdgeTarget", value=self.edge.target, description="The distribution; a domain's CNAME points here")
            return
        if not self.config.domain:
            return
        name = api.CfnDomainName(
            self,
            "Domain",
            domain_name=self.config.domain,
            domain_name_configurations=[
                api.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=self.config.certificate, endpoint_type="REGIONAL", security_policy="TLS_1_2"
                )
            ],
        )
        api.CfnApiMapping(self, "DomainMapping", api_id=self.api.ref, domain_name=name.ref, stage=self.stage.ref)
        CfnOutput(self, "DomainTarget", value=name.attr_regional_domain_name, description="Point the domain's CNAME here")
        CfnOutput(self, "DomainZone", value=name.attr_regional_hosted_zone_id, description="Route 53 zone of an alias record")

    def _outputs(self) -> None:
        for id, value, description in (
            ("ApiUrl", self.url, "The API's root"),
            ("BusName", self.bus.event_bus_name, "Everything that happens in Slipway"),
            ("BusArn", self.bus.event_bus_arn, "For a rule in another stack or account"),
            ("SampleRule", json.dumps(pattern(ProductCreated, ProductUpdated)), "The pattern of a rule on the bus, as a start"),
            ("UserPoolClientId", self.client.ref, "What a browser signs in with"),
            ("RolloutAlarms", self.rings.topic.topic_arn, "Where alarms go that guard rollouts: the topic's ARN"),
            ("DeadLettersUrl", self.dead_letters.queue_url, "Events that no function could handle"),
        ):
            CfnOutput(self, id, value=value, description=description)


def _id(route: Route) -> str:
    """`PatchProductsId`: the logical id says what the route is."""
    if route.path == "$default":
        return "DefaultRoute"
    words = [word.strip("{}").capitalize() for word in route.path.split("/")[2:]]
    return "Route" + route.method.capitalize() + "".join(words)


def _invocation(function: lambda_.CfnFunction) -> str:
    return Fn.join(
        "",
        [
            f"arn:{Aws.PARTITION}:apigateway:{Aws.REGION}:lambda:path/2015-03-31/functions/",
            function.attr_arn,
            "/invocations",
        ],
    )
