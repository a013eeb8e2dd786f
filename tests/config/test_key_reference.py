from __future__ import annotations

import tomllib
from pathlib import Path

from surecast import channels
from surecast.config import load_config, reference
from surecast.config.channel_terms import ChannelTerms
from surecast.config.fields import fields_of
from surecast.config.key_reference import BEGIN, END, renewed
from surecast.config.tables import Breaker, Network, Person
from surecast.config.values import Config, UrgencyTimes
from tests.config.fakes import KINDS, write

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_says_what_the_declarations_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page), "write it anew: python -m surecast.config docs/configuration.md"


def test_every_declared_key_has_a_row() -> None:
    text = reference()
    declared = [Config, ChannelTerms, Network, Breaker, Person, UrgencyTimes]
    declared += [channels.load(name).settings for name in channels.names()]
    for one in declared:
        for field in fields_of(one):
            if field.key not in ("network", "breaker", "catch_up", "watch", "people"):
                assert f"| `{field.key}` | {field.shape.words} |" in text
                assert field.about in text


def test_what_is_required_and_what_has_a_default_is_said() -> None:
    rows = reference().splitlines()
    assert "| `sender` | text | must be written | Who speaks; readers see it. |" in rows
    assert any(row.startswith('| `keep` | time span | `"90 days"` |') for row in rows)
    (within,) = [row for row in rows if row.startswith("| `within` |") and "emergency" in row]
    assert "10 min (low), 1 min (normal), 15 s (urgent), 10 s (emergency)" in within


def test_only_what_stands_between_the_markers_is_written_anew() -> None:
    page = renewed(f"before\n{BEGIN}\nold rows\n{END}\nafter\n", kinds=KINDS)
    assert page.startswith(f"before\n{BEGIN}\n")
    assert page.endswith(f"{END}\nafter\n")
    assert "old rows" not in page
    assert renewed(page, kinds=KINDS) == page


def test_the_first_example_on_the_page_can_be_used(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    first = page.partition("```toml\n")[2].partition("```")[0]
    assert tomllib.loads(first)["sender"] == "Harbour Ferries"
    assert load_config(write(tmp_path, first)).mistakes == ()
