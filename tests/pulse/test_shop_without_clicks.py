"""A shop that has products and nothing else goes from its file to answered searches."""

import json

from gram_jax.testing.gram_command import gram
from gram_jax.testing.row_files import write_rows

KINDS = ("kettle", "toaster", "blender")
COLORS = ("red", "white", "black", "blue")
BRANDS = ("Acme", "Bolt", "Crux", "Dyna")
SETTINGS = {"NUM_STEPS": 2, "BATCH_SIZE": 8, "VOCAB_SIZE": 300, "BEAM_SIZE": 3,
            "warmup_cosine.warmup_steps": 1, "CodeTraining.checkpoint_every": 2,
            "CodeTraining.evaluate_every": 2, "MiningSettings.min_products": 2,
            "MiningSettings.min_products_of_detail": 2, "ModelConfig.d_model": 16,
            "ModelConfig.d_ff": 16, "ModelConfig.num_encoder_layers": 1,
            "ModelConfig.num_decoder_layers": 1}


def test_products_alone_are_enough(tmp_path):
    products = write_rows(tmp_path / "products.jsonl", [
        {"product_id": f"{brand}-{color}-{kind}", "title": f"{brand} {kind} in {color}",
         "brand": brand, "color": color, "category": kind}
        for kind in KINDS for color in COLORS for brand in BRANDS])
    workdir = tmp_path / "workdir"
    gram("run", f"--workdir={workdir}", "--gin_file=gin/experiments/own_catalog.gin",
         f"--gin.PRODUCTS={products}", *(f"--gin.{name}={value}"
                                         for name, value in SETTINGS.items()))
    found = json.loads(gram("search", f"--workdir={workdir}", "red kettle", "--json").stdout)
    assert found["codes"] and found["products"]
    stages = json.loads(gram("inspect", f"--workdir={workdir}", "--json").stdout)["stages"]
    assert stages["codes"]["counts"]["products_with_codes"] == 1.0
    assert stages["codes"]["counts"]["train_queries_with_codes"] > 0.9
    assert stages["evaluate"]["counts"] == {"queries": 0}
