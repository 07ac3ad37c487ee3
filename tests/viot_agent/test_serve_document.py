"""The REST server does what its own document says: asked by schemathesis with what fits it and what does not."""

from __future__ import annotations

from types import ModuleType

import pytest

from viot_agent.serve.gate import Limits

pytestmark = [pytest.mark.slow, pytest.mark.trust]


def test_every_answer_is_one_of_the_document(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> None:
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    # not among them: that what fits the document is accepted. It may still be unusable (no such camera, no picture)
    wanted = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    with serving.make_house(tmp_path_factory.mktemp("house")) as house:
        site = serving.serve(house, keys=False, limits=Limits(1e9, 1_000_000, 100_000))
        document = site.client().get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
        schema.app = site.served.app
        asked = 0
        for found in schema.get_all_operations():
            operation = found.ok()
            told = document["paths"][operation.path][operation.method.lower()]
            takes = bool(told.get("parameters") or told.get("requestBody"))
            # what takes nothing cannot be asked wrongly
            for mode in list(schemathesis.GenerationMode) if takes else [schemathesis.GenerationMode.POSITIVE]:

                @given(case=operation.as_strategy(generation_mode=mode))
                @settings(
                    max_examples=8,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                )
                def check(case: schemathesis.Case) -> None:
                    nonlocal asked
                    asked += 1
                    answer = case.call(base_url="http://127.0.0.1", timeout=200)
                    case.validate_response(answer, checks=wanted)
                    assert str(house.home) not in answer.text

                check()
        assert asked > 60
        site.served.close()
