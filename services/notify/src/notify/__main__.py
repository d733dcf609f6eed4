"""``python -m notify``."""

from chassis.process import run
from notify.app import wire
from notify.settings import Settings

run("notify", Settings, wire)
