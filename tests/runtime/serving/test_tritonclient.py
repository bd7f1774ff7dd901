"""The client of Triton, unmodified, over HTTP and over gRPC."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from serving_tools import TYPES, running

from dlc.runtime.inference.predictor import Predictor

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    triton_http = pytest.importorskip("tritonclient.http")
    triton_grpc = pytest.importorskip("tritonclient.grpc")
    from tritonclient.utils import InferenceServerException, np_to_triton_dtype

VALUES = {
    "BOOL": [[True, False], [False, True], [True, True]],
    "BYTES": [[b"a", b""], ["ä€".encode(), b"x\x00y"], [b"l" * 300, b"z"]],
}


def values_of(name, kind):
    if name == "BYTES":
        return np.array(VALUES["BYTES"], object)
    if name == "BOOL":
        return np.array(VALUES["BOOL"])
    if np.dtype(kind).kind == "f":
        return np.array([[1.5, -2], [0.25, 3], [1e4, -0.0]], kind)
    bounds = np.iinfo(kind)
    return np.array([[bounds.min, bounds.max], [0, 1], [7, 9]], kind)


@pytest.fixture(params=["http", "grpc"])
def triton(request, flowers):
    """A module of tritonclient and a client of the server."""
    if request.param == "http":
        module, place = triton_http, flowers.place
    else:
        module, place = triton_grpc, f"127.0.0.1:{flowers.address.grpc}"
    client = module.InferenceServerClient(place)
    yield module, client
    client.close()


def given(module, name, array, **options):
    found = module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    found.set_data_from_numpy(array, **options)
    return found


def test_health_and_metadata(triton):
    module, client = triton
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("flowers", "1")
    options = {"as_json": True} if module is triton_grpc else {}
    assert client.get_server_metadata(**options)["name"] == "dlc"
    found = client.get_model_metadata("flowers", **options)
    assert [tensor["name"] for tensor in found["inputs"]] == ["measures"]
    assert found["outputs"][0]["datatype"] == "FP32"
    stats = client.get_inference_statistics("flowers", **options)["model_stats"]
    assert stats[0]["name"] == "flowers"
    with pytest.raises(InferenceServerException, match="no model"):
        client.get_model_metadata("nothing")
    with pytest.raises(InferenceServerException, match="no version"):
        client.get_model_metadata("flowers", "9")


def test_every_type_comes_back_as_it_was(triton):
    module, client = triton
    arrays = {name: values_of(name, kind) for name, (_, kind) in TYPES.items()}
    inputs = [given(module, f"x_{name}", array) for name, array in arrays.items()]
    found = client.infer("echo", inputs, request_id="r7")
    for name, array in arrays.items():
        back = found.as_numpy(f"y_{name}")
        assert back.shape == (3, 2)
        np.testing.assert_array_equal(back, array, err_msg=name)
        if name != "BYTES":
            assert back.dtype == array.dtype
    response = found.get_response()
    assert (response["id"] if isinstance(response, dict) else response.id) == "r7"


def test_every_type_but_half_precision_comes_back_in_json(flowers):
    client = triton_http.InferenceServerClient(flowers.place)
    arrays = {name: values_of(name, kind) for name, (_, kind) in TYPES.items()}
    arrays["BYTES"] = np.array([[b"a", b""], ["ä€".encode(), b"xy"], [b"l", b"z"]], object)
    inputs = [
        given(triton_http, f"x_{name}", array, binary_data=name == "FP16")
        for name, array in arrays.items()
    ]
    outputs = [
        triton_http.InferRequestedOutput(f"y_{name}", binary_data=name == "FP16") for name in arrays
    ]
    found = client.infer("echo", inputs, outputs=outputs)
    for name, array in arrays.items():
        back = found.as_numpy(f"y_{name}")
        wanted = array if name != "BYTES" else np.array([[b.decode() for b in r] for r in array])
        np.testing.assert_array_equal(back, wanted, err_msg=name)
    client.close()


def test_outputs_are_chosen_and_classes_named(triton, trained):
    module, client = triton
    rows = np.array([[1100, 1080, 1130, 1090], [980.5, 1010, 1000, 1020]], np.float32)
    expected = Predictor(path=trained.model, provider="cpu").run_batch({"measures": rows}, 2)
    found = client.infer(
        "flowers",
        [given(module, "measures", rows)],
        outputs=[
            module.InferRequestedOutput("logits"),
            module.InferRequestedOutput("logits_label"),
            module.InferRequestedOutput("logits_probabilities", class_count=1),
        ],
    )
    np.testing.assert_allclose(found.as_numpy("logits"), expected["logits"], rtol=1e-6)
    labels = [label.encode() for label in expected["logits_label"].tolist()]
    assert found.as_numpy("logits_label").tolist() == labels
    best = [text.split(b":")[2] for text in found.as_numpy("logits_probabilities")[:, 0]]
    assert best == labels
    one = client.infer(
        "flowers",
        [given(module, "measures", rows)],
        outputs=[module.InferRequestedOutput("logits_label")],
    )
    assert one.as_numpy("logits") is None


def test_what_is_no_input_is_said(triton):
    module, client = triton
    good = np.zeros((1, 4), np.float32)
    for array, name, wanted in (
        (np.zeros((1, 5), np.float32), "measures", "shape"),
        (np.zeros((1, 4), np.float64), "measures", "FP64"),
        (good, "measure", "no input"),
        (np.zeros((0, 4), np.float32), "measures", "holds nothing"),
    ):
        with pytest.raises(InferenceServerException, match=wanted):
            client.infer("flowers", [given(module, name, array)])
    with pytest.raises(InferenceServerException, match="no output"):
        client.infer(
            "flowers",
            [given(module, "measures", good)],
            outputs=[module.InferRequestedOutput("none")],
        )


def test_rows_of_any_length_are_answered(triton):
    module, client = triton
    for length in (1, 7, 300):
        x = np.arange(2 * length, dtype=np.float32).reshape(2, length)
        found = client.infer("sums", [given(module, "x", x)]).as_numpy("y")
        np.testing.assert_allclose(found, x.sum(1))


def test_a_deadline_that_passes_is_an_error(slow):
    with running({"slow": slow}, grpc=True) as server:
        for module, place in (
            (triton_http, server.place),
            (triton_grpc, f"127.0.0.1:{server.address.grpc}"),
        ):
            client = module.InferenceServerClient(place)
            x = given(module, "x", np.zeros((64, 64), np.float32))
            with pytest.raises(InferenceServerException, match="in time"):
                client.infer("slow", [x], timeout=1)
            assert client.infer("slow", [x], timeout=10**7).as_numpy("y").shape == (64, 512)
            client.close()


def test_a_stream_of_requests_is_answered_in_order(flowers):
    answers = []
    client = triton_grpc.InferenceServerClient(f"127.0.0.1:{flowers.address.grpc}")
    client.start_stream(lambda result, error: answers.append((result, error)))
    for value in (1, 2, 3):
        x = np.full((1, value), value, np.float32)
        client.async_stream_infer("sums", [given(triton_grpc, "x", x)], request_id=str(value))
    client.async_stream_infer("none", [given(triton_grpc, "x", x)], request_id="4")
    client.stop_stream()
    client.close()
    assert [result.as_numpy("y").tolist() for result, error in answers[:3]] == [[1], [4], [9]]
    assert "no model" in str(answers[3][1])


def test_a_token_is_asked_for_over_grpc(sums):
    token = "a-word-of-more-than-sixteen"
    with running({"sums": sums}, token=token, grpc=True) as server:
        client = triton_grpc.InferenceServerClient(f"127.0.0.1:{server.address.grpc}")
        assert client.is_server_ready()
        for headers in ({}, {"authorization": "Bearer nothing-that-is-right"}):
            with pytest.raises(InferenceServerException, match="token"):
                client.get_server_metadata(headers=headers)
        good = {"authorization": f"Bearer {token}"}
        assert client.get_server_metadata(headers=good).name == "dlc"
        client.close()


def test_typed_contents_are_read_and_given(flowers):
    """As the clients of KServe send them: no raw contents."""
    import grpc
    from tritonclient.grpc import service_pb2 as messages
    from tritonclient.grpc import service_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{flowers.address.grpc}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

        def asked():
            request = messages.ModelInferRequest(model_name="sums")
            tensor = request.inputs.add(name="x", datatype="FP32", shape=[2, 2])
            tensor.contents.fp32_contents.extend([1, 2, 3, 4])
            return request, tensor

        assert list(stub.ModelInfer(asked()[0]).outputs[0].contents.fp32_contents) == [3, 7]
        for change in (
            lambda request, tensor: tensor.contents.fp32_contents.append(1),
            lambda request, tensor: tensor.contents.int_contents.append(1),
            lambda request, tensor: request.raw_input_contents.append(b"1234"),
            lambda request, tensor: tensor.shape.append(-1),
            lambda request, tensor: setattr(tensor, "datatype", "FP33"),
            lambda request, tensor: setattr(tensor, "datatype", "FP16"),
            lambda request, tensor: request.inputs.append(tensor),
            lambda request, tensor: request.ClearField("inputs"),
        ):
            request, tensor = asked()
            change(request, tensor)
            with pytest.raises(grpc.RpcError) as caught:
                stub.ModelInfer(request)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
