"""The small real language model that Baton is run and tested with: an OpenAI-compatible endpoint on loopback.

Started by `cargo xtask model-server`, `run` and `test` with the interpreter of `.local/model-venv`. Prints one JSON line
on standard output when it answers requests, and ends when its standard input closes, so that it never outlives its parent.
"""

import argparse
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="path of a GGUF file")
    parser.add_argument("--name", required=True, help="the model's name in the API")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--context", type=int, default=8192, help="tokens, shared by the parallel requests")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2)
    return parser.parse_args()


def claim_stdout():
    """Keeps standard output for our one line: what the library prints goes to standard error."""
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return ours


def wait_until_healthy(address, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address + "/health", timeout=5) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.05)
    raise SystemExit(f"the model server did not answer within {seconds} s")


def main():
    options = arguments()
    stdout = claim_stdout()

    def exit_with_parent():
        # Raw reads: a buffered reader would hold its lock while the interpreter ends.
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=exit_with_parent, name="exit-with-parent", daemon=True).start()

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = options.name if isinstance(params.model_alias, str) else {options.name}
    params.port = options.port
    params.n_ctx = options.context
    params.n_parallel = options.parallel
    # A model this small sometimes does not find an end: nobody waits for more than a page of it.
    params.n_predict = 400
    params.use_jinja = True
    params.cpuparams.n_threads = options.threads
    params.verbosity = 1
    server = xllamacpp.Server(params)
    address = server.listening_address
    wait_until_healthy(address, seconds=120)
    print(json.dumps({"baseUrl": address + "/v1", "model": options.name}), file=stdout, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
