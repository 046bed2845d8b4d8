import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyValueFromJson, anyValueToJson, attributesFromJson, attributesToJson } from "./attributes.ts";
import { fromHex, toBase64, toHex } from "./bytes.ts";
import {
  AGENT_CAPABILITY,
  AGENT_CAPABILITY_NAMES,
  agentCapabilityBits,
  agentCapabilityNames,
  missingCapabilities,
  SERVER_CAPABILITIES_ALL,
  SERVER_CAPABILITY_NAMES,
  serverCapabilityBits,
  serverCapabilityNames,
} from "./capabilities.ts";
import { canonicalJson, digestBytes, digestJson, type Json } from "./digest.ts";
import {
  AgentCapabilities,
  AnyValueSchema,
  AvailableComponentsSchema,
  ComponentHealthSchema,
  ConnectionSettingsStatuses,
  EffectiveConfigSchema,
  PackageStatusesSchema,
  RemoteConfigStatuses,
} from "./gen/opamp_pb.ts";
import {
  availableComponentsToJson,
  effectiveConfigToJson,
  healthToJson,
  packageStatusesToJson,
} from "./projections.ts";
import { anyAgentToServer, anyValue } from "./testing/arbitraries.ts";
import { seededRandom } from "./testing/random.ts";
import { newUid, uidFromString, uidToString } from "./uid.ts";

describe("attributes", () => {
  it("survive the way to JSON and back, as far as JSON can hold them", () => {
    const attributes: { [key: string]: Json } = {
      text: "grüße",
      yes: true,
      whole: -7,
      part: 0.25,
      list: [1, "two", null],
      map: { deep: { deeper: [] } },
      nothing: null,
    };
    expect(attributesToJson(attributesFromJson(attributes))).toEqual(attributes);
  });

  it("become JSON whatever they hold", () => {
    fc.assert(
      fc.property(anyValue, (init) => {
        const json = anyValueToJson(create(AnyValueSchema, init));
        expect(JSON.parse(JSON.stringify(json))).toEqual(json);
        expect(anyValueToJson(anyValueFromJson(json))).toEqual(json);
      }),
    );
  });

  it.each([
    ["a big integer", { case: "intValue", value: 2n ** 62n }, "4611686018427387904"],
    ["a number that is none", { case: "doubleValue", value: NaN }, "NaN"],
    ["bytes", { case: "bytesValue", value: Uint8Array.of(1, 2, 255) }, { base64: "AQL/" }],
    ["NUL, which jsonb refuses", { case: "stringValue", value: "a\0b" }, "a\ufffdb"],
  ] as const)("hold %s in another form", (_name, value, expected) => {
    expect(anyValueToJson(create(AnyValueSchema, { value }))).toEqual(expected);
  });

  it("named __proto__ are members like any other", () => {
    const json = attributesToJson([
      ...attributesFromJson({ a: 1 }),
      ...attributesFromJson(JSON.parse('{"__proto__": {"x": 1}}') as { [key: string]: Json }),
    ]);
    expect(JSON.stringify(json)).toBe('{"a":1,"__proto__":{"x":1}}');
    expect(Object.getPrototypeOf(json)).toBe(Object.prototype);
  });
});

