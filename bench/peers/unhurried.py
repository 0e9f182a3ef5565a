"""Evaluation with time enough, as in `bench.peers.patient`."""

from functions.evaluate import handler as evaluate
from slipway.adapters import connect

evaluate.PATIENCE = evaluate.HURRY = connect.CONNECT = 60.0
handler = evaluate.handler
