"""How near a training step comes to the machine's matrix product speed.

    python benchmarks/train_step.py --batch_size=256 --encoder_length=40 --decoder_length=12

Prints ms a step, GFLOP/s of the step's matrix products, and their share of the speed of one
large float32 product measured on the same machine. Times are the best of several rounds, which
is what an idle machine would give; CPU time, summed over cores, is printed beside them because
it holds still when a machine is shared. Knows nothing about data: tokens are random.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gram_jax.core.batch import Batch
from gram_jax.models.config import ModelConfig
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import count_params, init_params

SIZES = {
    "tiny": (2, 128, 256, 4, 32),
    "small": (4, 256, 512, 4, 64),
    "medium": (6, 512, 1024, 8, 64),
}


def best_seconds(run, *, rounds: int) -> tuple[float, float]:
    """The shortest wall time and CPU time of several calls of `run`, after one that compiles."""
    jax.block_until_ready(run())
    wall, cpu = [], []
    for _ in range(rounds):
        start, cpu_start = time.perf_counter(), time.process_time()
        jax.block_until_ready(run())
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - cpu_start)
    return min(wall), min(cpu)


def matmul_gflops(size: int = 2048) -> tuple[float, float]:
    """GFLOP per second, and per CPU second, of a product of two square float32 matrices."""
    left = jnp.asarray(np.random.default_rng(0).standard_normal((size, size), np.float32))
    product = jax.jit(jnp.matmul)
    wall, cpu = best_seconds(lambda: product(left, left), rounds=5)
    return 2e-9 * size**3 / wall, 2e-9 * size**3 / cpu


def forward_flops(config: ModelConfig, batch: int, source: int, target: int) -> int:
    """Floating point operations of the matrix products of one forward pass."""
    joined = config.num_heads * config.head_dim
    square, mlp = config.d_model * joined, 3 * config.d_model * config.d_ff
    encoder = source * (4 * square + mlp + 2 * source * joined)
    decoder = target * (6 * square + mlp + 2 * (target + source) * joined) + source * 2 * square
    logits = target * config.d_model * config.vocab_size
    layers = config.num_encoder_layers * encoder + config.num_decoder_layers * decoder
    return 2 * batch * (layers + logits)


def random_batch(config: ModelConfig, batch: int, source: int, target: int) -> Batch:
    """Tokens of Zipf-like frequency; texts fill 30 to 100 percent of their length."""
    rng = np.random.default_rng(0)

    def tokens(length, fill):
        ranks = np.minimum(rng.zipf(1.3, (batch, length)) + 2, config.vocab_size - 1)
        lengths = rng.integers(int(fill * length), length + 1, (batch, 1))
        return np.where(np.arange(length) < lengths, ranks, 0).astype(np.int32)

    targets = tokens(target, 0.5)
    return Batch(
        encoder_input_tokens=tokens(source, 0.3),
        decoder_input_tokens=np.pad(targets, ((0, 0), (1, 0)))[:, :-1],
        decoder_target_tokens=targets,
        decoder_loss_weights=(targets > 0).astype(np.float32),
    )


def make_step(config: ModelConfig, dropout: bool):
    """(params, opt_state, batch, key) -> (params, opt_state, loss), jitted."""
    objective = code_generation_objective(config, z_loss=1e-4)
    optimizer = optax.adamw(1e-3)

    def loss(params, batch, key):
        value = objective(params, batch, key if dropout else None)
        return value.loss_sum / value.weight_sum

    def step(params, opt_state, batch, key):
        value, grads = jax.value_and_grad(loss)(params, batch, key)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value

    return jax.jit(step), optimizer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--vocab_size", type=int, default=4096)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--encoder_length", type=int, default=40)
    parser.add_argument("--decoder_length", type=int, default=12)
    parser.add_argument("--dropout_rate", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--profile", help="folder for a jax.profiler trace of three steps")
    args = parser.parse_args()

    layers, d_model, d_ff, heads, head_dim = SIZES[args.size]
    config = ModelConfig(
        vocab_size=args.vocab_size, d_model=d_model, d_ff=d_ff, num_heads=heads,
        head_dim=head_dim, num_encoder_layers=layers, num_decoder_layers=layers,
        dropout_rate=args.dropout_rate,
    )
    lengths = (args.batch_size, args.encoder_length, args.decoder_length)
    step, optimizer = make_step(config, dropout=args.dropout_rate > 0)
    params = init_params(config, seed=0)
    batch, key = jax.device_put(random_batch(config, *lengths)), jax.random.key(0)
    opt_state = optimizer.init(params)

    def run():
        return step(params, opt_state, batch, key)

    start = time.perf_counter()
    jax.block_until_ready(run())
    compile_seconds = time.perf_counter() - start
    wall, cpu = best_seconds(run, rounds=args.rounds)
    gflop = 3e-9 * forward_flops(config, *lengths)
    peak, cpu_peak = matmul_gflops()
    print(f"{args.size}, {count_params(params):,} parameters, vocabulary {config.vocab_size:,}, "
          f"batch {lengths[0]} x ({lengths[1]} + {lengths[2]}) tokens")
    print(f"compile {compile_seconds:.1f} s   step {1e3 * wall:.0f} ms, {1e3 * cpu:.0f} ms of CPU "
          f"  {gflop:.1f} GFLOP at {gflop / wall:.0f} GFLOP/s")
    print(f"{gflop / wall / peak:.0%} of the {peak:.0f} GFLOP/s of one large product   "
          f"{gflop / cpu / cpu_peak:.0%} of its {cpu_peak:.0f} GFLOP a CPU second")
    if args.profile:
        with jax.profiler.trace(args.profile):
            for _ in range(3):
                jax.block_until_ready(run())


if __name__ == "__main__":
    main()
