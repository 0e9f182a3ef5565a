"""What a deployment with `edge` puts before its API: only public pages are ever kept, all else goes through as it came."""

from __future__ import annotations

from functions.site import handler as site
from infra.routes import BOARDS, PAGES
from tests.infra.assemblies import CONTEXTS
from tests.infra.conftest import Assembly

DISABLED, ALL_BUT_HOST = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AWS's own policies


def test_there_is_no_edge_unless_asked_for(aws: Assembly) -> None:
    assert not aws.of("AWS::CloudFront::Distribution")


def test_only_public_pages_are_kept(edge: Assembly) -> None:
    assert set(PAGES) == set(site.PAGES)
    [distribution] = edge.of("AWS::CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    through = config["DefaultCacheBehavior"]
    assert (through["CachePolicyId"], through["OriginRequestPolicyId"]) == (DISABLED, ALL_BUT_HOST)
    assert through["ViewerProtocolPolicy"] == "https-only"  # a key that was sent over HTTP is lost already
    assert len(through["AllowedMethods"]) == 7
    errors = {told["ErrorCode"]: told["ErrorCachingMinTTL"] for told in config["CustomErrorResponses"]}
    assert {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504} == set(errors)  # all that CloudFront would keep
    assert set(errors.values()) == {0}
    kept = {behavior["PathPattern"]: behavior["CachePolicyId"] for behavior in config["CacheBehaviors"]}
    assert set(kept) == {*PAGES, BOARDS}
    [(id, policy)] = edge.of("AWS::CloudFront::CachePolicy").items()
    assert all(used == {"Ref": id} for used in kept.values())
    # No header or cookie decides about a page, and of the query its number alone; how long it is kept it says itself.
    told = policy["CachePolicyConfig"]
    assert (told["MinTTL"], told["DefaultTTL"]) == (0, 0)
    parameters = told["ParametersInCacheKeyAndForwardedToOrigin"]
    assert parameters["HeadersConfig"] == {"HeaderBehavior": "none"}
    assert parameters["CookiesConfig"] == {"CookieBehavior": "none"}
    assert parameters["QueryStringsConfig"] == {"QueryStringBehavior": "whitelist", "QueryStrings": ["page"]}
    [headers] = edge.of("AWS::CloudFront::ResponseHeadersPolicy").values()
    # The cache knows no origins, so it says the same to all: a page of another one may read what is public.
    shared = headers["ResponseHeadersPolicyConfig"]["CorsConfig"]
    assert shared["AccessControlAllowOrigins"] == {"Items": ["*"]}
    assert shared["AccessControlAllowCredentials"] is False
    removed = headers["ResponseHeadersPolicyConfig"]["RemoveHeadersConfig"]["Items"]
    assert {item["Header"] for item in removed} == {"x-request-id", "x-correlation-id", "traceparent"}


def test_the_edge_has_the_domain(edge: Assembly, edge_domain: Assembly) -> None:
    [plain] = edge.of("AWS::CloudFront::Distribution").values()
    assert "Aliases" not in plain["DistributionConfig"]
    [named] = edge_domain.of("AWS::CloudFront::Distribution").values()
    config = named["DistributionConfig"]
    assert config["Aliases"] == [CONTEXTS["edge-domain"]["domain"]]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert not edge_domain.of("AWS::ApiGatewayV2::DomainName")
    [api] = edge_domain.of("AWS::ApiGatewayV2::Api").values()
    assert api["DisableExecuteApiEndpoint"] is False  # it is what the edge asks
    outputs = edge_domain.templates["Service"]["Outputs"]
    assert outputs["ApiUrl"]["Value"] == "https://api.example.com"
    [client] = edge_domain.of("AWS::Cognito::UserPoolClient").values()
    assert client["CallbackURLs"] == ["https://api.example.com/"]
