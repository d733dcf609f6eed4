"""The catalogue for everybody: which services there are and what their forms look like."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from chassis.http import CheckedRoute, Output, Tenant, provided
from forms.catalogue.domain import Service, Upload
from forms.catalogue.store import Catalogue, Entry

router = APIRouter(prefix="/api/forms/v1/{ars}", route_class=CheckedRoute, tags=["catalogue"])

_Catalogue = Annotated[Catalogue, provided(Catalogue)]
_Slug = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class ServiceSummary(Output):
    """An online service in a list."""

    slug: str
    version: int
    title: str
    summary: str
    level: str
    """Lowest assurance level that may hand it in: basis, niedrig, substanziell, hoch."""
    leika_key: str


class ServiceList(Output):
    """The online services of a municipality."""

    services: list[ServiceSummary]


class UploadField(Output):
    """A file that may or must come with the application."""

    field: str
    title: str
    help: str
    required: bool
    required_when: dict[str, list[Any]]
    """Answers that make it necessary: it is, when each named answer is one of those listed."""
    media_types: list[str]
    max_bytes: int


class ServiceDetail(ServiceSummary):
    """An online service with its form."""

    legal_basis: str
    form: Annotated[dict[str, Any], Field(serialization_alias="schema", description="JSON Schema 2020-12.")]
    ui: dict[str, Any]
    uploads: list[UploadField]


@router.get("/services", operation_id="listServices", response_model=ServiceList)
async def list_services(ars: Tenant, catalogue: _Catalogue) -> ServiceList:
    """List the online services of a municipality."""
    return ServiceList(services=[ServiceSummary(**_summary(entry.service)) for entry in catalogue.open_in(ars)])


@router.get("/services/{slug}", operation_id="getService", response_model=ServiceDetail)
async def get_service(ars: Tenant, slug: _Slug, catalogue: _Catalogue) -> ServiceDetail:
    """Return an online service with the schema and the layout of its form."""
    return _detail(catalogue.get(ars, slug))


def _summary(service: Service) -> dict[str, Any]:
    return {name: getattr(service, name) for name in ServiceSummary.model_fields}


def _detail(entry: Entry) -> ServiceDetail:
    return ServiceDetail(
        **_summary(entry.service),
        legal_basis=entry.service.legal_basis,
        form=dict(entry.schema.document),
        ui=dict(entry.ui),
        uploads=[_upload(upload) for upload in entry.service.uploads],
    )


def _upload(upload: Upload) -> UploadField:
    return UploadField(
        field=upload.name,
        title=upload.title,
        help=upload.help,
        required=upload.required,
        required_when={name: list(values) for name, values in upload.required_when.items()},
        media_types=list(upload.media_types),
        max_bytes=upload.max_bytes,
    )
