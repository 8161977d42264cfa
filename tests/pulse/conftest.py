"""What the runs of gram share: compiled programs, because many of them train and index alike."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _programs_of_all_runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # The parent, so that it is one folder for every process of a session of tests.
        folder = tmp_path_factory.getbasetemp().parent / "compiled_programs"
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder))
        yield
