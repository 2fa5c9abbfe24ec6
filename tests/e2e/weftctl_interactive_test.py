#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weftctl on a terminal: completion, help, history, Ctrl-C, a daemon that goes away and comes back.

Usage: weftctl_interactive_test.py [PATH-OF-WEFTCTL]; else it is in $WEFT_BUILD_DIR. The daemon is a stand-in on a thread that speaks
the control protocol. Needs python3-pexpect; exits with 77 (skipped) without it.
"""
import json
import os
import socketserver
import sys
import tempfile
import threading
import unittest

try:
    import pexpect
except ImportError:
    print("python3-pexpect is not installed")
    sys.exit(77)

WEFTCTL = ""
PROMPT = "weft> "


def candidate(text, help_text, placeholder=False):
    return {"text": text, "help": help_text, "placeholder": placeholder}


COMPLETIONS = {
    "sh": (0, [candidate("show", "drops, ports")]),
    "show ": (5, [candidate("drops", "Why packets were dropped."), candidate("ports", "Lists ports.")]),
    "show p": (5, [candidate("ports", "Lists ports.")]),
    "show ta": (5, [candidate("FILE", "the file", True)]),
    "show port ": (10, [candidate('"my port"', "a port"), candidate("NAME", "a port", True)]),
}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.peers.append(self.connection)
        for line in self.rfile:
            request = json.loads(line)
            if "complete" in request:
                start, candidates = COMPLETIONS.get(request["complete"], (0, []))
                answer = {"ok": True, "data": {"start": start, "candidates": candidates}}
            elif request["command"] == "hang":
                continue
            elif request["command"].startswith("show"):
                answer = {"ok": True, "reply": "ran <%s>\n" % request["command"]}
            else:
                answer = {"ok": False, "error": "unknown command \"%s\"" % request["command"]}
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path):
        self.path = path
        self.peers = []
        super().__init__(path, Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()
        for peer in self.peers:
            try:
                peer.shutdown(2)
            except OSError:
                pass  # that one is gone already
        os.unlink(self.path)


class Interactive(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "control.sock")
        self.daemon = Daemon(self.path)
        self.shell = self.start()

    def tearDown(self):
        self.shell.close(force=True)
        if self.daemon:
            self.daemon.stop()
        self.directory.cleanup()

    def start(self):
        environment = dict(os.environ, TERM="xterm", XDG_STATE_HOME=self.directory.name, LC_ALL="C.UTF-8")
        # libedit 3.1 never frees the names given to EL_ADDFN.
        environment["ASAN_OPTIONS"] = "detect_leaks=0"
        shell = pexpect.spawn(WEFTCTL, ["-s", self.path], env=environment, timeout=20, dimensions=(24, 80))
        shell.expect_exact(PROMPT)
        return shell

    def run_line(self, line, expected):
        self.shell.send(line + "\r")
        self.shell.expect_exact(expected)
        self.shell.expect_exact(PROMPT)

    def test_runs_commands_and_shows_errors(self):
        self.run_line("show ports", "ran <show ports>")
        self.run_line("nonsense", 'unknown command "nonsense"')
        self.run_line("show it", "ran <show it>")

    def test_tab_completes_words_and_values(self):
        self.shell.send("sh\tp\t\r")
        self.shell.expect_exact("ran <show ports>")
        self.shell.expect_exact(PROMPT)
        self.shell.send("show port \t\r")
        self.shell.expect_exact('ran <show port "my port">')

    def test_tab_completes_files(self):
        os.mkdir(os.path.join(self.directory.name, "taken"))
        self.shell.close(force=True)
        before = os.getcwd()
        os.chdir(self.directory.name)
        try:
            self.shell = self.start()
        finally:
            os.chdir(before)
        self.shell.send("show ta\t\r")
        self.shell.expect_exact("ran <show taken/>")

    def test_tab_lists_what_it_cannot_decide(self):
        self.shell.send("show \t")
        self.shell.expect("drops +Why packets were dropped.\r\nports +Lists ports.\r\n")
        self.shell.send("drops\r")
        self.shell.expect_exact("ran <show drops>")

    def test_question_mark_explains(self):
        self.shell.send("show ?")
        self.shell.expect("ports +Lists ports.\r\n")
        self.shell.send("p\t\r")
        self.shell.expect_exact("ran <show ports>")
        self.shell.expect_exact(PROMPT)
        self.shell.send('show "a?b"\r')
        self.shell.expect_exact('ran <show "a?b">')

    def test_ctrl_c_clears_the_line(self):
        self.shell.send("show wrong")
        self.shell.expect_exact("show wrong")
        self.shell.sendcontrol("c")
        self.shell.expect_exact("^C")
        self.shell.send("show right\r")
        self.shell.expect_exact("ran <show right>")

    def test_ctrl_c_stops_waiting(self):
        self.shell.send("hang\r")
        self.shell.expect_exact("hang\r\n")
        # Until weftctl waits, Ctrl-C may reach the line editor of the next line instead.
        while self.shell.expect_exact(["interrupted", pexpect.TIMEOUT], timeout=0.2) != 0:
            self.shell.sendcontrol("c")
        self.run_line("show ports", "ran <show ports>")

    def test_ctrl_d_and_exit_leave(self):
        self.shell.sendcontrol("d")
        self.shell.expect(pexpect.EOF)
        self.shell.close()
        self.assertEqual(self.shell.exitstatus, 0)
        self.shell = self.start()
        self.shell.send("exit\r")
        self.shell.expect(pexpect.EOF)
        self.shell.close()
        self.assertEqual(self.shell.exitstatus, 0)

    def test_history_is_kept(self):
        self.run_line("show one", "ran <show one>")
        self.shell.close(force=True)
        self.shell = self.start()
        self.shell.send("\x1b[A\r")
        self.shell.expect_exact("ran <show one>")

    def test_a_lost_daemon_is_reported_and_found_again(self):
        self.run_line("show one", "ran <show one>")
        self.daemon.stop()
        self.daemon = None
        self.run_line("show two", "no weftd answers")
        self.shell.send("show \t")
        self.shell.expect_exact("no weftd answers")
        self.shell.sendcontrol("c")
        self.daemon = Daemon(self.path)
        self.run_line("show three", "ran <show three>")


if __name__ == "__main__":
    BUILD = os.environ.get("WEFT_BUILD_DIR", "build/release")
    WEFTCTL = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(BUILD, "weftctl"))
    unittest.main()
