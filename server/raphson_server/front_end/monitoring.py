"""Sets up what shows how the service is doing, as far as the operator asks for it: a log of calls, metrics, traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson_server.front_end.observing import Observer
from raphson_server.observability.call_log import CallLog
from raphson_server.observability.logs import call_logger, logs_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import TracerProvider

    from raphson_server.configuration import ServerConfig
    from raphson_server.observability.endpoint import MetricsEndpoint
    from raphson_server.observability.metrics import Metrics
    from raphson_server.observability.pool_state import PoolState
    from raphson_server.observability.spans import Spans


class Monitoring:
    """Lines, metrics and traces of one service's calls; their packages are imported only if they are wanted.

    Parameters
    ----------
    config : ServerConfig
    provider : TracerProvider, optional
        Where traces go, instead of to ``config.trace_endpoint``.

    Attributes
    ----------
    observer : Observer
        Wraps handlers.

    Raises
    ------
    ImportError
        If traces are asked for without their extra.
    """

    def __init__(self, config: ServerConfig, provider: TracerProvider | None = None) -> None:
        self._config = config
        self._endpoint: MetricsEndpoint | None = None
        self._provider = provider
        metrics: Metrics | None = None
        spans: Spans | None = None
        if config.metrics_address:
            from prometheus_client import CollectorRegistry  # noqa: PLC0415

            from raphson_server.observability.metrics import Metrics  # noqa: PLC0415

            self._registry = CollectorRegistry()
            metrics = Metrics(self._registry)
        if provider is None and config.trace_endpoint:
            from raphson_server.observability.exporting import provider_to  # noqa: PLC0415

            self._provider = provider_to(config.trace_endpoint)
        if self._provider is not None:
            from raphson_server.observability.spans import Spans  # noqa: PLC0415

            spans = Spans(self._provider)
        self._lines = CallLog(call_logger()) if logs_calls() else None
        self.observer = Observer(metrics, spans, self._lines)

    @property
    def metrics_address(self) -> str:
        """Where metrics are offered; empty if they are not."""
        return "" if self._endpoint is None else self._endpoint.address

    def start(
        self,
        pool: Callable[[], PoolState],
        is_serving: Callable[[], bool],
        definitions: Callable[[], int],
        jobs: Callable[[], Mapping[str, int]] | None,
    ) -> None:
        """Offer metrics, if they are wanted; what is looked up for them is asked of these functions.

        Raises
        ------
        OSError
            If their address cannot be bound.
        """
        if not self._config.metrics_address:
            return
        from raphson_server.observability.endpoint import MetricsEndpoint  # noqa: PLC0415
        from raphson_server.observability.state import StateCollector, register_state  # noqa: PLC0415

        state = StateCollector(
            pool,
            workers=self._config.workers,
            max_in_flight=self._config.max_in_flight,
            is_serving=is_serving,
            definitions=definitions,
            jobs=jobs,
        )
        register_state(self._registry, state)
        self._endpoint = MetricsEndpoint(self._config.metrics_address, self._registry)

    def stop(self) -> None:
        """Offer metrics no longer, and send the traces and lines that have not been sent."""
        if self._endpoint is not None:
            self._endpoint.close()
        if self._provider is not None:
            self._provider.shutdown()
        if self._lines is not None:
            self._lines.close()
