"""Weights of one network in the place of another's, as far as both have the same parts."""

from typing import Any, NamedTuple

import jax

from dfdetect_jax.methods.contract import Variables
from dfdetect_jax.models.encoders import NAME


class Transfer(NamedTuple):
    """Variables after a transfer, and what came over.

    Attributes:
        variables: as the target's.
        taken: modules that have the source's weights, such as "encoder/block_1/expand".
        kept: modules that have their own.
    """

    variables: Variables
    taken: tuple[str, ...]
    kept: tuple[str, ...]

    def __str__(self) -> str:
        """By part: "taken over: encoder without latent; newly drawn: decoder, encoder/latent"."""
        missing = {part: _below(part, self.kept) for part in _below("", self.taken)}
        taken = [f"{part} without {', '.join(lost)}" if lost else part for part, lost in missing.items()]
        drawn = [part for part in _below("", self.kept) if part not in missing]
        drawn += [f"{part}/{module}" for part, lost in missing.items() for module in lost]
        return f"taken over: {', '.join(taken) or 'nothing'}; newly drawn: {', '.join(drawn) or 'nothing'}"


def transfer(variables: Variables, source: Variables, within: str = "") -> Transfer:
    """Replaces the weights of each module that `source` has under the same name and in the same shapes.

    Args:
        variables: {"params": tree, "batch_stats": tree} of arrays, or of their shapes.
        source: of any network.
        within: part outside of which nothing is replaced, such as "encoder"; "" for none.
    """
    given = {_path(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(source)}
    fits: dict[str, bool] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        (_, *parents, _), shape = _path(path), getattr(given.get(_path(path)), "shape", None)
        inside = not within or parents[:1] == [within]
        module = "/".join(parents)
        fits[module] = fits.get(module, True) and inside and shape == leaf.shape

    def choose(path: Any, leaf: Any) -> Any:
        collection_and_names = _path(path)
        return given[collection_and_names] if fits["/".join(collection_and_names[1:-1])] else leaf

    taken, kept = (tuple(module for module, fit in fits.items() if fit is kind) for kind in (True, False))
    return Transfer(jax.tree_util.tree_map_with_path(choose, variables), taken, kept)


def transfer_encoder(variables: Variables, pretrained: Variables) -> Transfer:
    """`transfer` to a method's encoder; `pretrained` is the encoder's own tree, and parts that it lacks stay."""
    return transfer(variables, {collection: {NAME: tree} for collection, tree in pretrained.items()}, NAME)


def transfer_run(variables: Variables, source: Variables) -> Transfer:
    """`transfer` from another run: of all, or of the encoder alone where any part differs."""
    whole = transfer(variables, source)
    return transfer(variables, source, NAME) if whole.kept else whole


def _below(part: str, modules: tuple[str, ...]) -> list[str]:
    """The next names below `part`, each once: of "encoder/block_1/norm" "block_1" below "encoder"."""
    depth = part.count("/") + 1 if part else 0
    inside = [module.split("/") for module in modules if not part or module.startswith(f"{part}/")]
    return list(dict.fromkeys(names[depth] for names in inside if len(names) > depth))


def _path(path: Any) -> tuple[str, ...]:
    return tuple(str(key.key) for key in path)
