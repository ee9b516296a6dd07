"""What a container prints, passed on while it runs, and its end."""

from __future__ import annotations

import codecs
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator

from .container import Container, State
from .control import Control

LAST_WORDS_WITHIN_S = 5.0
TIDIED_WITHIN_S = 60.0
LOOK_FIRST_AFTER_S = 0.01
LOOK_LAST_AFTER_S = 1.0


class Following:
    """A container that is started, and whose text is read on a thread of its own.

    Parameters
    ----------
    write : callable
        Called with ``"stdout"`` or ``"stderr"`` and text, on that thread, in a copy of this context.

    Raises
    ------
    ContainerEngineError
        If the engine cannot start it.
    """

    def __init__(self, container: Container, write: Callable[[str, str], None], control: Control) -> None:
        self._container = container
        self._control = control
        self._write = write
        self._ended = False
        self._problem: Exception | None = None
        self._printed = container.start()
        self._reader = threading.Thread(
            target=contextvars.copy_context().run, args=(self._read,), name="flyte_nb-container-output", daemon=True
        )
        self._reader.start()

    def wait(self, look_every_s: float, look: Callable[[], None]) -> State:
        """How it ended; everything it printed has then been passed on. Meanwhile `look` is called now and then.

        Raises
        ------
        Stopped
            As soon as somebody wants that. The container goes on.
        Exception
            Whatever `write` raised; so too.
        """
        look_at = time.monotonic() + look_every_s
        pause_s, tidied_by = LOOK_FIRST_AFTER_S, 0.0
        while True:
            ended = self._ended
            if self._problem is not None:
                raise self._problem
            if ended:  # a container may close its output and go on, so it is asked
                state = self._container.state()
                if not state.running:
                    tidied_by = tidied_by or time.monotonic() + TIDIED_WITHIN_S
                    if state.tidied or time.monotonic() > tidied_by:
                        return state
            left_s = max(0.0, look_at - time.monotonic())
            self._control.news.wait(min(left_s, pause_s) if ended else left_s)
            self._control.news.clear()
            self._control.check()
            if ended:
                pause_s = min(2 * pause_s, LOOK_LAST_AFTER_S)
            if time.monotonic() >= look_at:
                look()
                look_at = time.monotonic() + look_every_s

    def stop(self) -> None:
        """Stop the container, and pass on its last words."""
        self._container.stop()
        self._reader.join(LAST_WORDS_WITHIN_S)

    def _read(self) -> None:
        try:
            self._pass_on()
        except Exception as error:  # what is printed here may go anywhere, such as to a closed file
            self._problem = error
        self._ended = True
        self._control.news.set()

    def _pass_on(self) -> None:
        decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        for pieces in self._pieces():
            for (name, decoder), piece in zip(decoders.items(), pieces, strict=True):
                if piece:
                    self._write(name, decoder.decode(piece))
        for name, decoder in decoders.items():
            if rest := decoder.decode(b"", final=True):
                self._write(name, rest)

    def _pieces(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        with contextlib.suppress(OSError):  # the engine is gone, which whoever asks it next is told
            yield from self._printed
