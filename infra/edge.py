"""The edge, where a deployment asks for one: a CloudFront distribution before the API.

It takes TLS near the caller and answers the public pages from its cache for as long as they say; every other request goes
through as it came, whatever its path: a new route is never cached by mistake.
"""

from __future__ import annotations

from aws_cdk import Duration, Fn
from aws_cdk import aws_apigatewayv2 as api
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from constructs import Construct

from infra.checks import acknowledge
from infra.config import Config
from infra.routes import BOARDS, PAGES

# CloudFront keeps errors for ten seconds unless told otherwise, whoever asked and whatever they say.
NEVER_KEPT = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
# Of one request; on a page from the cache they would be another one's.
_OF_A_REQUEST = ("x-request-id", "x-correlation-id", "traceparent")


class Edge(Construct):
    """`host`: the name that callers use."""

    def __init__(self, scope: Construct, http: api.CfnApi, config: Config) -> None:
        super().__init__(scope, "Edge")
        origin = origins.HttpOrigin(
            Fn.select(2, Fn.split("/", http.attr_api_endpoint)),
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
        )
        https = cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS
        page = cloudfront.BehaviorOptions(
            origin=origin,
            viewer_protocol_policy=https,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,  # what a page does not take, the API itself refuses
            cache_policy=cloudfront.CachePolicy(
                self,
                "Pages",
                comment="The public pages, for as long as they say",
                min_ttl=Duration.seconds(0),
                default_ttl=Duration.seconds(0),
                max_ttl=Duration.days(1),
                query_string_behavior=cloudfront.CacheQueryStringBehavior.allow_list("page"),
                enable_accept_encoding_brotli=True,
                enable_accept_encoding_gzip=True,
            ),
            response_headers_policy=cloudfront.ResponseHeadersPolicy(
                self,
                "PageHeaders",
                comment="What belongs to one request; that pages of others may read it",
                remove_headers=list(_OF_A_REQUEST),
                cors_behavior=cloudfront.ResponseHeadersCorsBehavior(
                    access_control_allow_credentials=False,
                    access_control_allow_headers=["*"],
                    access_control_allow_methods=["GET", "HEAD"],
                    access_control_allow_origins=["*"],
                    origin_override=True,
                ),
            ),
        )
        through = cloudfront.BehaviorOptions(
            origin=origin,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        )
        certificate = acm.Certificate.from_certificate_arn(self, "Certificate", config.certificate) if config.domain else None
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"Slipway ({config.stage})",
            default_behavior=through,
            additional_behaviors=dict.fromkeys((*PAGES, BOARDS), page),
            error_responses=[cloudfront.ErrorResponse(http_status=status, ttl=Duration.seconds(0)) for status in NEVER_KEPT],
            domain_names=[config.domain] if config.domain else None,
            certificate=certificate,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if config.domain else None,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        )
        self.target = distribution.distribution_domain_name
        self.host = config.domain or self.target
        for finding, reason in (
            ("AwsSolutions-CFR1", "an API for people and programs everywhere; no country is refused"),
            ("AwsSolutions-CFR2", "a firewall costs by the hour, idle or not; the API throttles and the authorizer refuses"),
            ("AwsSolutions-CFR3", "the API logs each request that reaches it; what the edge answers itself is public pages"),
            *(() if config.domain else [("AwsSolutions-CFR4", "CloudFront's own name comes with its own TLS policy")]),
        ):
            acknowledge(distribution, finding, reason)
