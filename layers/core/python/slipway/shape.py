"""What every model of the API has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """No unknown field is taken, none is set again, and nothing is built before it is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Writing(Shape):
    """The query of a write."""

    validate_only: bool = Field(default=False, description="answer what would be, and write nothing")


def absent() -> Any:
    """Of a field that a patch does not name; which ones it names is in `model_fields_set`."""
    return None
