"""flytekit's own service of connectors, on loopback (`pyflyte serve` would listen everywhere), or what it is asked."""

import asyncio
import os
import sys
import time

import grpc
from flyteidl.admin.agent_pb2 import CreateTaskRequest, GetTaskRequest, TaskCategory
from flyteidl.core.execution_pb2 import TaskExecution
from flyteidl.core.literals_pb2 import Literal, LiteralMap, Primitive, Scalar
from flyteidl.core.tasks_pb2 import TaskTemplate
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub, add_AsyncAgentServiceServicer_to_server
from flytekit.extend.backend.connector_service import AsyncConnectorService

import ingest.integrations.flytekit  # noqa: F401 - it registers the connector
from ingest.integrations.connecting import TASK_TYPE


async def serve() -> None:
    """Its port is told."""
    server = grpc.aio.server()
    add_AsyncAgentServiceServicer_to_server(AsyncConnectorService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    os.write(1, f"{port}\n".encode())
    await server.wait_for_termination()


def ask(port: str, told: str, settings: str) -> None:
    """A wait, made twice, to its end; what was handed on is told."""
    asked = {"told": told, "settings": settings}
    inputs = {name: Literal(scalar=Scalar(primitive=Primitive(string_value=value))) for name, value in asked.items()}
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        service = AsyncAgentServiceStub(channel)
        create = CreateTaskRequest(inputs=LiteralMap(literals=inputs), template=TaskTemplate(type=TASK_TYPE))
        made = [service.CreateTask(create).resource_meta for _ in range(2)][1]
        while True:
            asking = GetTaskRequest(resource_meta=made, task_category=TaskCategory(name=TASK_TYPE))
            resource = service.GetTask(asking).resource
            if resource.phase != TaskExecution.RUNNING:
                break
            time.sleep(0.5)
    os.write(1, f"{TaskExecution.Phase.Name(resource.phase)}\n".encode())
    os.write(1, resource.outputs.literals["told"].scalar.primitive.string_value.encode() + b"\n")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        ask(*sys.argv[2:])
