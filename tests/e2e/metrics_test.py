# SPDX-License-Identifier: Apache-2.0
"""What Prometheus fetches: right, well-formed, and of no harm to anybody whoever asks."""
import contextlib
import json
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from stage.scrape import METRICS, address, fetch, promtool, samples
from weft_e2e import (BUILD, ROOT, Pair, Process, Testpmd, Weftd, at_least, equal, mac, ports, run, static_ports,
                      wait_equal, wait_for)

DASHBOARD = ROOT / "contrib" / "grafana" / "weft.json"
OF_PROMETHEUS = {"instance", "job"}  # labels that it adds itself
SILENT = 1000


@contextlib.contextmanager
def after_traffic():
    """weftd after frames that arrived and frames that did not, all of them counted by now."""
    with Weftd(METRICS + static_ports("web-1") + ports("web-2")) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), peer=mac(2), mode="rxonly") as owner, \
         Testpmd(weft.socket("web-2"), mac=mac(1), peer=mac(1), mode="rxonly") as thief:
        weft.wait_up("web-1", "web-2")
        owner.start(tx_first=3)
        thief.start(tx_first=2)
        stolen = "web-2", "l2-switch", "stolen-source"
        wait_equal(lambda: (weft.port("web-1")["rx-packets"], weft.drops().get(stolen)), (96, 64), "frames")
        yield weft


def it_is_what_the_shell_says():
    with after_traffic() as weft:
        status, kind, text = fetch(weft)
        equal((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"), "the answer")
        page = samples(text)
        for row in weft.ctl("show ports"):
            of_port = frozenset([("port", row["name"])])
            for metric, column in (("receive_packets", "rx-packets"), ("receive_bytes", "rx-bytes"),
                                   ("transmit_packets", "tx-packets"), ("transmit_bytes", "tx-bytes")):
                equal(page[f"weft_port_{metric}_total", of_port], row[column], f"{metric} of {row['name']}")
            equal(page["weft_port_up", of_port], 1, f"{row['name']} is up")
        drops = {tuple(dict(labels).get(name, "") for name in ("port", "node", "reason")): value
                 for (name, labels), value in page.items() if name == "weft_drops_total"}
        equal(drops, {(port or "", *rest): count for (port, *rest), count in weft.drops().items()}, "drops")
        for row in weft.ctl("show counters"):
            name = f"weft_{row['node']}_{row['counter']}_total".replace("-", "_")
            if row["node"] not in ("vhost-input", "vhost-output"):  # which may count while nobody sends
                equal(page[name, frozenset([("node", row["node"])])], row["count"], name)
        packets = {dict(labels)["node"]: value for (name, labels), value in page.items()
                   if name == "weft_node_packets_total"}
        equal(packets["l2-switch"], 160, "packets of l2-switch")
        latencies = {dict(labels)["port"]: value for (name, labels), value in page.items()
                     if name == "weft_port_latency_seconds_count"}
        shown = {row["port"]: row["packets"] for row in weft.ctl("show latency") if row["packets"]}
        equal((latencies, latencies.get("web-2")), (shown, 96), "packets with a latency")
        for port in latencies:
            below = [value for (name, labels), value in page.items()
                     if name == "weft_port_latency_seconds_bucket" and ("port", port) in labels]
            equal((below, below[-1]), (sorted(below), latencies[port]), f"buckets of {port}, and the last of them")
        help_of = {(dict(labels)["node"], dict(labels)["reason"]): dict(labels)["help"]
                   for name, labels in page if name == "weft_drop_reason_info"}
        equal(help_of["l2-switch", "stolen-source"], "The source is a static address of another port.", "the help")
        equal(fetch(weft, "/")[0], 404, "another path")
        equal(fetch(weft, method="HEAD")[2], "", "what HEAD gets of the page")
        equal(fetch(weft, method="POST")[0], 405, "POST")


def promtool_has_no_complaint():
    with after_traffic() as weft:
        result = promtool("check", "metrics", text=fetch(weft)[2])
        equal((result.returncode, result.stdout, result.stderr), (0, "", ""), "promtool check metrics")
        # It does complain where there is reason to.
        equal(promtool("check", "metrics", text="weft_x 1\n").returncode, 3, "promtool on a metric without help")


def selectors(expression):
    """[(metric, the labels that it is asked for)] of a query."""
    return [(name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels or "")))
            for name, labels in re.findall(r"\b((?:weft|process)_\w+)(?:\{([^}]*)\})?", expression)]


