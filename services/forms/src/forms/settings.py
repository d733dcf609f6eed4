"""What the forms service is told by its environment."""

from pathlib import Path

from pydantic import Field

from chassis.settings import ServiceSettings
from forms.catalogue.store import DATA


class Settings(ServiceSettings):
    """Settings of forms."""

    catalogue: Path = Field(DATA, description="Folder with one folder per online service.")
