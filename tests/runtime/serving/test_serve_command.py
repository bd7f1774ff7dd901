"""`dlc serve`: what it refuses to start with, its token, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Event
from urllib.request import urlopen

import pytest
from serving_tools import process, row, running, tensor

from dlc.compiler.cli.main import main
from dlc.runtime.failures import Failure
from dlc.runtime.serving.guard import Guard, is_loopback, read_token

TOKEN = "a-word-of-more-than-sixteen"


def refused(capsys, *words):
    assert main(["serve", *map(str, words)]) != 0
    return capsys.readouterr().err


def test_other_machines_may_not_ask_without_a_token(sums, capsys, monkeypatch):
    monkeypatch.delenv("DLC_SERVE_TOKEN", raising=False)
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org"):
        assert "E0921" in refused(capsys, sums, "--host", host)


@pytest.mark.parametrize("token", ["short", "", "a word of many letters", "ein-längeres-wort-hier"])
def test_a_token_that_can_be_guessed_or_sent_by_no_header_is_refused(token, tmp_path, capsys, sums):
    (tmp_path / "token").write_text(token)
    assert "E0920" in refused(capsys, sums, "--token-file", tmp_path / "token")


def test_a_token_is_read_from_a_file_or_else_the_environment(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_token(tmp_path / "token", "something-else-entirely") == TOKEN
    assert read_token(None, TOKEN) == TOKEN
    assert read_token(None, None) is None
    with pytest.raises(Failure) as caught:
        read_token(tmp_path, None)
    assert caught.value.diagnostic.code.number == "E0920"


def test_a_port_that_is_taken_is_said(sums, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "E0922" in refused(capsys, sums, "--port", port)


@pytest.mark.parametrize("name", ["a b", "../x", "ä", "", "stats", "x" * 65])
def test_names_are_checked(name, sums, capsys):
    assert "E0923" in refused(capsys, f"{name}={sums}")


def test_two_models_of_one_name_are_refused(sums, capsys):
    assert "is given twice" in refused(capsys, sums, sums)


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    assert "E0610" in refused(capsys, tmp_path)


def test_which_addresses_are_those_of_this_machine():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "localhost.evil.example", "10.0.0.1", "")))


def test_a_token_is_asked_for_by_all_but_health(sums):
    with running({"sums": sums}, token=TOKEN) as server:
        asked = tensor([1, 2], (1, 2), name="x")
        good = {"Authorization": f"Bearer {TOKEN}"}
        for path, body in (
            ("/v2", None),
            ("/v2/models/sums", None),
            ("/v2/models/none", None),
            ("/v2/models/sums/infer", asked),
            ("/v2/models/sums/rows", {"rows": []}),
            ("/metrics", None),
        ):
            for wrong in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN}):
                answer = server.ask(path, body, headers=wrong)
                assert answer.status == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        assert server.ask("/v2/models/sums/infer", asked, headers=good).status == 200
        assert server.ask("/v2", headers={**good, "Host": "models.example"}).status == 200
        assert server.ask("/v2/health/ready").status == 200


def test_the_guard_takes_any_bytes():
    guard = Guard(TOKEN)
    for given in (None, "", "Bearer", "Bearer ", "Bearer ä", "bearer\x00x", "Basic " + TOKEN):
        with pytest.raises(Exception, match="token"):
            guard.refuse(given)
    guard.refuse(f"bearer {TOKEN}")


def test_sigterm_fails_none_of_a_thousand_requests(slow):
    """Twenty clients send fifty requests each, or as many as the server answers until it ends:
    what it began to answer is answered, and what came too late was never accepted."""
    with process(f"slow={slow}") as (child, said):
        host, port = said["url"].removeprefix("http://").split(":")
        body = json.dumps(tensor([[0.5] * 64], (1, 64), name="x"))
        begun = Event()

        def client(_):
            answered, broken, closed = 0, [], False
            connection = HTTPConnection(host, int(port), timeout=60)
            for number in range(50):
                try:
                    connection.connect()
                except OSError:
                    closed = True
                    break
                try:
                    connection.request("POST", "/v2/models/slow/infer", body)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        answered += 1
                    else:
                        broken.append(answer.status)
                except OSError as error:
                    broken.append(repr(error))
                finally:
                    connection.close()
                if number == 10:
                    begun.set()
            return answered, broken, closed

        with ThreadPoolExecutor(20) as pool:
            clients = [pool.submit(client, index) for index in range(20)]
            assert begun.wait(60)
            child.send_signal(signal.SIGTERM)
            found = [c.result() for c in clients]
        assert not [error for _, broken, _ in found for error in broken]
        assert sum(answered for answered, _, _ in found) >= 20 * 10
        assert child.wait(60) == 0
        assert child.stderr.read() == ""


def test_readiness_turns_false_before_connections_are_refused(slow):
    with running({"slow": slow}, notice_seconds=2) as server:
        assert server.ask("/v2/health/ready").status == 200
        server.loop.call_soon_threadsafe(server.server.stop)
        answer = server.ask("/v2/health/ready")
        while answer.status == 200:
            answer = server.ask("/v2/health/ready")
        assert answer.json == {"ready": False}
        assert answer.headers["connection"] == "close"
        time.sleep(0.5)
        assert server.ask("/v2/health/live").json == {"live": True}


def test_a_run_and_a_bundle_stand_for_their_models(trained, tmp_path):
    out = tmp_path / "bundle"
    assert main(["export", str(trained.run), "--bundle", str(out)]) == 0
    with process(trained.run, f"packed={out}", "--strict", "--provider", "cpu") as (_, said):
        assert said["models"] == dict.fromkeys(("flowers", "packed"), "CPUExecutionProvider")
        answers = []
        for name in said["models"]:
            asked = json.dumps({"rows": [row()]}).encode()
            with urlopen(f"{said['url']}/v2/models/{name}/rows", asked, timeout=60) as found:
                answers.append(json.loads(found.read())["answers"])
        assert answers[0] == answers[1]
        assert answers[0][0]["logits"]["label"] == "rose"
