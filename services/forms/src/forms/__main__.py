"""``python -m forms``: one process of the forms service."""

from chassis.process import run
from forms.app import wire
from forms.settings import Settings

run("forms", Settings, wire)
