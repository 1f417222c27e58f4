"""raphson for asyncio: what `raphson.Client` does, awaited.

>>> import asyncio, raphson.aio
>>> async def main():
...     async with raphson.aio.connect() as client:
...         return await asyncio.gather(
...             *[client.solve("x**2 = p", {"x": 1.0}, {"p": p}) for p in (1.0, 2.0, 3.0)]
...         )
>>> [root["x"] for root in asyncio.run(main())]
[1.0, 1.41421356237…, 1.73205080757…]

Results and errors are those of `raphson`.
"""

from raphson.aio.client import Client
from raphson.aio.connection import connect
from raphson.branch import AwaitedBranch as Branch
from raphson.roots import AwaitedRootSearch as RootSearch

__all__ = ["Branch", "Client", "RootSearch", "connect"]
