"""The committed OpenAPI documents are made from the code, and a difference is found."""

from pathlib import Path

import pytest

from chassis import openapi
from contracts.topics import SERVICES


def test_documents_of_all_services_are_written_and_a_change_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert openapi.main([str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == set(SERVICES)
    assert openapi.main(["--check", str(tmp_path)]) == 0
    (tmp_path / "forms.json").write_text("{}", "utf-8")
    (tmp_path / "notify.json").unlink()
    assert openapi.main(["--check", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "forms.json" in said
    assert "notify.json" in said
    assert "identity.json" not in said


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_names_itself_is_guarded_or_public_and_documents_its_problems(service: str) -> None:
    document = openapi.document_of(service)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert path.startswith(f"/api/{service}/v1/"), where
            assert "_api_" not in operation["operationId"], f"{where} has a made-up operation id"
            assert "default" in operation["responses"], where
            body = operation.get("requestBody", {}).get("content", {})
            assert "multipart/form-data" not in body, where
            for status, response in operation["responses"].items():
                if status.startswith("2") and status != "204":
                    content = response.get("content", {}).get("application/json")
                    assert content is None or content["schema"], f"{where} does not say what it answers"
