"""From tokens to the fields of a Batch, in NumPy.

The same conversion as `seqio.EncDecFeatureConverter` without packing, which the tests hold it to.
"""

import numpy as np

from gram_jax.core.batch import Batch


def to_batch(inputs: np.ndarray, targets: np.ndarray, example_ids: tuple[str, ...]) -> Batch:
    """The batch that teaches `targets` from `inputs`.

    Args:
      inputs: int32 [batch, encoder_length], EOS and padding included.
      targets: int32 [batch, decoder_length], or [batch, codes, decoder_length], EOS and padding
        included.
      example_ids: one for each code.

    Returns:
      A batch whose decoder reads the targets shifted right behind the start token 0, and whose
      loss weights are 1 on every token but padding.
    """
    decoder_inputs = np.zeros_like(targets)
    decoder_inputs[..., 1:] = targets[..., :-1]
    return Batch(
        encoder_input_tokens=inputs,
        decoder_input_tokens=decoder_inputs,
        decoder_target_tokens=targets,
        decoder_loss_weights=(targets > 0).astype(np.float32),
        example_ids=example_ids,
    )
