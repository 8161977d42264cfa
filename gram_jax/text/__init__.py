"""Text: its normal form, its tokens and the prompts. No TensorFlow and no jax in here."""
