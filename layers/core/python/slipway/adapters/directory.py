"""`slipway.ports.Directory` over a Cognito user pool."""

from __future__ import annotations

from typing import Any

from slipway.adapters import boto
from slipway.adapters.client import Counts, Refused
from slipway.ports import StoreUnavailable


class CognitoDirectory:
    def __init__(self, pool: str, cognito: Any = None) -> None:
        self.pool = pool
        self.counts = Counts()
        self._client = cognito or boto.client("cognito-idp")

    def add(self, username: str, email: str) -> str:
        made = self._unless(
            ("UsernameExistsException", "AliasExistsException"),
            "AdminCreateUser",
            self._client.admin_create_user,
            Username=username,
            UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            DesiredDeliveryMediums=["EMAIL"],
        )
        if made is not None:
            return username
        # The pool has one name for both: this user exists, and another one has the address, by which it can be looked up, too.
        for name in (username, email):
            found = self._unless(("UserNotFoundException",), "AdminGetUser", self._client.admin_get_user, Username=name)
            if found is not None:
                return str(found["Username"])
        raise StoreUnavailable("AdminCreateUser: the user exists, AdminGetUser: it does not")

    def remove(self, username: str) -> None:
        # Signed out first: a deleted user's refresh tokens are void, a refusal in between leaves him signed out.
        for operation, method in (
            ("AdminUserGlobalSignOut", self._client.admin_user_global_sign_out),
            ("AdminDeleteUser", self._client.admin_delete_user),
        ):
            self._unless(("UserNotFoundException",), operation, method, Username=username)

    def _unless(self, codes: tuple[str, ...], operation: str, method: Any, **request: Any) -> Any:
        """The answer, None for a refusal with one of these codes."""
        try:
            return boto.call(operation, method, self.counts, UserPoolId=self.pool, **request)
        except Refused as refused:
            if refused.code not in codes:
                raise
            return None
