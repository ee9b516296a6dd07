"""What arrives from a cluster reaches the loop that it is for, in order."""

from __future__ import annotations

import asyncio

from flyte_nb.backends.dask.mail import Mail


def test_what_cannot_be_delivered_is_told_and_holds_up_nothing_behind_it() -> None:
    async def deliver() -> tuple[list[str], list[str]]:
        loop = asyncio.get_running_loop()
        arrived: list[str] = []
        told: list[str] = []
        last = asyncio.Event()
        loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        mail = Mail(loop)

        def fails() -> None:
            raise ValueError("not to be read")

        for deliver in (lambda: arrived.append("first"), fails, lambda: arrived.append("second"), fails, last.set):
            mail.post(deliver)
        await asyncio.wait_for(last.wait(), 60)
        return arrived, told

    arrived, told = asyncio.run(deliver())

    assert arrived == ["first", "second"]
    assert told == ["not to be read", "not to be read"]
