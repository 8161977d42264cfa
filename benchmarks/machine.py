"""What this machine is, and the most it gives: speed of products and of memory, by XLA."""

import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
import jax.numpy as jnp

_PACKAGES = ("jax", "jaxlib", "flax", "numpy", "torch", "transformers")


def description() -> dict[str, str]:
    """The processor, its cores, the memory and the versions of what runs."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machine = {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 2**30:.0f} GiB",
        "backend": jax.default_backend(),
        "python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            machine[package] = version(package)
        except PackageNotFoundError:
            machine[package] = "not installed"
    return machine


def one_line() -> str:
    """The same for the head of a table."""
    found = description()
    return (f"{found['processor']}, {found['cores']} cores, {found['memory']}; Python "
            f"{found['python']}, NumPy {found['numpy']}, jax {found['jax']} on {found['backend']}")


def median_seconds(run, rounds: int) -> float:
    """Of several calls, after one that compiles."""
    jax.block_until_ready(run())
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def limits(rounds: int = 7) -> dict[str, float]:
    """GFLOP/s of a large float32 product, GB/s of reading more than any cache holds."""
    product, total = jax.jit(jnp.matmul), jax.jit(jnp.sum)
    matrix, numbers = jnp.ones((2048, 2048)), jnp.ones((128, 2**20))
    seconds = median_seconds(lambda: product(matrix, matrix), rounds)
    reading = median_seconds(lambda: total(numbers), rounds)
    return {"gflops": 2e-9 * 2048**3 / seconds, "gbytes": 1e-9 * numbers.nbytes / reading}
