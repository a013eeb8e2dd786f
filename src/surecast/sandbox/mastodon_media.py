"""Uploaded files of the simulated Mastodon (https://docs.joinmastodon.org/methods/media/)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from surecast.sandbox.server import IMAGE_TYPES, RefusedError, image_type

MOST_ATTACHED = 4
MOST_OF_A_DESCRIPTION = 1500
IMAGE_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class Media:
    """An uploaded file. `polls` is how often it must be asked for before it is ready."""

    id: str
    owner: str
    data: bytes
    media_type: str
    description: str
    polls: int
    attached: bool = False


class MediaShelf:
    """All uploaded files of one server.

    Args:
        url: the server's address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._media: dict[str, Media] = {}

    async def take(self, request: web.Request, *, media_id: str, owner: str, polls: int) -> Media:
        """The file of an upload."""
        form = await request.post()
        file, description = form.get("file"), str(form.get("description") or "")
        if not isinstance(file, web.FileField):
            raise _invalid("File can't be blank")
        data = file.file.read()
        media_type = image_type(data)
        if not media_type:
            raise _invalid("File content type is invalid, File is invalid")
        if len(data) > IMAGE_BYTES:
            raise _invalid("File file size must be less than 16 MB, File is invalid")
        if len(description) > MOST_OF_A_DESCRIPTION:
            raise _invalid(f"Description is too long (maximum is {MOST_OF_A_DESCRIPTION} characters)")
        media = Media(media_id, owner, data, media_type, description, polls)
        self._media[media_id] = media
        return media

    def find(self, media_id: str) -> Media | None:
        return self._media.get(media_id)

    def attachable(self, owner: str, ids: Any) -> list[Media]:
        """The files that a status names, if it may have them."""
        wanted = [str(each) for each in (ids if isinstance(ids, list) else [ids])]
        if len(wanted) > MOST_ATTACHED:
            raise _refused(f"Cannot attach more than {MOST_ATTACHED} files")
        usable = {each.id: each for each in self._media.values() if each.owner == owner and not each.attached}
        if missing := [each for each in wanted if each not in usable]:
            raise _refused(f"Media {', '.join(missing)} not found or already attached to another post")
        found = [usable[each] for each in wanted]
        if any(each.polls for each in found):
            raise _refused("Cannot attach files that have not finished processing. Try again in a moment!")
        return found

    def address(self, media: Media) -> str:
        """Where readers get the file."""
        return f"{self._url}/media/{media.id}"

    def about(self, media: Media) -> dict[str, Any]:
        """The file as the API shows it; it has no address until it is ready."""
        url = None if media.polls else self.address(media)
        addresses = {"url": url, "preview_url": url, "remote_url": None, "text_url": None}
        about = {"id": media.id, "type": "image", "description": media.description or None}
        return {**about, **addresses, "meta": {}, "blurhash": None}


def configuration() -> dict[str, Any]:
    """What /api/v2/instance says of uploads."""
    return {
        "description_limit": MOST_OF_A_DESCRIPTION,
        "image_size_limit": IMAGE_BYTES,
        "image_matrix_limit": 33_177_600,
        "supported_mime_types": list(IMAGE_TYPES),
    }


def _invalid(problem: str) -> RefusedError:
    return _refused(f"Validation failed: {problem}")


def _refused(message: str) -> RefusedError:
    return RefusedError(422, {"error": message})
