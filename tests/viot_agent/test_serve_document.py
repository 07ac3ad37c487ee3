"""The REST server does what its own document says: asked by schemathesis with what fits it and what does not."""

from __future__ import annotations

from types import ModuleType

import pytest

from viot_agent.serve.gate import Limits

pytestmark = [pytest.mark.slow, pytest.mark.trust]


def test_every_answer_is_one_of_the_document(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> None:
    import schemathesis
    from hypothesis import HealthCheck, given, settings

    with serving.make_house(tmp_path_factory.mktemp("house")) as house:
        site = serving.serve(house, keys=False, limits=Limits(1e9, 1_000_000, 100_000))
        schema = schemathesis.openapi.from_dict(site.client().get("/openapi.json").json())
        schema.app = site.served.app
        asked = 0
        for found in schema.get_all_operations():
            operation = found.ok()

            @given(case=operation.as_strategy())
            @settings(
                max_examples=12,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            def check(case: schemathesis.Case) -> None:
                nonlocal asked
                asked += 1
                answer = case.call(base_url="http://127.0.0.1")
                assert answer.status_code < 500, (answer.status_code, answer.text)
                case.validate_response(answer)
                assert str(house.home) not in answer.text

            check()
        assert asked > 50
        site.served.close()
