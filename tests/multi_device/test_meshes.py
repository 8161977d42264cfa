"""Every mesh of eight devices takes the steps of one device."""

import json
from pathlib import Path

import numpy as np
import pytest

from gram_jax.testing.virtual_devices import run_on_devices

SCRIPT = Path(__file__).with_name("mesh_runs.py")

CASES = {
    "data": {"mesh": {"data": 8}},
    "fsdp": {"mesh": {"data": 1, "fsdp": 8}},
    "model": {"mesh": {"data": 1, "model": 8}},
    "product": {"mesh": {"data": 2, "fsdp": 2, "model": 2}},
}
SHARES = {"data": 1, "fsdp": 1 / 8, "model": 1 / 8, "product": 1 / 4}


def run(cases):
    return run_on_devices(8, SCRIPT, json.dumps(cases))


@pytest.fixture(scope="module")
def found():
    return run(CASES)


def assert_as_on_one_device(found, name):
    np.testing.assert_allclose(found[name]["losses"], found["one"]["losses"], rtol=2e-5)
    assert found[name]["dtype"] == "float64"
    assert found[name]["gap"] < 1e-8


def test_one_device_has_moved_far_and_learned(found):
    assert found["num_devices"] == 8
    assert found["one"]["way"] > 0.05
    assert len(found["one"]["losses"]) == 20
    assert found["one"]["losses"][-1] < found["one"]["losses"][0] - 0.1


@pytest.mark.parametrize("name", CASES)
def test_every_mesh_gives_the_losses_and_params_of_one_device(found, name):
    assert_as_on_one_device(found, name)


@pytest.mark.parametrize("name", CASES)
def test_a_device_holds_its_share_of_params_moments_and_gradients(found, name):
    assert found[name]["share"] == SHARES[name]
    assert found[name]["moment_share"] == found[name]["gradient_share"] == SHARES[name]


HEAVY = {
    "data and fsdp": {"mesh": {"data": 2, "fsdp": 4}},
    "data and model": {"mesh": {"data": 4, "model": 2}},
    "fsdp and model": {"mesh": {"data": 1, "fsdp": 4, "model": 2}},
    "scanned": {"mesh": {"data": 2, "fsdp": 2, "model": 2},
                "config": {"scan_layers": True, "remat": "full"}},
    "microbatches": {"mesh": {"data": 2, "fsdp": 2, "model": 2}, "num_microbatches": 2},
    "chunked": {"mesh": {"data": 2, "fsdp": 2, "model": 2},
                "config": {"max_logit_tokens": 32, "remat": "minimal"}},
}


@pytest.fixture(scope="module")
def found_heavy():
    return run(HEAVY)


@pytest.mark.heavy
@pytest.mark.parametrize("name", HEAVY)
def test_products_and_memory_options_give_them_too(found_heavy, name):
    assert_as_on_one_device(found_heavy, name)
