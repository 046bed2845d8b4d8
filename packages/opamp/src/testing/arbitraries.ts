// Random messages for property tests.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import {
  AgentToServerSchema,
  ServerToAgentSchema,
  type AnyValueSchema,
  type ComponentHealthSchema,
} from "../gen/opamp_pb.ts";

const text = fc.string({ maxLength: 12, unit: "grapheme" });
const bytes = fc.uint8Array({ maxLength: 12 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const name = fc.oneof(text, fc.constantFrom("", "__proto__", "constructor", "case", "value", "$typeName"));

type ValueInit = MessageInitShape<typeof AnyValueSchema>;
type HealthInit = MessageInitShape<typeof ComponentHealthSchema>;

export const anyValue: fc.Arbitrary<ValueInit> = fc.letrec<{ value: ValueInit }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({ case: fc.constant("stringValue" as const), value: text }).map((value) => ({ value })),
    fc.record({ case: fc.constant("boolValue" as const), value: fc.boolean() }).map((value) => ({ value })),
    fc
      .record({
        case: fc.constant("intValue" as const),
        value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      })
      .map((value) => ({ value })),
    fc.record({ case: fc.constant("doubleValue" as const), value: fc.double() }).map((value) => ({ value })),
    fc.record({ case: fc.constant("bytesValue" as const), value: bytes }).map((value) => ({ value })),
    fc
      .array(tie("value"), { maxLength: 3 })
      .map((values) => ({ value: { case: "arrayValue" as const, value: { values } } })),
    fc
      .array(fc.record({ key: name, value: tie("value") }), { maxLength: 3 })
      .map((values) => ({ value: { case: "kvlistValue" as const, value: { values } } })),
  ),
})).value;

const attributes = fc.array(fc.record({ key: name, value: anyValue }), { maxLength: 4 });

const anyHealth: fc.Arbitrary<HealthInit> = fc.letrec<{ health: HealthInit }>((tie) => ({
  health: fc.record({
    healthy: fc.boolean(),
    startTimeUnixNano: uint64,
    status: text,
    lastError: text,
    attributes,
    componentHealthMap: fc.oneof(
      { maxDepth: 2 },
      fc.constant({}),
      fc.dictionary(name, tie("health"), { maxKeys: 3, noNullPrototype: true }),
    ),
  }),
})).health;

const configMap = fc.record({
  configMap: fc.dictionary(name, fc.record({ body: bytes, contentType: text, role: text }), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
});

const agentToServerInit = fc.record(
  {
    instanceUid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    sequenceNum: uint64,
    capabilities: uint64,
    flags: uint64,
    agentDescription: fc.record({ identifyingAttributes: attributes, nonIdentifyingAttributes: attributes }),
    health: anyHealth,
    effectiveConfig: fc.record({ configMap }),
    remoteConfigStatus: fc.record({
      lastRemoteConfigHash: bytes,
      status: fc.constantFrom(0, 1, 2, 3, 77),
      errorMessage: text,
    }),
    agentDisconnect: fc.constant({}),
    customCapabilities: fc.record({ capabilities: fc.array(text, { maxLength: 3 }) }),
    customMessage: fc.record({ capability: text, type: text, data: bytes }),
    availableComponents: fc.record({
      hash: bytes,
      components: fc.dictionary(name, fc.record({ metadata: attributes }), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    }),
  },
  { requiredKeys: ["instanceUid"] },
);

const headers = fc.record({ headers: fc.array(fc.record({ key: text, value: text }), { maxLength: 3 }) });

const serverToAgentInit = fc.record(
  {
    instanceUid: bytes,
    flags: uint64,
    capabilities: uint64,
    remoteConfig: fc.record({ config: configMap, configHash: bytes }),
    connectionSettings: fc.record({
      hash: bytes,
      opamp: fc.record({
        destinationEndpoint: text,
        headers,
        certificate: fc.record({ cert: bytes, privateKey: bytes, caCert: bytes }),
        heartbeatIntervalSeconds: uint64,
      }),
      otherConnections: fc.dictionary(
        name,
        fc.record({ otherSettings: fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true }) }),
        { maxKeys: 3, noNullPrototype: true },
      ),
    }),
    command: fc.record({ type: fc.constantFrom(0, 5) }),
    customMessage: fc.record({ capability: text, type: text, data: bytes }),
  },
  { requiredKeys: [] },
);

// `fc.record` types left-out keys in a way `create` does not take; what is generated is of the right shape.
export const anyAgentToServer = agentToServerInit.map((init) =>
  create(AgentToServerSchema, init as MessageInitShape<typeof AgentToServerSchema>),
);
export const anyServerToAgent = serverToAgentInit.map((init) =>
  create(ServerToAgentSchema, init as MessageInitShape<typeof ServerToAgentSchema>),
);
