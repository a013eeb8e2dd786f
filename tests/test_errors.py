"""The error family: small, and each says what to do."""

from __future__ import annotations

import inspect

import pytest

from surecast import errors
from surecast.errors import ConfigError, Mistake, SurecastError

FAMILY = [thing for _, thing in inspect.getmembers(errors, inspect.isclass) if issubclass(thing, SurecastError)]


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_is_of_the_family_explained_and_in_the_tree(kind: type[SurecastError]) -> None:
    assert kind.__doc__
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__name__.endswith("Error")


def test_a_configuration_tells_all_its_mistakes_at_once() -> None:
    mistakes = (
        Mistake(place="surecast.toml:3 [routes] default", what="No channel is named 'blusky'", cure="Write bluesky."),
        Mistake(place="surecast.toml:9 sender", what="it is empty", cure="Write your name."),
    )
    error = ConfigError("surecast.toml cannot be used.", mistakes)
    assert error.mistakes == mistakes
    assert str(error).splitlines() == [
        "surecast.toml cannot be used.",
        "surecast.toml:3 [routes] default: No channel is named 'blusky'. Write bluesky.",
        "surecast.toml:9 sender: it is empty. Write your name.",
    ]
