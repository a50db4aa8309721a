"""CPU and wall time a request of this app's providers, beside the vendors' own clients.

    python benchmarks/http_clients.py        2,000 requests at 100 ms, concurrency 100
    python benchmarks/http_clients.py --requests 500 --repeats 3

All clients call the same mock server, in a process of its own, over real sockets, and read text
and token counts. Each row is one process; connections are opened before the clock starts. CPU is
the client process's own. The rounds are interleaved and the median of each row is shown, because
the machine's other work moves single rounds; the last column compares within this run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

SERVE = """
import sys
from prompt_app.providers.mock_server import MockServerOptions, run_mock_server
run_mock_server(MockServerOptions(latency_ms=float(sys.argv[1])))
"""

MEASURE = """
import asyncio, json, resource, sys, time

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

def report(started, cpu_before, requests):
    print(json.dumps({
        "wall_ms": (time.perf_counter() - started) / requests * 1000,
        "cpu_ms": (cpu() - cpu_before) / requests * 1000,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))

async def measure(call, requests, concurrency):
    await asyncio.gather(*(call(number) for number in range(concurrency)))
    left = iter(range(requests))
    async def work():
        for number in left:
            await call(number)
    started, before = time.perf_counter(), cpu()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    report(started, before, requests)

url, requests, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
"""

OURS = """
import uvloop
from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import Message
from prompt_app.providers import connect
from prompt_app.settings import Settings

async def main():
    model = ModelSpec(provider=PROVIDER, name="fixed")
    provider = connect(model, Settings(
        _env_file=None, openai_base_url=url + "/v1", openai_api_key="sk-benchmark",
        aws_region="us-east-1", bedrock_endpoint_url=url, sagemaker_endpoint_url=url,
    ))
    async def call(number):
        request = GenerationRequest(
            model=model, messages=(Message(role="user", content=f"row {number}"),),
            parameters=InferenceParameters(max_tokens=20),
        )
        reply = await provider.generate(request, 60)
        assert reply.text == "OK" and reply.usage.total > 0
    await measure(call, requests, concurrency)
    await provider.close()

uvloop.run(main())
"""

OPENAI = """
import uvloop
from openai import AsyncOpenAI

async def main():
    client = AsyncOpenAI(base_url=url + "/v1", api_key="sk-benchmark", max_retries=0)
    async def call(number):
        reply = await client.chat.completions.create(
            model="fixed", max_tokens=20, timeout=60,
            messages=[{"role": "user", "content": f"row {number}"}],
        )
        assert reply.choices[0].message.content == "OK" and reply.usage.total_tokens > 0
    await measure(call, requests, concurrency)
    await client.close()

uvloop.run(main())
"""

BOTO3 = """
from concurrent.futures import ThreadPoolExecutor
import boto3
from botocore.config import Config

client = boto3.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1", config=Config(
    max_pool_connections=concurrency, retries={"total_max_attempts": 1}
))
def call(number):
    reply = client.converse(
        modelId="fixed", inferenceConfig={"maxTokens": 20},
        messages=[{"role": "user", "content": [{"text": f"row {number}"}]}],
    )
    assert reply["output"]["message"]["content"][0]["text"] == "OK"
    assert reply["usage"]["totalTokens"] > 0
with ThreadPoolExecutor(concurrency) as pool:
    list(pool.map(call, range(concurrency)))
    started, before = time.perf_counter(), cpu()
    list(pool.map(call, range(requests)))
    report(started, before, requests)
"""

BARE = """
import aiohttp, uvloop

async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def call(number):
            body = {"model": "fixed", "messages": [{"role": "user", "content": f"row {number}"}]}
            async with session.post(url + "/v1/chat/completions", json=body) as response:
                reply = await response.json()
            assert reply["choices"][0]["message"]["content"] == "OK"
        await measure(call, requests, concurrency)

uvloop.run(main())
"""

CLIENTS = {
    "aiohttp alone": BARE,
    "prompt-app openai": f"PROVIDER = 'openai'\n{OURS}",
    "prompt-app bedrock": f"PROVIDER = 'bedrock'\n{OURS}",
    "prompt-app sagemaker": f"PROVIDER = 'sagemaker'\n{OURS}",
    "openai client": OPENAI,
    "boto3, threads": BOTO3,
}


def run(program: str, url: str, requests: int, concurrency: int) -> dict[str, float]:
    """One round of one client, in a process of its own."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-c", MEASURE + program, url, str(requests), str(concurrency)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def compare(requests: int, concurrency: int, latency: float, repeats: int) -> dict[str, Any]:
    """Median of each figure for each client."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(latency)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    url = server.stdout.readline().split()[-1]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    try:
        for _ in range(repeats):
            for name, program in CLIENTS.items():
                rounds[name].append(run(program, url, requests, concurrency))
    finally:
        server.terminate()
        server.wait()
    return {
        name: {key: statistics.median(item[key] for item in results) for key in results[0]}
        for name, results in rounds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    figures = compare(
        arguments.requests, arguments.concurrency, arguments.latency_ms, arguments.repeats
    )
    least = arguments.latency_ms / arguments.concurrency
    base = figures["prompt-app openai"]["cpu_ms"]
    print(f"{'client':22}{'CPU ms':>9}{'wall ms':>9}{'of limit':>10}{'MB':>6}{'CPU ratio':>11}")
    for name, row in figures.items():
        print(
            f"{name:22}{row['cpu_ms']:9.3f}{row['wall_ms']:9.3f}{row['wall_ms'] / least:9.2f}x"
            f"{row['peak_mb']:6.0f}{row['cpu_ms'] / base:10.1f}x"
        )


if __name__ == "__main__":
    main()
