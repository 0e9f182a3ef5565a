"""The authorizer with time enough: under callgrind everything is fifty times slower, and its budget is wall time."""

from functions.authorize import handler as authorize
from slipway.adapters import connect

authorize.BUCKET_BUDGET = connect.CONNECT = 60.0
handler = authorize.handler
