"""`slipway.ports.Directory` over a Cognito user pool."""

from __future__ import annotations

from typing import Any

from slipway.adapters import boto
from slipway.adapters.client import Counts, Refused


class CognitoDirectory:
    def __init__(self, pool: str, cognito: Any = None) -> None:
        self.pool = pool
        self.counts = Counts()
        self._client = cognito or boto.client("cognito-idp")

    def add(self, username: str, email: str) -> None:
        self._unless(
            "UsernameExistsException",
            "AdminCreateUser",
            self._client.admin_create_user,
            Username=username,
            UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            DesiredDeliveryMediums=["EMAIL"],
        )

    def remove(self, username: str) -> None:
        # Signed out first: a deleted user's refresh tokens are void, a refusal in between leaves him signed out.
        for operation, method in (
            ("AdminUserGlobalSignOut", self._client.admin_user_global_sign_out),
            ("AdminDeleteUser", self._client.admin_delete_user),
        ):
            self._unless("UserNotFoundException", operation, method, Username=username)

    def _unless(self, code: str, operation: str, method: Any, **request: Any) -> None:
        try:
            boto.call(operation, method, self.counts, UserPoolId=self.pool, **request)
        except Refused as refused:
            if refused.code != code:
                raise
