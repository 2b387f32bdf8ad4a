"""The measurements of the server that a command runs, and the port that tells them."""

from typing import TYPE_CHECKING, Self

from medsettle import limits, phases
from medsettle.audit.seals import sealed_to
from medsettle.cli.desks import now
from medsettle.cli.following import Follower
from medsettle.ledger.opening import OpenReader
from medsettle.service.measuring import Batch
from medsettle.service.shift import Part, Shift

if TYPE_CHECKING:
    from medsettle.peers.station import Station
    from medsettle.service.http_server import HttpServer
    from medsettle.service.measures import Measures
    from medsettle.service.measures_page import MeasuresPage

_LOOPBACK = "127.0.0.1:0"


class Watching:
    """Measurements that are taken, and told once `open` was called."""

    def __init__(self, measures: "Measures", page: "MeasuresPage", port: "HttpServer") -> None:
        """Take measurements that will be told at a port."""
        self.measures = measures
        self._page = page
        self._port = port

    @classmethod
    def of(cls, metrics: str | None, console: str | None) -> Self | None:
        """Return what options ask for: measurements are also taken for a console alone.

        Raises:
            OSError: The address cannot be listened at.
        """
        if metrics is None and console is None:
            return None
        from medsettle.service.http_server import HttpServer  # noqa: PLC0415 - loads HTTP
        from medsettle.service.measures import Measures  # noqa: PLC0415 - who measures loads it
        from medsettle.service.measures_page import MeasuresPage  # noqa: PLC0415

        measures = Measures()
        page = MeasuresPage(measures)
        port = HttpServer(page, metrics or _LOOPBACK, open_max=limits.METRICS_OPEN_MAX)
        return cls(measures, page, port)

    def open(
        self, shift: Shift, reader: OpenReader, project: Follower, station: "Station | None" = None
    ) -> str:
        """Tell the measurements of a shift from now on, and return where."""
        from medsettle.service.measures import Watched  # noqa: PLC0415 - as above

        desk = shift.desk
        batchers = {Batch.SETTLE: desk.settling, Batch.PREVIEW: desk.previewing}
        self.measures.watch(
            Watched(
                started=now().timestamp(),
                under_way=lambda: desk.under_way,
                waiting=lambda kind: batchers[kind].waiting,
                writes_well=lambda: shift.well[Part.WRITES],
                projection_well=lambda: shift.well[Part.PROJECTION],
                ledger_seq=reader.last_seq,
                projected_seq=lambda: project.last_seq,
                sealed_seq=lambda: sealed_to(project.folder),
                ready=lambda: shift.ready,
                peers=dict if station is None else station.peer_states,
                open_cases=dict if station is None else station.open_counts,
            )
        )
        phases.tell_commits(self.measures.commit)
        self._page.readiness = shift.readiness
        self._port.start()
        return self._port.address

    async def stop(self) -> None:
        """Tell them no more."""
        phases.tell_commits(None)
        await self._port.stop()