def every_query_of_the_dashboard_finds_something():
    dashboard = json.loads(DASHBOARD.read_text())
    with after_traffic() as weft:
        page = samples(fetch(weft)[2])
    labels_of = {}
    for name, labels in page:
        labels_of.setdefault(name, set(OF_PROMETHEUS)).update(label for label, _ in labels)
    queries = [(panel["title"], target["expr"], target["legendFormat"])
               for panel in dashboard["panels"] for target in panel["targets"]]
    at_least(len(queries), 15, "queries")
    for title, query, legend in queries:
        asked = selectors(query)
        at_least(len(asked), 1, f"metrics in {title}: {query}")
        grouped = [set(re.split(r"\s*,\s*", group)) for group in re.findall(r"\bby \(([^)]*)\)", query)]
        shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
        for name, labels in asked:
            equal(name in labels_of, True, f"{title}: whether there is {name}")
            wanted = labels.union(shown, *grouped)
            equal(wanted - labels_of[name], set(), f"{title}: labels that {name} does not have")
        for group in grouped:
            equal(shown - group, set(), f"{title}: labels of the legend that are summed up")
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["query"]["query"]).groups()
            equal(label in labels_of.get(name, ()), True, f"whether {name} has the label {label}")
    # Prometheus can read them, once Grafana has filled in its variables.
    rules = [{"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m").replace("$", "")}
             for number, (_, query, _) in enumerate(queries)]
    with tempfile.TemporaryDirectory(prefix="weft-e2e-") as scratch:
        path = pathlib.Path(scratch) / "rules.yml"
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
        result = promtool("check", "rules", path)
        equal((result.returncode, f"{len(rules)} rules found" in result.stdout), (0, True),
              f"promtool check rules: {result.stdout}{result.stderr}")


def connect(weft):
    return socket.create_connection(address(weft), timeout=60)


def clients_that_mean_no_good():
    """Silent by the thousand, garbled, slow, gone in the middle: a scraper gets its page and no frame is lost."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * SILENT, hard) if hard > 0 else 4 * SILENT, hard))
    try:
        with Weftd(METRICS + static_ports("web-1", "web-2")) as weft, Pair(weft) as pair, \
             contextlib.ExitStack() as clients:
            pair.start()
            pair.wait_frames()
            threads, baseline = len(weft.threads()), weft.fds()
            for number in range(SILENT):
                client = clients.enter_context(connect(weft))
                with contextlib.suppress(OSError):  # it may be cut off by now
                    if number % 4 == 1:
                        client.sendall(b"GET /metrics HT")
                    elif number % 4 == 2:
                        client.sendall(bytes(range(256)) * 40)
                    elif number % 4 == 3:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
                        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
                if number % 50 == 0:
                    equal(fetch(weft)[0], 200, f"a scrape beside {number} clients")
            equal(fetch(weft)[0], 200, "a scrape beside all of them")
            equal(weft.weftctl("show", "ports").returncode, 0, "the shell beside all of them")
            equal(weft.fds() <= baseline + 64, True, f"at most 64 of them are served: {weft.fds()} and {baseline}")
            equal(len(weft.threads()), threads, "threads")
            clients.close()
            wait_for(lambda: weft.fds() <= baseline, "all of them are gone")
            pair.wait_frames()
            pair.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def it_is_sandboxed_and_needs_nothing_more():
    """Each thread's filter and capabilities are as without metrics."""
    def rights(weft):
        wait_for(lambda: any(t["Name"] == "weft-w0" and t["Seccomp_filters"] == "2"
                             for t in weft.threads().values()), "a worker with its filter")
        return sorted((t["Name"], t["CapEff"], t["Seccomp"], t["Seccomp_filters"]) for t in weft.threads().values())
    with Weftd(ports("web-1")) as weft:
        without = rights(weft)
        equal("metrics:" in weft.log(), False, "metrics that nobody asked for")
    with Weftd(METRICS + ports("web-1")) as weft:
        equal(fetch(weft)[0], 200, "a scrape")
        equal(rights(weft), without, "rights of weftd's threads")


