"""HTTP clients for adapters: proxy, certificates, user agent and redirects in one place.

Nothing here loads a client library before a client is asked for.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surecast.channel import Context
from surecast.errors import ConfigError

if TYPE_CHECKING:
    import httpx

    from surecast.transport.abortable import RequestsSession

#: The most connections of one client at once.
CONNECTIONS = 16

#: Where the environment names other trusted certificates; the first that is set counts, for every client alike.
BUNDLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@cache
def user_agent() -> str:
    """``surecast/<version>``."""
    from importlib import metadata  # noqa: PLC0415 - loads more than all of this module

    try:
        return f"surecast/{metadata.version('surecast')}"
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "surecast"


def tls_context(context: Context) -> ssl.SSLContext:
    """The certificates that every client trusts.

    These are the usual authorities, or the environment's where it may speak, and `context.ca_file` besides: behind
    a proxy that opens connections, some hosts still show their own certificates. Made once for all channels.

    Raises:
        ConfigError: a file holds no certificates or cannot be read.
    """
    named = next(filter(None, map(os.environ.get, BUNDLES)), None) if context.use_environment else None
    return _tls_context(named, context.ca_file)


def httpx_options(context: Context) -> dict[str, Any]:
    """The arguments for SDKs that build their own httpx client, without a time-out.

    A redirect raises `httpx.TooManyRedirects` even where the SDK follows redirects: a post that is answered so is in
    doubt, and credentials must not travel on.
    """
    import httpx  # noqa: PLC0415 - loaded when the first client is built

    tls = tls_context(context)
    proxy = None
    if context.proxy is not None:
        secure = context.proxy.lower().startswith("https:")
        proxy = httpx.Proxy(context.proxy, ssl_context=tls if secure else None)
    return {
        "verify": tls,
        "proxy": proxy,
        "trust_env": context.use_environment,
        "headers": {"User-Agent": user_agent()},
        "limits": httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        "max_redirects": 0,
    }


def httpx_client(context: Context, timeout_s: float, *, keep_alive: bool = True) -> httpx.AsyncClient:
    """A client for the running loop; redirects are answers like any other.

    Args:
        timeout_s: the longest wait for connecting, for a free connection, and between two pieces of data, in seconds;
            bound the whole call with `asyncio.timeout`.
        keep_alive: whether connections are used again.
    """
    import httpx  # noqa: PLC0415 - loaded when the first client is built

    options = httpx_options(context)
    if not keep_alive:
        options["limits"] = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, **options)


def requests_session(context: Context, keep_alive: bool = False) -> RequestsSession:
    """A session for SDKs on requests; see `RequestsSession.run` for calls that end at their deadline.

    A redirect raises `requests.TooManyRedirects`, as in `httpx_options`.
    """
    from surecast.transport.abortable import RequestsSession  # noqa: PLC0415 - loads requests

    return RequestsSession(
        tls=tls_context(context),
        agent=user_agent(),
        proxy=context.proxy,
        use_environment=context.use_environment,
        keep_alive=keep_alive,
    )


@cache
def _tls_context(bundle: str | None, ca_file: str | None) -> ssl.SSLContext:
    if bundle is None:
        import certifi  # noqa: PLC0415 - a dependency of httpx and requests

        bundle = certifi.where()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks names and certificates, and trusts nobody yet
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in filter(None, (bundle, ca_file)):
        _trust(tls, Path(path))
    return tls


def _trust(tls: ssl.SSLContext, path: Path) -> None:
    try:
        if path.is_dir():
            tls.load_verify_locations(capath=path)
        else:
            tls.load_verify_locations(cafile=path)
    except OSError as error:
        raise ConfigError(
            f"The certificates in {path} cannot be read ({type(error).__name__}). "
            "Name a PEM file as ca_file under [network], or correct the environment variable that names it."
        ) from error
