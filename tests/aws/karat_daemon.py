# SPDX-License-Identifier: Apache-2.0
"""A karatd as it ships, for the tests beside this file."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = pathlib.Path(os.environ.get("KARAT_RELEASE", ROOT / "build/release"))


def end_helpers(data):
    """Ends the guests, networks and karat-blk that a daemon on `data` has left running."""
    for pid_file in [*pathlib.Path(data, "run/machines").glob("*/*.pid"), *pathlib.Path(data, "run").glob("*.pid")]:
        pid = int(pid_file.read_text() or 0)
        try:
            if pid and str(data) in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, 15)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended


class Daemon:
    """A karatd with a data directory of its own, ended with its helpers by stop()."""

    def __init__(self, data=None, *settings, programs=RELEASE):
        self.data = data or tempfile.mkdtemp(prefix="karat-test-")
        settings = [f"data_directory={self.data}", "port=0", *(settings or ["accelerator=tcg"])]
        self.log = open(f"{self.data}/karatd.log", "w")
        self.programs = programs
        self.command = [programs / "karatd", *(word for setting in settings for word in ("--set", setting))]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        deadline = time.time() + 60
        endpoint = pathlib.Path(self.data, "run/endpoint")
        while not endpoint.exists() or not endpoint.read_text():
            if time.time() > deadline or self.process.poll() is not None:
                sys.exit("karatd did not start:\n" + pathlib.Path(self.data, "karatd.log").read_text())
            time.sleep(0.05)
        self.endpoint = endpoint.read_text().strip()

    def restart(self, signal=15):
        """A new daemon on the same data, at another port."""
        self.process.send_signal(signal)
        self.process.wait(30)
        pathlib.Path(self.data, "run/endpoint").unlink(missing_ok=True)
        self.start()

    def karat(self, *words, check=True):
        return subprocess.run([self.programs / "karat", "--data", self.data, *words], check=check, text=True,
                              capture_output=True)

    def keys(self, account):
        self.karat("account", "create", account)
        lines = self.karat("key", "create", account).stdout.splitlines()
        return [line.split("=", 1)[1] for line in lines]

    def client(self, keys, region="us-east-1", service="ec2"):
        import boto3
        import botocore.config
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint,
                            aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
                            config=botocore.config.Config(retries={"max_attempts": 0}))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        end_helpers(self.data)
        for left in pathlib.Path(self.data).iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if not os.path.ismount(self.data):
            os.rmdir(self.data)


def run_and_tell(run, failures):
    """Calls `run` with a daemon of its own, prints what it put into `failures`, and ends the test accordingly."""
    daemon = Daemon()
    try:
        run(daemon)
    finally:
        daemon.stop()
    print("\n".join(failures) or "all as expected")
    sys.exit(1 if failures else 0)
