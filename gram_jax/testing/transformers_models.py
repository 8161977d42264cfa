"""Models of T5's family as `transformers` writes them, tiny and drawn at random.

Needs torch and transformers (extra 'interop').
"""

from pathlib import Path

import torch
import transformers

SIZES = {
    "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 3,
    # Few buckets and a short reach, so that short texts have distances in every kind of bucket.
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20,
    "decoder_start_token_id": 0,
}
VARIANTS = ("t5", "t5_1_1", "mt5", "umt5", "umt5_tied", "t5_1_1_tied")
"""T5 is tied, scaled and has ReLU blocks; T5 1.1, whose form flan-T5 has too, and mT5 are untied,
gated and not scaled; the last is 1.1 with tied logits."""


def variant(name: str, *, vocab_size: int, seed: int = 0) -> transformers.PreTrainedModel:
    """A model of that kind, ready to be evaluated; its logits spread as a trained model's do."""
    sizes = SIZES | {"vocab_size": vocab_size}
    if name.startswith("t5"):
        config = transformers.T5Config(
            **sizes, feed_forward_proj="relu" if name == "t5" else "gated-gelu",
            tie_word_embeddings=name != "t5_1_1")
        model = transformers.T5ForConditionalGeneration(config)
    elif name == "mt5":
        model = transformers.MT5ForConditionalGeneration(transformers.MT5Config(**sizes))
    else:
        model = transformers.UMT5ForConditionalGeneration(transformers.UMT5Config(**sizes))
    generator = torch.Generator().manual_seed(seed)
    if name in ("t5_1_1", "mt5", "umt5"):
        model.lm_head.weight = torch.nn.Parameter(torch.empty(vocab_size, sizes["d_model"]))
    with torch.no_grad():
        for parameter, weight in model.named_parameters():
            weight.normal_(0.0, _stddev(parameter, weight), generator=generator)
            if "layer_norm" in parameter:
                weight.add_(1.0)
    return model.eval()


def _stddev(name: str, weight: torch.Tensor) -> float:
    """Large enough that every weight matters to what comes out."""
    if "layer_norm" in name:
        return 0.2
    if "relative_attention_bias" in name or name.startswith("shared"):
        return 1.0
    if name.startswith("lm_head"):
        return 2.0
    # What layers add outweighs the token, which a tied model would otherwise only repeat.
    return (3.0 if name.endswith("o.weight") else 1.0) * weight.shape[1] ** -0.5


def save(model: transformers.PreTrainedModel, folder: Path) -> None:
    """Writes the model as its users do."""
    model.save_pretrained(folder)


def load(folder: Path) -> transformers.PreTrainedModel:
    """Reads a folder as its users do."""
    return transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
