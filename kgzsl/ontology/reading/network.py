"""Answers from the network: bounded in time, and every failure an error of the tree."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from kgzsl.errors import FailureError, Problem

__all__ = ["Answer", "asked"]

_SLOW = 10  # a whole answer may take so many times the timeout
_FAILURES = (OSError, ValueError, http.client.HTTPException)


@dataclass
class Answer:
    """A server's answer, to be read like a file.

    Args:
        url: what was asked.
        kind: its media type, in lower case, without parameters.
    """

    url: str
    kind: str
    _body: IO[bytes]
    _end: float
    _fix: str

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            FailureError: the connection breaks, or the answer takes too long.
        """
        if time.monotonic() > self._end:
            raise FailureError(Problem("the answer takes too long", fix=self._fix, file=self.url))
        try:
            return self._body.read(size)
        except _FAILURES as error:
            raise FailureError(Problem(f"the answer broke off ({error})", fix=self._fix, file=self.url)) from error


@contextmanager
def asked(url: str, *, accept: str, fix: str, timeout: float = 30.0, data: bytes | None = None) -> Iterator[Answer]:
    """Ask a server.

    Args:
        url: the address, http or https.
        accept: the media types that are understood.
        fix: what the user can do if there is no answer.
        timeout: seconds to wait for each block of the answer.
        data: the body of a POST; a GET if None.

    Raises:
        FailureError: another scheme, no answer, or an answer that says that it failed.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise FailureError(Problem("an address that cannot be asked", expected="http or https", fix=fix, file=url))
    headers: Mapping[str, str] = {"Accept": accept, "User-Agent": "kgzsl"}
    try:
        reply = urllib.request.urlopen(urllib.request.Request(url, data, dict(headers)), timeout=timeout)
    except urllib.error.HTTPError as error:
        said = " ".join(error.read(2000).decode("utf-8", "replace").split())[:200]
        got = f"the server answered {error.code} {error.reason}" + (f": {said}" if said else "")
        raise FailureError(Problem(got, fix=fix, file=url)) from error
    except _FAILURES as error:
        reason = getattr(error, "reason", None) or error
        got = f"no answer in {timeout:g} seconds" if isinstance(reason, TimeoutError) else f"no answer ({reason})"
        raise FailureError(Problem(got, fix=fix, file=url)) from error
    with reply:
        kind = reply.headers.get_content_type().lower()
        yield Answer(url, kind, reply, time.monotonic() + _SLOW * timeout, fix)
