"""Database and Kafka of ``compose.yaml`` as containers, in the place of the embedded ones: for tests alone.

``RATHAUS_TEST_STACK=containers`` chooses them, see ``rathaus.stack.testing``. testcontainers is a tool of the tests, so
nothing else imports this folder.
"""

from rathaus.stack.containers.container import NoEngine, look_for_engine
from rathaus.stack.containers.parts import parts

__all__ = ["NoEngine", "look_for_engine", "parts"]
