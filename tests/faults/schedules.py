"""Random schedules: from a seed, always the same one. Each has a mood: what it has much of, and what not at all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from checker import Story, violations
from drain import drain
from steps import FATES, Fate, Process, Step
from town import READ, Town

ROOMS = ("blue", "red")
STEPS = (100, 200, 300)


@dataclass(frozen=True)
class Mood:
    """Chances from 0 to 1, and weights of what happens next besides steps that go on (100)."""

    faults: float = 0.1
    bugs: float = 0.0
    shaky: float = 0.0
    slow: float = 0.1
    rooms: int = 1
    command: float = 6
    relay: float = 5
    deliver: float = 8
    freeze: float = 1
    wait: float = 4
    kill: float = 0
    lose: float = 0
    set_back: float = 0
    broker: float = 0
    last: float = 0


MOODS = (
    Mood(faults=0.01, slow=0.5, command=40, relay=3, deliver=0, freeze=3, wait=0.5),
    Mood(faults=0.05, shaky=0.7, slow=0.3, command=3, relay=30, deliver=3, last=15),
    Mood(faults=0.05, bugs=0.4, rooms=2, command=8, relay=10, deliver=30, freeze=3, lose=3, set_back=1),
    Mood(faults=0.02, slow=0.3, rooms=2, command=3, relay=12, deliver=3, freeze=4),
    Mood(faults=0.2, bugs=0.2, shaky=0.3, rooms=2, freeze=2, kill=1, lose=1, set_back=0.5, broker=0.5, last=3),
)
"""Crowded; a database that crashes; readers with bugs and gaps; several relays; all at once."""


@dataclass
class Schedule:
    """One run of a town under one seed."""

    seed: int
    random: Random = field(init=False)
    mood: Mood = field(init=False)
    keys: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    focus: Process | None = None
    story: Story = field(default_factory=Story)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a schedule, no secret
        self.mood = MOODS[self.seed % len(MOODS)]

    def run(self) -> list[str]:
        """Return what was broken."""
        town = Town(shared_leases=self.random.random() < 0.3)
        try:
            self._begin(town)
            for _ in range(self.random.choice(STEPS)):
                self._act(town)
            self.story, self.told = drain(town), town.steps.told
            return violations(self.story)
        finally:
            town.close()

    def _begin(self, town: Town) -> None:
        for _ in range(self.random.choice((2, 3))):
            town.start_writer(self.random.choice((0, 0, 3_600, -3_600)))
            town.start_consumer()
        for room in ROOMS[: self.mood.rooms]:
            town.call(town.writers[0], room, room, "open")
            while town.steps.waiting:
                town.go_on(0, Fate.HAPPENS)

    def _act(self, town: Town) -> None:
        mood = self.mood
        actions: dict[Callable[[Town], None], float] = {
            self._go_on: 100,
            self._command: mood.command,
            self._relay: mood.relay,
            self._deliver: mood.deliver,
            self._timer: 1,
            self._wait: mood.wait,
            self._wait_long: mood.wait / 8,
            self._freeze: mood.freeze,
            self._kill: mood.kill,
            self._late: 3,
            self._last: mood.last,
            self._lose: mood.lose,
            self._replay: mood.bugs * 10,
            self._set_back: mood.set_back,
            self._broker: mood.broker,
        }
        action = self.random.choices([*actions], [*actions.values()])[0]
        action(town)
        if not town.writers:
            town.start_writer()
        if not town.consumers:
            town.start_consumer()

    def _go_on(self, town: Town) -> None:
        """Let one process run for some steps, so that others grow stale."""
        awake = [step for step in town.steps.waiting if not step.process.frozen]
        if awake:
            same = [step for step in awake if step.process is self.focus]
            step = self.random.choice(same if same and self.random.random() < 0.85 else awake)
            fate = self._fate(step)
            if fate in (Fate.SLOW, Fate.SHAKY):
                others = [one.process for one in town.alive() if one.process is not step.process]
                self.focus = self.random.choice(others) if others else None
            else:
                self.focus = step.process
            town.go_on(town.steps.waiting.index(step), fate)

    def _fate(self, step: Step) -> Fate:
        if step.kind == "handle":
            return Fate.BROKEN if self.random.random() < self.mood.bugs else Fate.HAPPENS
        if step.born and self.random.random() < self.mood.shaky:
            return Fate.SHAKY
        if step.kind != "answer" and self.random.random() < self.mood.slow:
            return Fate.SLOW
        odd = self.random.random() < self.mood.faults
        return self.random.choice(FATES[step.kind][1:]) if odd else Fate.HAPPENS

    def _command(self, town: Town) -> None:
        writer = self.random.choice(town.writers)
        kind = self.random.choices(("take", "give back", "widen"), (10, 10, 1))[0]
        for _ in range(self.random.choice((1, 1, 2, 3))):
            if self.keys and self.random.random() < 0.2:
                room, key, do = self.random.choice(self.keys)
            else:
                room, key = self.random.choice(ROOMS[: self.mood.rooms]), f"k{len(self.keys)}"
                do = kind
                self.keys.append((room, key, do))
            town.call(writer, room, key, do, self.random.choices(("d", "other"), (15, 1))[0])

    def _relay(self, town: Town) -> None:
        town.relay_round(self.random.choice(town.writers))

    def _timer(self, town: Town) -> None:
        town.look(self.random.choice(town.writers))

    def _deliver(self, town: Town) -> None:
        consumer = self.random.choice(town.consumers)
        new = [topic for topic in READ if consumer.offsets.get(topic, 0) < len(town.broker.topics[topic])]
        if new:
            town.deliver(consumer, self.random.choice(new), self.random.choice((1, 1, 2, 5)))

    def _wait(self, town: Town) -> None:
        town.pass_time(self.random.choice((0.06, 0.3, 1.0)))

    def _wait_long(self, town: Town) -> None:
        town.pass_time(self.random.choice((4, 12, 70, 1_900)))

    def _freeze(self, town: Town) -> None:
        one = self.random.choice(town.alive())
        one.process.frozen = not one.process.frozen

    def _kill(self, town: Town) -> None:
        one = self.random.choice(town.alive())
        town.kill(one.process)
        town.start_writer()
        town.start_consumer()

    def _late(self, town: Town) -> None:
        if town.steps.late:
            town.steps.happen_late(self.random.choice(town.steps.late))

    def _last(self, town: Town) -> None:
        if town.steps.shaky:
            town.steps.last(self.random.randrange(len(town.steps.shaky)), lasts=self.random.random() < 0.5)
            town.loop.run_until_quiet()

    def _lose(self, town: Town) -> None:
        if self.random.random() < 0.8:
            town.lose_tail()
        elif not town.broker.down:
            town.refill()

    def _replay(self, town: Town) -> None:
        if town.letters() and not town.broker.down:
            town.replay(self.random.choice(town.letters()))

    def _set_back(self, town: Town) -> None:
        consumer = self.random.choice(town.consumers)
        topic = self.random.choice(READ)
        if topic not in consumer.busy:
            consumer.offsets[topic] = self.random.randint(0, consumer.offsets.get(topic, 0))

    def _broker(self, town: Town) -> None:
        town.broker.down = not town.broker.down


def broken_by(seed: int) -> str:
    """Return what a schedule broke, and the schedule."""
    schedule = Schedule(seed)
    found = schedule.run()
    return "\n".join([f"seed {seed}", *found, "", *schedule.told]) if found else ""
