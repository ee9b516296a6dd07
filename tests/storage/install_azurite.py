"""Get Azurite where it is missing, with the npm of the development environment."""

from __future__ import annotations

import os
import subprocess

from tests.storage.azurite import INSTALLED, PROGRAM, VERSION, find_node


def main() -> None:
    """Install it, or say why the tests on Azure's protocol will be skipped."""
    node = find_node()
    if node is not None and not PROGRAM.is_file():
        print("Installing Azurite for the tests of Azure's storage ...", flush=True)
        npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["--no-save", "--no-audit", "--no-fund", "--silent", "--prefix", str(INSTALLED.parent)]
        path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
        command = [str(node), str(npm), "install", *options, f"azurite@{VERSION}"]
        subprocess.run(command, env={**os.environ, "PATH": path}, check=False)
    if not PROGRAM.is_file():
        print("No Azurite could be installed: the tests of Azure's storage are skipped.", flush=True)


if __name__ == "__main__":
    main()