def only_a_restart_moves_it():
    with Weftd(METRICS + ports("web-1")) as weft:
        host, port = address(weft)
        text = weft.config_file.read_text()
        for other in (text.replace("127.0.0.1:0", "127.0.0.1:9464"), text.replace(METRICS, "")):
            weft.config_file.write_text(other)
            reply = weft.request("config apply")
            equal((reply["ok"], "[metrics]: listen: only a restart changes it" in reply["error"]), (False, True),
                  f"the reload: {reply}")
        weft.config_file.write_text(text)
        weft.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "says what is there already" in weft.log(), "the reload of the same file")
        equal(address(weft), (host, port), "where the metrics are")
        equal(fetch(weft)[0], 200, "a scrape after reloads")
        # Whoever wants the same place says so, and does not start.
        with tempfile.TemporaryDirectory(prefix="weft-e2e-") as scratch:
            path = pathlib.Path(scratch) / "startup.conf"
            path.write_text(f'[weft]\nruntime-dir = "{scratch}/run"\n[metrics]\nlisten = "{host}:{port}"\n'
                            '[dpdk]\neal = ["--no-huge"]\n')
            result = subprocess.run([BUILD / "weftd", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                    timeout=60)
            said = f"[metrics] listen: cannot listen at {host}:{port}: Address already in use"
            equal((result.returncode, said in result.stderr), (1, True), f"the second weftd: {result.stderr}")
            path.write_text('[metrics]\nlisten = "localhost:9464"\n')
            result = subprocess.run([BUILD / "weftd", "--check", path], stdin=subprocess.DEVNULL, capture_output=True,
                                    text=True, timeout=60)
            equal((result.returncode, ":2:10: [metrics]: listen: " in result.stderr), (1, True), f"{result.stderr}")


def a_unix_socket_answers_too():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-e2e-metrics-"))
    path = folder / "metrics.sock"
    try:
        with Weftd(f'[metrics]\nlisten = "unix:{path}"\n' + ports("web-1")):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(str(path))
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: weft\r\n\r\n")
                with client.makefile("rb") as answer:
                    head, _, text = answer.read().decode().partition("\r\n\r\n")
            equal(head.startswith("HTTP/1.1 200 "), True, f"the answer: {head}")
            equal(samples(text)["weft_port_up", frozenset([("port", "web-1")])], 0, "web-1 is down")
            equal(path.stat().st_mode & 0o777, 0o660, "who may ask")
    finally:
        shutil.rmtree(folder)


def the_example_of_the_control_socket():
    with Weftd(ports("web-1", "web-2")) as weft, tempfile.TemporaryFile() as output:
        example = Process("ports.py", [sys.executable, ROOT / "docs" / "examples" / "ports.py",
                                       weft.runtime_dir / "control.sock"], stdout=output)
        try:
            def lines():
                output.seek(0)
                return output.read().decode().splitlines()
            wait_for(lambda: len(lines()) >= 4, "two rounds of its output")
            equal([line.split() for line in lines()[:4]],
                  2 * [[name, "down", "0", "in", "0", "out"] for name in ("web-1", "web-2")], "what it prints")
        finally:
            example.kill()


if __name__ == "__main__":
    run(it_is_what_the_shell_says, promtool_has_no_complaint, every_query_of_the_dashboard_finds_something,
        clients_that_mean_no_good, it_is_sandboxed_and_needs_nothing_more, only_a_restart_moves_it,
        a_unix_socket_answers_too, the_example_of_the_control_socket)
