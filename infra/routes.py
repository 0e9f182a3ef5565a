"""THE TABLE: every route of the API, the function that answers it, and the operation that it is.

Who may call an operation stands in `slipway.access.OPERATIONS`; a route without an operation is public: it has no authorizer.
"""

from __future__ import annotations

from typing import NamedTuple

# Public files of `$default` that name how long they may be kept (`functions/site`).
PAGES = ("/", "/docs", "/openapi.json", "/style.css", "/favicon.svg", "/favicon.ico")


class Route(NamedTuple):
    method: str
    path: str
    function: str
    operation: str | None = None

    @property
    def public(self) -> bool:
        return self.operation is None


ROUTES = (
    Route("POST", "/v1/products", "products", "products.create"),
    Route("GET", "/v1/products", "products", "products.list"),
    Route("POST", "/v1/products/batch", "products", "products.batch"),
    Route("GET", "/v1/products/export", "products", "products.export"),
    Route("POST", "/v1/products/import", "products", "products.import"),
    Route("GET", "/v1/products/{id}", "products", "products.read"),
    Route("PATCH", "/v1/products/{id}", "products", "products.update"),
    Route("DELETE", "/v1/products/{id}", "products", "products.archive"),
    Route("POST", "/v1/products/{id}/restore", "products", "products.restore"),
    Route("GET", "/v1/products/{id}/versions", "products", "products.versions"),
    Route("POST", "/v1/flags", "flags", "flags.create"),
    Route("GET", "/v1/flags", "flags", "flags.list"),
    Route("GET", "/v1/flags/export", "flags", "flags.export"),
    Route("POST", "/v1/flags/import", "flags", "flags.import"),
    Route("GET", "/v1/flags/{key}", "flags", "flags.read"),
    Route("PATCH", "/v1/flags/{key}", "flags", "flags.update"),
    Route("POST", "/v1/flags/{key}/archive", "flags", "flags.archive"),
    Route("POST", "/v1/flags/{key}/restore", "flags", "flags.restore"),
    Route("POST", "/v1/flags/{key}/revert", "flags", "flags.revert"),
    Route("POST", "/v1/flags/{key}/rehash", "flags", "flags.rehash"),
    Route("GET", "/v1/flags/{key}/versions", "flags", "flags.versions"),
    Route("GET", "/v1/flags/{key}/usage", "flags", "flags.usage"),
    Route("GET", "/v1/flags/{key}/environments", "flags", "configurations.list"),
    Route("GET", "/v1/flags/{key}/environments/{environment}", "flags", "configurations.read"),
    Route("PATCH", "/v1/flags/{key}/environments/{environment}", "flags", "configurations.update"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/revert", "flags", "configurations.revert"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/copy", "flags", "configurations.copy"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/off", "flags", "configurations.off"),
    Route("GET", "/v1/flags/{key}/environments/{environment}/versions", "flags", "configurations.versions"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/explain", "flags", "configurations.explain"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/preview", "flags", "configurations.preview"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts", "flags", "rollouts.create"),
    Route("GET", "/v1/flags/{key}/environments/{environment}/rollouts", "flags", "rollouts.list"),
    Route("GET", "/v1/flags/{key}/environments/{environment}/rollouts/{id}", "flags", "rollouts.read"),
    Route("GET", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/versions", "flags", "rollouts.versions"),
    Route("GET", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/evidence", "flags", "rollouts.evidence"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/dry-run", "flags", "rollouts.dry_run"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/start", "flags", "rollouts.start"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/pause", "flags", "rollouts.pause"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/resume", "flags", "rollouts.resume"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/advance", "flags", "rollouts.advance"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/stop", "flags", "rollouts.stop"),
    Route("POST", "/v1/flags/{key}/environments/{environment}/rollouts/{id}/roll-back", "flags", "rollouts.roll_back"),
    Route("POST", "/v1/rollout-templates", "flags", "templates.create"),
    Route("GET", "/v1/rollout-templates", "flags", "templates.list"),
    Route("GET", "/v1/rollout-templates/{key}", "flags", "templates.read"),
    Route("PATCH", "/v1/rollout-templates/{key}", "flags", "templates.update"),
    Route("DELETE", "/v1/rollout-templates/{key}", "flags", "templates.delete"),
    Route("GET", "/v1/rollout-templates/{key}/versions", "flags", "templates.versions"),
    Route("POST", "/v1/segments", "flags", "segments.create"),
    Route("GET", "/v1/segments", "flags", "segments.list"),
    Route("GET", "/v1/segments/{key}", "flags", "segments.read"),
    Route("PATCH", "/v1/segments/{key}", "flags", "segments.update"),
    Route("DELETE", "/v1/segments/{key}", "flags", "segments.delete"),
    Route("GET", "/v1/segments/{key}/versions", "flags", "segments.versions"),
    Route("GET", "/v1/segments/{key}/uses", "flags", "segments.uses"),
    Route("POST", "/v1/environments", "flags", "environments.create"),
    Route("GET", "/v1/environments", "flags", "environments.list"),
    Route("GET", "/v1/environments/{environment}", "flags", "environments.read"),
    Route("PATCH", "/v1/environments/{environment}", "flags", "environments.update"),
    Route("DELETE", "/v1/environments/{environment}", "flags", "environments.delete"),
    Route("GET", "/v1/environments/{environment}/versions", "flags", "environments.versions"),
    Route("POST", "/v1/proposals", "flags", "proposals.open"),
    Route("GET", "/v1/proposals", "flags", "proposals.list"),
    Route("GET", "/v1/proposals/{id}", "flags", "proposals.read"),
    Route("POST", "/v1/proposals/{id}/approve", "flags", "proposals.approve"),
    Route("POST", "/v1/proposals/{id}/apply", "flags", "proposals.apply"),
    Route("POST", "/v1/proposals/{id}/reject", "flags", "proposals.reject"),
    Route("POST", "/v1/schedules", "flags", "schedules.plan"),
    Route("GET", "/v1/schedules", "flags", "schedules.list"),
    Route("GET", "/v1/schedules/{id}", "flags", "schedules.read"),
    Route("POST", "/v1/schedules/{id}/cancel", "flags", "schedules.cancel"),
    Route("POST", "/v1/keys", "access", "keys.create"),
    Route("GET", "/v1/keys", "access", "keys.list"),
    Route("GET", "/v1/keys/{id}", "access", "keys.read"),
    Route("POST", "/v1/keys/{id}/rotate", "access", "keys.rotate"),
    Route("POST", "/v1/keys/{id}/revoke", "access", "keys.revoke"),
    Route("POST", "/v1/members", "access", "members.invite"),
    Route("GET", "/v1/members", "access", "members.list"),
    Route("GET", "/v1/members/{id}", "access", "members.read"),
    Route("PATCH", "/v1/members/{id}", "access", "members.update"),
    Route("DELETE", "/v1/members/{id}", "access", "members.remove"),
    Route("GET", "/v1/me", "access", "me.read"),
    Route("POST", "/v1/events", "collect", "signals.collect"),
    Route("POST", "/ofrep/v1/track", "collect", "signals.track"),
    Route("GET", "/v1/flags/{key}/adoption", "signals", "flags.adoption"),
    Route("GET", "/v1/metrics/{name}", "signals", "metrics.read"),
    Route("GET", "/v1/audit", "audit", "audit.list"),
    Route("POST", "/v1/feedback", "feedback", "feedback.submit"),
    Route("POST", "/v1/feedback/form", "feedback", "feedback.form"),
    Route("GET", "/v1/feedback/{id}", "feedback", "feedback.read"),
    Route("POST", "/v1/people/export", "feedback", "people.export"),
    Route("POST", "/v1/people/erase", "feedback", "people.erase"),
    Route("POST", "/v1/surveys", "surveys", "surveys.create"),
    Route("GET", "/v1/surveys", "surveys", "surveys.list"),
    Route("POST", "/v1/surveys/prompt", "surveys", "surveys.prompt"),
    Route("GET", "/v1/surveys/{id}", "surveys", "surveys.read"),
    Route("PATCH", "/v1/surveys/{id}", "surveys", "surveys.update"),
    Route("DELETE", "/v1/surveys/{id}", "surveys", "surveys.delete"),
    Route("GET", "/v1/surveys/{id}/versions", "surveys", "surveys.versions"),
    Route("GET", "/v1/surveys/{id}/results", "surveys", "surveys.results"),
    Route("POST", "/ofrep/v1/evaluate/flags/{key}", "evaluate", "flags.evaluate"),
    Route("POST", "/ofrep/v1/evaluate/flags", "evaluate", "flags.evaluate_all"),
    Route("GET", "/v1/environments/{environment}/snapshot", "evaluate", "flags.snapshot"),
    Route("GET", "/openfeature/v0/manifest", "flags", "manifest.read"),
    Route("POST", "/openfeature/v0/manifest/flags", "flags", "manifest.create"),
    Route("PUT", "/openfeature/v0/manifest/flags/{key}", "flags", "manifest.update"),
    Route("DELETE", "/openfeature/v0/manifest/flags/{key}", "flags", "manifest.archive"),
    # The page, /docs, /openapi.json, and a problem for every path or method that is not above.
    Route("ANY", "$default", "site"),
)
