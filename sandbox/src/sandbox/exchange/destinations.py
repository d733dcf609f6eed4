"""The destinations that exist here: one invented receiving authority for each of the two municipalities."""

from sandbox.exchange.domain import Destination

YOUTH_MEDICAL_EXAM = "urn:de:fim:leika:leistung:99068007040000"
"""Untersuchungsberechtigungsschein, Ausgabe (LeiKa)."""
YOUTH_MEDICAL_EXAM_SCHEMA = "urn:rathaus:schema:youth-medical-exam:1"

TANGERHUETTE = Destination(
    id="7d1f0a52-3c64-4f0e-9b55-0f6a2c9d4e01",
    name="Musterbehörde Jugendarbeitsschutz, Zustellpunkt Tangerhütte",
    status="active",
    services=(YOUTH_MEDICAL_EXAM,),
    regions=("DE150900546546",),
    schemas=(YOUTH_MEDICAL_EXAM_SCHEMA,),
    reply_channels=("eMail", "idBundDeMailbox", "elster"),
)
MUSTERLAND = Destination(
    id="b3a8c1d4-52e7-4c19-8f3e-6d20e7a95f02",
    name="Musterbehörde Jugendarbeitsschutz, Zustellpunkt Musterland",
    status="active",
    services=(YOUTH_MEDICAL_EXAM,),
    # The beginning of an ARS: the Verbandsgemeinde with all its members.
    regions=("DE150909999",),
    schemas=(YOUTH_MEDICAL_EXAM_SCHEMA,),
    reply_channels=("eMail", "idBundDeMailbox", "elster"),
)

DESTINATIONS = (TANGERHUETTE, MUSTERLAND)
