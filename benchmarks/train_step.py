"""How near a training step comes to the machine's matrix product speed.

    python benchmarks/train_step.py --batch_size=256 --encoder_length=40 --decoder_length=12
    python benchmarks/train_step.py --size=minilm --frozen token_embedder encoder/layers_0

Prints ms a step, GFLOP/s of the step's matrix products, their share of the speed of one large
float32 product measured on the same machine, and the most memory the process held. Times are the
best of several rounds, which is what an idle machine would give; CPU time, summed over cores, is
printed beside them because it holds still when a machine is shared. What is frozen costs forwards
only, which GFLOP does not know. Knows nothing about data: tokens are random.
"""

import argparse
import resource
import time

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.core.batch import Batch
from gram_jax.models.config import BertConfig, ModelConfig
from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import count_params, init_params
from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_constant
from gram_jax.training.train_state import new_train_state
from gram_jax.training.train_step import make_train_step

# The sizes of gin/models; 'minilm' has a vocabulary of its own, of which codes take a part.
SIZES = {
    "tiny": {"num_encoder_layers": 2, "num_decoder_layers": 2, "d_model": 128, "d_ff": 256,
             "num_heads": 4, "head_dim": 32},
    "small": {"num_encoder_layers": 4, "num_decoder_layers": 4, "d_model": 256, "d_ff": 512,
              "num_heads": 4, "head_dim": 64},
    "medium": {"num_encoder_layers": 6, "num_decoder_layers": 6, "d_model": 512, "d_ff": 1024,
               "num_heads": 8, "head_dim": 64},
    "minilm": {"num_encoder_layers": 6, "num_decoder_layers": 2, "d_model": 384, "d_ff": 1024,
               "num_heads": 6, "head_dim": 64,
               "encoder": BertConfig(d_ff=1536, num_heads=12)},
}
_MINILM_VOCAB_SIZE = 30_522


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
    if config.encoder is not None:
        encoder = source * config.d_model * (
            4 * config.d_model + 2 * config.encoder.d_ff + 2 * source)
    decoder = target * (6 * square + mlp + 2 * (target + source) * joined) + source * 2 * square
    logits = target * config.d_model * config.output_vocab_size
    layers = config.num_encoder_layers * encoder + config.num_decoder_layers * decoder
    return 2 * batch * (layers + logits)


def random_batch(config: ModelConfig, batch: int, source: int, target: int) -> Batch:
    """Tokens of Zipf-like frequency; texts fill 30 to 100 percent of their length."""
    rng = np.random.default_rng(0)

    def tokens(length, fill, vocab_size):
        ranks = np.minimum(rng.zipf(1.3, (batch, length)) + 2, vocab_size - 1)
        lengths = rng.integers(int(fill * length), length + 1, (batch, 1))
        return np.where(np.arange(length) < lengths, ranks, 0).astype(np.int32)

    targets = tokens(target, 0.5, config.output_vocab_size)
    return Batch(
        encoder_input_tokens=tokens(source, 0.3, config.vocab_size),
        decoder_input_tokens=np.pad(targets, ((0, 0), (1, 0)))[:, :-1],
        decoder_target_tokens=targets,
        decoder_loss_weights=(targets > 0).astype(np.float32),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--vocab_size", type=int, default=4096)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--encoder_length", type=int, default=40)
    parser.add_argument("--decoder_length", type=int, default=12)
    parser.add_argument("--dropout_rate", type=float, default=0.05)
    parser.add_argument("--frozen", nargs="*", default=[], help="paths of params that stay")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--profile", help="folder for a jax.profiler trace of three steps")
    args = parser.parse_args()

    vocab_size = _MINILM_VOCAB_SIZE if args.size == "minilm" else args.vocab_size
    config = ModelConfig(vocab_size=vocab_size, output_vocab_size=args.vocab_size,
                         dropout_rate=args.dropout_rate, **SIZES[args.size])
    lengths = (args.batch_size, args.encoder_length, args.decoder_length)
    optimizer = adamw(warmup_constant(peak=1e-3),
                      rate_multipliers=dict.fromkeys(args.frozen, 0.0))
    step = make_train_step(code_generation_objective(config, z_loss=1e-4), optimizer)
    batch = jax.device_put(random_batch(config, *lengths))
    params = init_params(config, seed=0)
    num_params = count_params(params)
    state = new_train_state(params, optimizer, 0)

    def run():
        nonlocal state
        state, metrics = step(state, batch)
        return metrics.values

    start = time.perf_counter()
    jax.block_until_ready(run())
    compile_seconds = time.perf_counter() - start
    wall, cpu = best_seconds(run, rounds=args.rounds)
    gflop = 3e-9 * forward_flops(config, *lengths)
    peak, cpu_peak = matmul_gflops()
    print(f"{args.size}, {num_params:,} parameters, vocabulary {config.output_vocab_size:,}, "
          f"batch {lengths[0]} x ({lengths[1]} + {lengths[2]}) tokens")
    print(f"compile {compile_seconds:.1f} s   step {1e3 * wall:.0f} ms, {1e3 * cpu:.0f} ms of CPU "
          f"  {gflop:.1f} GFLOP at {gflop / wall:.0f} GFLOP/s")
    print(f"{gflop / wall / peak:.0%} of the {peak:.0f} GFLOP/s of one large product   "
          f"{gflop / cpu / cpu_peak:.0%} of its {cpu_peak:.0f} GFLOP a CPU second")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{memory:.2f} GiB at most")
    if args.profile:
        with jax.profiler.trace(args.profile):
            for _ in range(3):
                jax.block_until_ready(run())


if __name__ == "__main__":
    main()
