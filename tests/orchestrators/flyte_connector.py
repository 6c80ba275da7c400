"""Flyte 2's own service of connectors, on loopback (`c0` would listen everywhere), or what Flyte asks it over gRPC."""

import asyncio
import os
import sys
import time

import grpc
from flyte.connectors._server import AsyncConnectorService
from flyte.connectors.utils import _load_connectors
from flyteidl2.connector.connector_pb2 import CreateTaskRequest, GetTaskRequest, TaskCategory
from flyteidl2.connector.service_pb2_grpc import AsyncConnectorServiceStub, add_AsyncConnectorServiceServicer_to_server
from flyteidl2.core.execution_pb2 import TaskExecution
from flyteidl2.core.interface_pb2 import TypedInterface, Variable, VariableEntry, VariableMap
from flyteidl2.core.literals_pb2 import Literal, Primitive, Scalar
from flyteidl2.core.tasks_pb2 import TaskTemplate
from flyteidl2.core.types_pb2 import LiteralType, SimpleType
from flyteidl2.task.common_pb2 import Inputs, NamedLiteral

from ingest.integrations.connecting import TASK_TYPE


async def serve() -> None:
    """Its port is told."""
    _load_connectors(None)  # ours is an entry point
    server = grpc.aio.server()
    add_AsyncConnectorServiceServicer_to_server(AsyncConnectorService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    os.write(1, f"{port}\n".encode())
    await server.wait_for_termination()


def ask(port: str, told: str, settings: str) -> None:
    """A wait, made twice, to its end; what was handed on is told."""
    asked = {"told": told, "settings": settings}
    text = Variable(type=LiteralType(simple=SimpleType.STRING))
    variables = VariableMap(variables=[VariableEntry(key=name, value=text) for name in asked])
    inputs = [
        NamedLiteral(name=name, value=Literal(scalar=Scalar(primitive=Primitive(string_value=value))))
        for name, value in asked.items()
    ]
    template = TaskTemplate(type=TASK_TYPE, interface=TypedInterface(inputs=variables))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        service = AsyncConnectorServiceStub(channel)
        create = CreateTaskRequest(inputs=Inputs(literals=inputs), template=template)
        made = [service.CreateTask(create).resource_meta for _ in range(2)][1]
        while True:
            asking = GetTaskRequest(resource_meta=made, task_category=TaskCategory(name=TASK_TYPE))
            resource = service.GetTask(asking).resource
            if resource.phase != TaskExecution.RUNNING:
                break
            time.sleep(0.5)
    os.write(1, f"{TaskExecution.Phase.Name(resource.phase)}\n".encode())
    os.write(1, resource.outputs.literals[0].value.scalar.primitive.string_value.encode() + b"\n")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        ask(*sys.argv[2:])
