"""telemelya with its stores in memory. Run by the interpreter it is installed for: `python -P telemelya_app.py PORT`.

It wants a Redis and an S3 beside it; neither is what is tested, and this way one process is all there is.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import fakeredis
import uvicorn
from telemelya.server import state
from telemelya.server.app import app
from telemelya.server.media import media_manager


class MemoryMedia:
    """What was uploaded, by its place."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], bytes] = {}

    async def connect(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def upload(self, session_id: str, file_id: str, filename: str, data: bytes, _content_type: str = "") -> None:
        self._kept[session_id, file_id, filename] = data

    async def download(self, session_id: str, file_id: str, filename: str) -> bytes | None:
        return self._kept.get((session_id, file_id, filename))


memory = MemoryMedia()
for name in ("connect", "close", "upload", "download"):
    setattr(media_manager, name, getattr(memory, name))
state.redis = SimpleNamespace(from_url=lambda _url, **_options: fakeredis.FakeAsyncRedis(decode_responses=True))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
