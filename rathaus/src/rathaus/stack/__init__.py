"""The embedded stack: every process of a town hall on a bare machine, see ``rathaus.stack.stack``."""

from rathaus.stack.ports import Ports, PortTaken
from rathaus.stack.stack import CACHE, REPOSITORY, RunsAlready, Stack
from rathaus.stack.supervisor import NotReady

__all__ = ["CACHE", "REPOSITORY", "NotReady", "PortTaken", "Ports", "RunsAlready", "Stack"]
