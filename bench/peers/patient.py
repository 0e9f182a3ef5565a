"""The authorizer with time enough: under callgrind everything is fifty times slower, and its budget is wall time."""

from functions.authorize import handler as authorize

authorize.BUCKET_BUDGET = 60.0
handler = authorize.handler
