"""``python -m <service> --rebuild <read model>``: one rebuild, beside the processes that serve."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Any

from chassis.broker import Bus
from chassis.clock import SystemClock
from chassis.documents import Database
from chassis.errors import Transient
from chassis.process import Service, Wire
from chassis.rebuild import CannotRebuild, Rebuild, Report
from chassis.settings import ServiceSettings
from chassis.topic_log import KafkaTopicLog


def rebuild(service: Service, settings: ServiceSettings, wire: Wire[Any], model: str) -> int:
    """Rebuild, say what was done, and return the exit code: 1 where it must be run again."""
    try:
        report = asyncio.run(_rebuilt(service, settings, wire, model))
    except (CannotRebuild, Transient) as reason:
        sys.stderr.write(f"{service.name} {model}: {reason}\n")
        return 1
    speed = report.records / report.seconds
    sys.stdout.write(
        f"{service.name} {model}: {report.documents} documents of {report.records} records "
        f"in {report.seconds:.2f} s ({speed:.0f}/s)\n"
    )
    return 0


async def _rebuilt(service: Service, settings: ServiceSettings, wire: Wire[Any], name: str) -> Report:
    async with AsyncExitStack() as stack:
        clock = SystemClock(settings.clock_offset_file)
        database = await Database.connect(settings.database_url, settings.database_name)
        stack.push_async_callback(database.close)
        await clock.begin(database.now)
        # Its subscribers are never started: nothing but the rebuild reads here.
        parts = await wire(service.context(stack, database, clock, Bus(settings, service.name, database, clock)))
        models = {model.name: model for model in parts.read_models}
        if name not in models:
            raise CannotRebuild(f"there is no such read model; those are: {', '.join(sorted(models)) or 'none'}")
        topics = models[name].topics(service.name, database)
        log = await stack.enter_async_context(KafkaTopicLog(settings, f"{service.name}-rebuild", topics))
        return await Rebuild(service.name, models[name], database, log, clock).run()
