"""The user pool, on the embedded AWS: every call can be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from slipway.adapters.client import Refused
from slipway.adapters.directory import CognitoDirectory
from slipway.ports import StoreUnavailable
from tests import backends


@pytest.fixture(scope="module")
def cognito() -> Iterator[Any]:
    with backends.ministack() as url:
        yield backends.boto_client("cognito-idp", url)


def test_a_user_is_added_once_and_removed_once(cognito: Any) -> None:
    pool = cognito.create_user_pool(PoolName="people", AliasAttributes=["email"])["UserPool"]["Id"]
    directory = CognitoDirectory(pool, cognito)
    for _ in range(2):
        assert directory.add("mbr_1", "ada@example.com") == "mbr_1"
    (user,) = cognito.list_users(UserPoolId=pool)["Users"]
    attributes = {attribute["Name"]: attribute["Value"] for attribute in user["Attributes"]}
    assert user["Username"] == "mbr_1"
    assert (attributes["email"], attributes["email_verified"]) == ("ada@example.com", "true")
    for _ in range(2):
        directory.remove("mbr_1")
    assert cognito.list_users(UserPoolId=pool)["Users"] == []


def test_a_refusal_is_told() -> None:
    client = backends.boto_client("cognito-idp", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        stubber.add_client_error("admin_create_user", "NotAuthorizedException", http_status_code=400)
        with pytest.raises(Refused, match="NotAuthorized"):
            CognitoDirectory("pool", client).add("mbr_1", "ada@example.com")
        stubber.add_response("admin_user_global_sign_out", {})
        stubber.add_client_error("admin_delete_user", "NotAuthorizedException", http_status_code=400)
        with pytest.raises(Refused, match="NotAuthorized"):
            CognitoDirectory("pool", client).remove("mbr_1")


@pytest.mark.parametrize("code", ["UsernameExistsException", "AliasExistsException"])
def test_an_address_of_another_user_is_told_apart_from_a_user_that_is_there(code: str) -> None:
    client = backends.boto_client("cognito-idp", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        stubber.add_client_error("admin_create_user", code, http_status_code=400)
        stubber.add_client_error(
            "admin_get_user",
            "UserNotFoundException",
            http_status_code=400,
            expected_params={"UserPoolId": "pool", "Username": "mbr_2"},
        )
        holder = {"UserPoolId": "pool", "Username": "ada@example.com"}
        stubber.add_response("admin_get_user", {"Username": "mbr_1"}, holder)
        assert CognitoDirectory("pool", client).add("mbr_2", "ada@example.com") == "mbr_1"
        stubber.assert_no_pending_responses()


def test_an_address_that_is_nobodys_a_moment_later_is_tried_again() -> None:
    client = backends.boto_client("cognito-idp", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        stubber.add_client_error("admin_create_user", "UsernameExistsException", http_status_code=400)
        for _ in range(2):
            stubber.add_client_error("admin_get_user", "UserNotFoundException", http_status_code=400)
        with pytest.raises(StoreUnavailable) as told:
            CognitoDirectory("pool", client).add("mbr_2", "ada@example.com")
        assert "ada" not in str(told.value)


def test_a_user_that_is_gone_half_way_is_removed() -> None:
    client = backends.boto_client("cognito-idp", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        stubber.add_client_error("admin_user_global_sign_out", "UserNotFoundException", http_status_code=400)
        stubber.add_client_error("admin_delete_user", "UserNotFoundException", http_status_code=400)
        CognitoDirectory("pool", client).remove("mbr_1")
        stubber.assert_no_pending_responses()
