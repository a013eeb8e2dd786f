"""Folders with templates of the user's own."""

from __future__ import annotations

from pathlib import Path


def written(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
