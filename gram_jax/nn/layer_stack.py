"""How a stack holds its layers, and how an activation goes through them.

A stack says what one layer is and how it is applied; whether the layers are modules of their own or
one module whose params have them all, and what the backward pass computes again, is decided here.
Knows nothing of what a layer does.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from gram_jax.nn.activation_axes import constrain_axes
from gram_jax.nn.dropout import DropoutStream

REMAT_POLICIES = {
    "none": None,
    "minimal": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
    "full": jax.checkpoint_policies.nothing_saveable,
}
"""What a layer keeps for the backward pass: all; products with params; its input alone."""

ApplyLayer = Callable[[Any, jax.Array, DropoutStream | None], jax.Array]
"""(layer, hidden [rows, ..., d_model], random bytes or None) -> hidden of the next layer."""


class LayerStack(nnx.Module):
    """Layers of one shape.

    They are modules `layers_0`, `layers_1`, ...; or, scanned, one module `layers` whose params have
    a first axis 'layers'. Scanned, they are compiled once and not once each.
    """

    num_layers: int
    scan_layers: bool
    remat: str

    def make_layers(self, make_layer: Callable[[], nnx.Module], num_layers: int, *,
                    scan_layers: bool = False, remat: str = "none") -> None:
        """Sets the layers.

        Args:
          make_layer: makes one, without values.
          num_layers: how many there are.
          scan_layers: whether they are one module.
          remat: one of `REMAT_POLICIES`.
        """
        self.num_layers, self.scan_layers, self.remat = num_layers, scan_layers, remat
        if scan_layers:
            self.layers = _stacked(make_layer(), num_layers)
        else:
            for i in range(num_layers):
                setattr(self, f"layers_{i}", make_layer())

    def each_layer(self) -> list[Any]:
        """The layers in order, each a module of its own."""
        if not self.scan_layers:
            return [getattr(self, f"layers_{i}") for i in range(self.num_layers)]
        graph, params = _split(self.layers)
        return [nnx.merge(graph, jax.tree.map(lambda array, i=i: array[i], params))
                for i in range(self.num_layers)]

    def run_layers(self, apply: ApplyLayer, hidden: jax.Array,
                   stream: DropoutStream | None) -> jax.Array:
        """What comes out of the last layer.

        Args:
          apply: how one layer is applied; the same for all.
          hidden: what goes into the first, rows first.
          stream: random bytes, or None for no dropout. Scanned layers, and layers that are computed
            again, draw other bytes than those that are not.
        """
        hidden = constrain_axes(hidden, "batch")
        if not self.scan_layers and self.remat == "none":
            for layer in self.each_layer():
                hidden = constrain_axes(apply(layer, hidden, stream), "batch")
            return hidden

        def run_layer(graph, hidden, params, rng):
            # A stream of its own: what is drawn in here must not leave with a shared one.
            stream = None if rng is None else DropoutStream(rng)
            return constrain_axes(apply(nnx.merge(graph, params), hidden, stream), "batch")

        rngs = None if stream is None else stream.split(self.num_layers)
        if self.remat != "none":
            # A scan already keeps apart what is computed and what is computed again.
            run_layer = jax.checkpoint(run_layer, policy=REMAT_POLICIES[self.remat],
                                       prevent_cse=not self.scan_layers, static_argnums=0)
        if self.scan_layers:
            graph, params = _split(self.layers)
            return jax.lax.scan(
                lambda hidden, layer: (run_layer(graph, hidden, *layer), None),
                hidden, (params, rngs))[0]
        for i, layer in enumerate(self.each_layer()):
            graph, params = _split(layer)
            hidden = run_layer(graph, hidden, params, None if rngs is None else rngs[i])
        return hidden


def _split(module: nnx.Module) -> tuple[nnx.GraphDef, dict[str, Any]]:
    graph, state = nnx.split(module)
    return graph, nnx.to_pure_dict(state)


def _stacked(layer: nnx.Module, num_layers: int) -> nnx.Module:
    """The layer with room for the params of so many."""
    for _, variable in nnx.iter_graph(layer):
        if isinstance(variable, nnx.Variable):
            one = variable.get_value()
            variable.set_value(jax.ShapeDtypeStruct((num_layers, *one.shape), one.dtype))
            variable.set_metadata(
                logical_axes=("layers", *variable.get_metadata("logical_axes")))
    return layer
