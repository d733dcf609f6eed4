"""``python -m osi_gateway``: one process of the osi-gateway."""

from chassis.process import run
from osi_gateway.app import SERVICE, wire
from osi_gateway.settings import Settings

if __name__ == "__main__":
    run(SERVICE, Settings, wire)
