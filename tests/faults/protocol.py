"""The town of the model in the hands of Hypothesis, which finds the shortest schedule of what breaks."""

from checker import violations
from drain import drain
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from steps import FATES, Fate
from town import READ, Town, Writer

NUMBER = st.integers(0, 7)


def play(examples: int, steps: int, number: int = 0) -> None:
    """Play so many schedules of at most so many steps, for one number always the same ones."""
    run_state_machine_as_test(seed(number)(Protocol), settings=machine(examples, steps))


def finish(town: Town, writer: Writer, fate: Fate = Fate.HAPPENS) -> None:
    """Let a writer go on until it waits for nobody."""
    while mine := [step for step in town.steps.waiting if step.process is writer.process]:
        town.go_on(town.steps.waiting.index(mine[0]), fate)


class Protocol(RuleBasedStateMachine):
    """Callers, relays, readers and faults in any order; all must be well once everybody has come to rest."""

    def __init__(self) -> None:
        super().__init__()
        self.town: Town | None = None
        self.keys = 0

    @initialize(shared=st.booleans(), wrong=st.sampled_from((0, 3_600, -3_600)))
    def begin(self, shared: bool, wrong: float) -> None:
        self.town = Town(shared_leases=shared)
        for moved in (0, wrong):
            self.town.start_writer(moved)
            self.town.start_consumer()
        self.town.call(self.town.writers[0], "hall", "hall", "open")
        finish(self.town, self.town.writers[0])

    def _town(self) -> Town:
        assert self.town is not None
        if not self.town.writers:
            self.town.start_writer()
        if not self.town.consumers:
            self.town.start_consumer()
        return self.town

    def _writer(self, number: int) -> Writer:
        return self._town().writers[number % len(self._town().writers)]

    @rule(writer=NUMBER, do=st.sampled_from(("take", "give back", "widen")), again=st.none() | NUMBER)
    def command(self, writer: int, do: str, again: int | None) -> None:
        calls = self._town().calls
        if again is not None and again < len(calls):
            old = calls[-1 - again]
            self._town().call(self._writer(writer), "hall", old.key.value, old.do)
        else:
            self.keys += 1
            self._town().call(self._writer(writer), "hall", f"k{self.keys}", do)

    @rule(writer=NUMBER, number=NUMBER)
    def other_body(self, writer: int, number: int) -> None:
        takes = [call for call in self._town().calls if call.do == "take"]
        if takes:
            key = takes[number % len(takes)].key.value
            self._town().call(self._writer(writer), "hall", key, "take", "other")

    @rule(writer=NUMBER)
    def relay(self, writer: int) -> None:
        self._town().relay_round(self._writer(writer))

    @rule(writer=NUMBER)
    def timer(self, writer: int) -> None:
        self._town().look(self._writer(writer))

    @rule(consumer=NUMBER, topic=st.sampled_from(READ), most=st.sampled_from((1, 2, 5)))
    def deliver(self, consumer: int, topic: str, most: int) -> None:
        town = self._town()
        town.deliver(town.consumers[consumer % len(town.consumers)], topic, most)

    @precondition(lambda self: self.town is not None and self.town.steps.waiting)
    @rule(steps=st.lists(st.tuples(NUMBER, st.none() | NUMBER), min_size=1, max_size=6))
    def go_on(self, steps: list[tuple[int, int | None]]) -> None:
        for number, odd in steps:
            waiting = self._town().steps.waiting
            if waiting:
                fates = FATES[waiting[number % len(waiting)].kind]
                self._town().go_on(number % len(waiting), fates[0 if odd is None else odd % len(fates)])

    @rule(writer=NUMBER, dies_writer=st.booleans())
    def kill(self, writer: int, dies_writer: bool) -> None:
        town = self._town()
        one = town.writers if dies_writer else town.consumers
        town.kill(one[writer % len(one)].process)

    @rule(seconds=st.sampled_from((0.06, 1.0, 12.0, 70.0, 1_900.0)))
    def time(self, seconds: float) -> None:
        self._town().pass_time(seconds)

    @precondition(lambda self: self.town is not None and self.town.steps.late)
    @rule()
    def late(self) -> None:
        self._town().steps.happen_late(self._town().steps.late[0])

    @precondition(lambda self: self.town is not None and self.town.steps.shaky)
    @rule(lasts=st.booleans())
    def database_crashes(self, lasts: bool) -> None:
        self._town().steps.last(0, lasts=lasts)
        self._town().loop.run_until_quiet()

    @rule()
    def broker_up_or_down(self) -> None:
        self._town().broker.down = not self._town().broker.down

    @rule(refill=st.booleans())
    def broker_loses(self, refill: bool) -> None:
        if not refill:
            self._town().lose_tail()
        elif not self._town().broker.down:
            self._town().refill()

    @rule(number=NUMBER)
    def replay(self, number: int) -> None:
        letters = self._town().letters()
        if letters and not self._town().broker.down:
            self._town().replay(letters[number % len(letters)])

    @rule(consumer=NUMBER, topic=st.sampled_from(READ), to=NUMBER)
    def set_back(self, consumer: int, topic: str, to: int) -> None:
        town = self._town()
        one = town.consumers[consumer % len(town.consumers)]
        if topic not in one.busy:
            one.offsets[topic] = min(to, one.offsets.get(topic, 0))

    def teardown(self) -> None:
        if self.town is None:
            return
        try:
            found = violations(drain(self.town))
            assert found == [], "\n".join([*found, "", *self.town.steps.told])
        finally:
            self.town.close()


def machine(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
