"""Weights of one network in the place of another's: all, or the encoder's as far as it fits."""

import numpy as np

from dfdetect_jax.methods.transfer import transfer_encoder, transfer_run


def variables(value, **shapes):
    """A network with a norm in each module: "encoder__stem" is the module encoder/stem."""
    tree = {"params": {}, "batch_stats": {}}
    for name, shape in shapes.items():
        *parents, module = name.split("__")
        for collection, leaf in (("params", "scale"), ("batch_stats", "mean")):
            place = tree[collection]
            for parent in parents:
                place = place.setdefault(parent, {})
            place[module] = {leaf: np.full(shape, value)}
    return tree


NEW = variables(0.0, encoder__stem=3, encoder__latent=4, decoder=5)


def test_a_run_of_the_same_network_is_taken_whole():
    transfer = transfer_run(NEW, variables(1.0, encoder__stem=3, encoder__latent=4, decoder=5))
    assert transfer.kept == ()
    assert str(transfer) == "taken over: decoder, encoder; newly drawn: nothing"
    assert transfer.variables["params"]["decoder"]["scale"].tolist() == [1.0] * 5
    assert transfer.variables["batch_stats"]["encoder"]["stem"]["mean"].tolist() == [1.0] * 3


def test_of_another_network_the_encoder_alone_is_taken_as_far_as_it_fits():
    transfer = transfer_run(NEW, variables(1.0, encoder__stem=3, encoder__latent=7, decoder=5, classifier=2))
    assert str(transfer) == "taken over: encoder without latent; newly drawn: decoder, encoder/latent"
    assert transfer.variables["params"]["encoder"]["stem"]["scale"].tolist() == [1.0] * 3
    for kept in (transfer.variables["params"]["encoder"]["latent"], transfer.variables["params"]["decoder"]):
        assert not kept["scale"].any()


def test_a_module_is_taken_with_its_statistics_or_not_at_all():
    source = variables(1.0, encoder__stem=3)
    source["batch_stats"]["encoder"]["stem"]["mean"] = np.ones(9)
    transfer = transfer_run(NEW, source)
    assert transfer.taken == ()
    assert not transfer.variables["params"]["encoder"]["stem"]["scale"].any()


def test_published_weights_have_the_encoders_own_names():
    transfer = transfer_encoder(NEW, variables(1.0, stem=3, decoder=5, head=8))
    assert str(transfer) == "taken over: encoder without latent; newly drawn: decoder, encoder/latent"
    assert not transfer.variables["params"]["decoder"]["scale"].any()
