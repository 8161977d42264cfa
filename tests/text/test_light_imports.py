"""Text is read at search time, where TensorFlow and jax would cost seconds."""

import subprocess
import sys


def test_text_imports_neither_tensorflow_nor_jax_arrays():
    program = (
        "import sys, gram_jax.text.vocabulary_files, gram_jax.text.encoding\n"
        "heavy = {'tensorflow', 'tensorflow_text', 'seqio', 'jax', 'torch'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
