"""Calls the billing service as a program in another language does.

It knows nothing but the address, a token and names: types come from the server's reflection.
Prints one JSON object of what it saw. Usage: TOKEN=... client.py HOST:PORT
"""

import json
import os
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SECONDS = 20
STREAMED = 100


class WithToken(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Adds the token to every call, reflection included."""

    def __init__(self, token):
        self.metadata = [("authorization", f"Bearer {token}")]

    def intercept_unary_unary(self, proceed, details, request):
        return proceed(self.add(details), request)

    def intercept_stream_stream(self, proceed, details, requests):
        return proceed(self.add(details), requests)

    def add(self, details):
        added = grpc.ClientCallDetails()
        added.method, added.timeout = details.method, SECONDS
        added.metadata = self.metadata
        added.credentials, added.wait_for_ready = details.credentials, None
        added.compression = None
        return added


class Server:
    def __init__(self, channel):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = DescriptorPool(self.database)

    def message(self, name):
        return GetMessageClass(self.pool.FindMessageTypeByName(name))

    def method(self, service, name):
        found = self.pool.FindServiceByName(service).FindMethodByName(name)
        streams = found.client_streaming and found.server_streaming
        make = self.channel.stream_stream if streams else self.channel.unary_unary
        call = make(
            f"/{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(found.output_type).FromString,
        )
        return call, GetMessageClass(found.input_type)

    def call(self, service, name, **fields):
        call, request = self.method(service, name)
        return self.to_dict(call(request(**fields)))

    def to_dict(self, message):
        return json_format.MessageToDict(
            message,
            always_print_fields_with_no_presence=True,
            preserving_proto_field_name=True,
            descriptor_pool=self.pool,
        )

    def refusal(self, error):
        """The code of a refused call, and its details by the names of their types."""
        packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
        status = self.message("google.rpc.Status").FromString(packed)
        details = {}
        for detail in status.details:
            name = detail.TypeName()
            details[name] = self.to_dict(self.message(name).FromString(detail.value))
        return {"code": error.code().name, "details": details}


def main(address):
    # A proxy in the environment is not meant for the loopback.
    plain = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)])
    server = Server(grpc.intercept_channel(plain, WithToken(os.environ["TOKEN"])))
    usage = "billing.v1.UsageService"
    seen = {"services": sorted(server.database.get_services())}

    server.call(
        "billing.v1.PricingService",
        "SetModelPrice",
        model_id="gpt-4",
        prompt_price_per_k={"value": "0.03"},
        completion_price_per_k={"value": "0.06"},
    )
    one = {"user_id": "alice", "model": "gpt-4", "prompt_tokens": 1000, "completion_tokens": 500}
    seen["first"] = server.call(usage, "RecordUsage", request_id="one", **one)
    seen["second"] = server.call(usage, "RecordUsage", request_id="one", **one)
    recorded = seen["first"]["record"]["id"]
    seen["read"] = server.call(usage, "GetUsageRecord", user_id="alice", id=recorded)

    stream, request = server.method(usage, "StreamUsage")
    records = (request(request_id=f"stream-{n}", **one) for n in range(STREAMED))
    answers = [server.to_dict(answer) for answer in stream(records)]
    seen["streamed"] = [result for answer in answers for result in answer["results"]]
    seen["stats"] = server.call("billing.v1.StatsService", "GetStats", user_id="alice")

    try:
        server.call(usage, "RecordUsage", user_id="alice", prompt_tokens=-1)
    except grpc.RpcError as error:
        seen["refused"] = server.refusal(error)
    try:
        ProtoReflectionDescriptorDatabase(plain).get_services()
    except grpc.RpcError as error:
        seen["without_token"] = server.refusal(error)
    print(json.dumps(seen))


main(sys.argv[1])
