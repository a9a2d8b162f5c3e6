"""The page's scripts that touch no page, run by Node."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from training.report.build import PAGE

# Enough of a browser for the scripts to load; numbers in arrays of any type come back as lists.
_HARNESS = """
const [fs, vm] = [require("fs"), require("vm")];
const { files, call, data } = JSON.parse(fs.readFileSync(0, "utf8"));
Object.assign(globalThis, { window: globalThis, document: { getElementById: () => ({ textContent: "{}" }) }, aez: {} });
for (const file of files) vm.runInThisContext(fs.readFileSync(file, "utf8"), file);
const plain = (name, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
Promise.resolve(vm.runInThisContext(call)(data)).then((found) =>
  process.stdout.write(JSON.stringify(found ?? null, plain)));
"""


def call(names: Sequence[str], function: str, data: object = None) -> Any:
    """What a function in JavaScript, like "(data) => aez.f(data)", makes of `data` after some scripts of the page.

    The test is skipped where there is no Node.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on PATH")
    files = [str(Path(PAGE) / name) for name in names]
    sent = json.dumps({"files": files, "call": function, "data": data})
    done = subprocess.run([node, "-e", _HARNESS], input=sent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
