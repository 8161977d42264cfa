"""The model, its parameters, its objectives, and the score of a product through a code."""
