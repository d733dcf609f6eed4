"""``python -m appointments``."""

from appointments.app import wire
from appointments.settings import Settings
from chassis.process import run

run("appointments", Settings, wire)
