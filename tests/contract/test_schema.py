"""The api against its own schema: schemathesis calls every operation with what the schema allows and forbids."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.contract.conftest import TOKEN, Api

# The format in the schema says less than "an address that one can write to": draw such ones.
schemathesis.openapi.format(
    "email", st.from_regex(r"[a-z]{1,10}(\.[a-z0-9]{1,10})?@[a-z]{1,20}\.(org|com)", fullmatch=True)
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_every_answer_is_the_one_described(api: Api, mode: GenerationMode) -> None:
    """Status, headers, media type and shape, for what the schema allows and for what it forbids; never a 5xx."""
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    # Where a user of the drawn id is there, a drawn If-Match is stale, whatever else is right or wrong.
    for check in (schema.config.checks.positive_data_acceptance, schema.config.checks.negative_data_rejection):
        check.expected_statuses = [*check.expected_statuses, "412"]
    operations: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == 5
    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        def holds(case: Any) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})

        holds()
