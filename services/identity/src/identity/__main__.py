"""One process of the identity service: ``python -m identity``."""

from chassis.process import run
from identity.app import wire
from identity.settings import Settings

run("identity", Settings, wire)
