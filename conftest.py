"""Fixtures for every member's tests.

Members whose folder is named like their package are imported before tests are collected: the folder would be taken
for the package otherwise.
"""

import chassis  # noqa: F401
import contracts  # noqa: F401
import rathaus  # noqa: F401
import sandbox  # noqa: F401

pytest_plugins = ["chassis.testing.promises", "rathaus.stack.testing"]
