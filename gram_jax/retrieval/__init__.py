"""From a trained model and a code table to ranked products."""