describe("projections", () => {
  it("are plain JSON for every report", () => {
    fc.assert(
      fc.property(anyAgentToServer, ({ health, effectiveConfig, availableComponents }) => {
        for (const json of [
          health && healthToJson(health),
          effectiveConfig && effectiveConfigToJson(effectiveConfig),
          availableComponents && availableComponentsToJson(availableComponents),
        ]) {
          if (json) expect(JSON.parse(JSON.stringify(json))).toEqual(json);
        }
      }),
    );
  });

  it("show a health tree", () => {
    const health = create(ComponentHealthSchema, {
      healthy: true,
      startTimeUnixNano: 1_700_000_000_123_456_789n,
      componentHealthMap: { "pipeline:logs": { status: "StatusRecoverableError", lastError: "refused" } },
    });
    expect(healthToJson(health)).toEqual({
      healthy: true,
      status: "",
      last_error: "",
      started_at: "2023-11-14T22:13:20.123Z",
      status_at: null,
      attributes: {},
      components: {
        "pipeline:logs": {
          healthy: false,
          status: "StatusRecoverableError",
          last_error: "refused",
          started_at: null,
          status_at: null,
          attributes: {},
          components: {},
        },
      },
    });
    expect(() =>
      healthToJson(create(ComponentHealthSchema, { startTimeUnixNano: 2n ** 64n - 1n })),
    ).not.toThrow();
  });

  it("show every entry of a configuration, by its name, as text or base64", () => {
    const body = new TextEncoder().encode("a: 1");
    const configMap = { "": { body }, extra: { body: Uint8Array.of(0xff), contentType: "image/x" } };
    expect(effectiveConfigToJson(create(EffectiveConfigSchema, { configMap: { configMap } }))).toEqual({
      "": { content_type: "", role: "", encoding: "utf8", body: "a: 1" },
      extra: { content_type: "image/x", role: "", encoding: "base64", body: "/w==" },
    });
    expect(effectiveConfigToJson(create(EffectiveConfigSchema))).toEqual({});
  });

  it("show package statuses, unknown ones too", () => {
    const packages = {
      otelcol: { agentHasVersion: "1", status: 4 as const },
      later: { status: 42 as never },
    };
    const json = packageStatusesToJson(create(PackageStatusesSchema, { packages }));
    expect([json.packages["otelcol"]?.status, json.packages["later"]?.status]).toEqual([
      "downloading",
      "unknown",
    ]);
  });

  it("tell a components hash from a tree", () => {
    const hash = Uint8Array.of(1);
    const components = { otlp: { subComponentMap: { grpc: {} } } };
    expect(availableComponentsToJson(create(AvailableComponentsSchema, { hash })).components).toBeNull();
    expect(
      availableComponentsToJson(create(AvailableComponentsSchema, { hash, components })).components,
    ).toEqual({
      otlp: { metadata: {}, components: { grpc: { metadata: {}, components: {} } } },
    });
  });

  it("may read both kinds of status by one table", () => {
    expect(Object.values(ConnectionSettingsStatuses)).toEqual(Object.values(RemoteConfigStatuses));
  });
});

describe("capabilities", () => {
  it("are those of the protocol file", () => {
    const fromProto = Object.entries(AgentCapabilities).filter(([, bit]) => bit !== 0);
    expect(
      AGENT_CAPABILITY_NAMES.map((name) => [`AgentCapabilities_${name}`, Number(AGENT_CAPABILITY[name])]),
    ).toEqual(fromProto);
    expect(serverCapabilityBits(SERVER_CAPABILITY_NAMES)).toBe(SERVER_CAPABILITIES_ALL);
  });

  it("are bits and names, one to one", () => {
    fc.assert(
      fc.property(
        fc.subarray(AGENT_CAPABILITY_NAMES),
        fc.subarray(SERVER_CAPABILITY_NAMES),
        (agent, server) => {
          expect(agentCapabilityNames(agentCapabilityBits(agent) | (1n << 63n))).toEqual(agent);
          expect(serverCapabilityNames(serverCapabilityBits(server))).toEqual(server);
        },
      ),
    );
  });

  it("that are missing come with what that means and what to do", () => {
    const missing = missingCapabilities(AGENT_CAPABILITY.ReportsStatus);
    expect(missing).toHaveLength(AGENT_CAPABILITY_NAMES.length - 1);
    for (const { consequence, remedy } of missing) {
      expect(consequence).toMatch(/\.$/);
      expect(remedy).toMatch(/\.$/);
    }
    expect(missing.find(({ capability }) => capability === "AcceptsRemoteConfig")?.remedy).toContain(
      "accepts_remote_config: true",
    );
  });
});

describe("uid, hex and digests", () => {
  it("go to text and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(uidFromString(uidToString(bytes).toUpperCase())).toEqual(bytes);
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      }),
    );
    for (const text of ["", "0123", "01234567-89ab-7cde-8f01-23456789abcg"])
      expect(uidFromString(text)).toBeNull();
  });

  it("new uids are UUIDv7 of their time", () => {
    expect(newUid(0x0123456789ab, seededRandom(1))).toMatch(
      /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(newUid(1, seededRandom(1))).not.toBe(newUid(1, seededRandom(2)));
  });

  it("digests depend on content and not on the order of keys", () => {
    expect(digestJson({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(digestJson({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(canonicalJson({ b: null, a: [true, "x"] })).toBe('{"a":[true,"x"],"b":null}');
    const seen = new Set<number>();
    for (let number = 0; number < 50_000; number += 1) {
      seen.add(digestBytes(Uint8Array.of(number & 255, number >> 8, 0, 0, 7)));
    }
    expect(seen.size).toBe(50_000);
    expect(digestBytes(Uint8Array.of(0))).not.toBe(digestBytes(Uint8Array.of(0, 0)));
  });
});
