"""What the front end itself does about calls that it passes on."""

import asyncio
from unittest.mock import AsyncMock, Mock

import grpc
import pytest
from google.rpc.status_pb2 import Status
from raphson_server.aborting import DETAILS_KEY
from raphson_server.front_end.jobs import Jobs
from raphson_server.front_end.seats import Seats


def test_one_caller_does_not_have_all_calls() -> None:
    async def test() -> None:
        jobs, answered = Jobs.__new__(Jobs), asyncio.Event()

        async def answer(*_: object, **__: object) -> bytes:
            await answered.wait()
            return b"answer"

        jobs._channel = Mock(unary_unary=Mock(return_value=answer))
        jobs._unary_seats = Seats(4, "calls about jobs", "max_in_flight", share=0.25)
        first, second, other = (
            Mock(
                peer=Mock(return_value=f"ipv4:{host}:1"),
                time_remaining=Mock(return_value=None),
                abort=AsyncMock(side_effect=grpc.aio.AbortError),
            )
            for host in ("10.0.0.7", "10.0.0.7", "10.0.0.8")
        )
        calls = [asyncio.create_task(jobs._unary("GetJob", b"", context)) for context in (first, other)]
        await asyncio.sleep(0)
        with pytest.raises(grpc.aio.AbortError):
            await jobs._unary("GetJob", b"", second)
        assert second.abort.await_args.args[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        ((key, details),) = second.set_trailing_metadata.call_args.args[0]
        assert key == DETAILS_KEY
        assert "1 calls about jobs from 10.0.0.7" in Status.FromString(details).message
        answered.set()
        assert await asyncio.gather(*calls) == [b"answer", b"answer"]

    asyncio.run(asyncio.wait_for(test(), 20))
