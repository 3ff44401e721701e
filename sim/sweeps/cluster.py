"""Blocks on an existing Dask cluster: any number of hosts, SLURM jobs among them.

The scheduler holds descriptions and, for a moment, packed tables; whatever is done is handed over at once, so a
scheduler that dies costs only what was running. A worker that is lost costs its block, which goes to
another one; a block that takes several workers with it is given back as lost. dask.distributed is an extra.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, MachineError
from sim.results.manifest import versions
from sim.sweeps.block import Block, program_digest
from sim.sweeps.executors import LOST, Finished, compute

if TYPE_CHECKING:
    from distributed import Client, Future

WAIT_SECONDS = 20
_PAUSE_SECONDS = 0.2
AHEAD = 2
"""Blocks that are handed out for each thread of the cluster: one to work on, one to begin at once."""
INSTALL = "python -m pip install 'metastatic-seeding[cluster]', or '.[cluster]' in a clone"


def _machine() -> dict[str, Any]:
    """What a worker says of itself."""
    return {"versions": versions(), "program": program_digest()}


def _client(address: str) -> Client:
    """A connection to the scheduler. Raises InputError where there is none."""
    try:
        import distributed
    except ImportError as error:
        raise InputError(f"--cluster needs dask.distributed: {INSTALL}") from error
    if "://" not in address:
        raise InputError(f"--cluster: found {address!r}; an address looks like tcp://host:8786")
    try:
        return distributed.Client(address, timeout=WAIT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"--cluster: no scheduler answers at {address} ({type(error).__name__}); "
            "start one with: dask scheduler --host HOST"
        ) from error


class ClusterExecutor:
    """The workers of a Dask scheduler at `address` (tcp://host:port).

    `shared` is the sweep's folder of parts where every worker sees it under the same path: then the workers
    write their tables there; None sends them back, compressed. `warn` is told of a mixed cluster.
    """

    def __init__(self, address: str, shared: Path | None = None, warn: Callable[[str], None] = lambda text: None):
        self._address, self._shared, self._warn = address, shared, warn

    def execute(
        self, tasks: Sequence[Block], report: Callable[[float], None]
    ) -> Generator[Finished[Block], None, None]:
        """Yield every block as it is done. Raises MachineError when the cluster is gone or runs another program."""
        client = _client(self._address)
        try:
            yield from self._run(client, tasks, report)
        finally:
            client.close(timeout=5)

    def _run(
        self, client: Client, blocks: Sequence[Block], report: Callable[[float], None]
    ) -> Generator[Finished[Block], None, None]:
        from distributed import as_completed

        threads = self._ready(client)
        waiting = iter(blocks)
        block_of: dict[Any, Block] = {}

        def submit(count: int) -> list[Future]:
            futures = []
            for block in (next(waiting, None) for _ in range(count)):
                if block is not None:
                    future = client.submit(compute, block, self._shared, key=f"sweep-{block.name}", pure=False)
                    block_of[future.key] = block
                    futures.append(future)
            return futures

        running = as_completed(submit(AHEAD * max(threads, 1)), loop=client.loop)
        for done, future in enumerate(running, 1):
            block = block_of.pop(future.key)
            packed, lost = self._outcome(future)
            future.release()
            for fresh in submit(1):
                running.add(fresh)
            yield Finished(block, packed, lost=lost)
            report(done)

    def _outcome(self, future: Future) -> tuple[bytes | None, str | None]:
        from distributed import KilledWorker

        if future.status == "cancelled":
            raise MachineError(
                f"the scheduler at {self._address} is gone; what was finished is kept: start a scheduler and "
                "give the same command again"
            )
        error = future.exception()
        if error is None:
            return future.result(), None
        if isinstance(error, KilledWorker):
            return None, LOST
        if isinstance(error, (InputError, MachineError)):
            raise error
        first = next(iter(str(error).strip().splitlines()), "")
        raise MachineError(
            f"a worker of the cluster failed ({type(error).__name__}: {first}); scheduler and workers need "
            f"this program too: {INSTALL}"
        ) from error

    def _ready(self, client: Client) -> int:
        """Wait for a worker, compare what the workers run with what we run; returns their threads."""
        machines = self._introduced(client)
        mine = _machine()
        if any(machine["program"] != mine["program"] for machine in machines.values()):
            raise MachineError(
                "a worker of the cluster has another version of the program: install the same one everywhere"
            )
        differing = sorted(
            {
                f"{name} {machine['versions'].get(name)} against {value}"
                for machine in machines.values()
                for name, value in mine["versions"].items()
                if machine["versions"].get(name) != value
            }
        )
        if differing:
            self._warn(
                "this is a mixed cluster: results may differ in the last bits between its machines; "
                f"the manifest records all of them ({'; '.join(differing)})"
            )
        return sum(client.nthreads().values())

    def _introduced(self, client: Client) -> dict[str, Any]:
        """What the workers say of themselves: who is lost meanwhile says nothing, and another may come."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                client.wait_for_workers(1, timeout=max(1.0, until - time.monotonic()))
            except TimeoutError as error:
                raise MachineError(
                    f"the scheduler at {self._address} has no worker; start some with: "
                    f"dask worker {self._address} --nworkers 4 --nthreads 1"
                ) from error
            try:
                answers = client.run(_machine, on_error="return")
            except OSError:
                answers = {}
            for answer in answers.values():
                if isinstance(answer, ImportError):
                    raise MachineError(
                        f"a worker of the cluster cannot run the program ({answer}): install it there too: {INSTALL}"
                    ) from answer
            if told := {name: answer for name, answer in answers.items() if isinstance(answer, dict)}:
                return told
            if time.monotonic() > until:
                raise MachineError(f"no worker of the scheduler at {self._address} answers")
            time.sleep(_PAUSE_SECONDS)
