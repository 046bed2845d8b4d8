import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentToServerSchema, ServerToAgentSchema } from "./gen/opamp_pb.ts";
import { isSecretName, redactMessage, redactText, SHOWN_CONFIG_CHARS_MAX } from "./redact.ts";
import { anyAgentToServer, anyServerToAgent } from "./testing/arbitraries.ts";
import { uidFromString } from "./uid.ts";

const SECRET = "hunter2-Secret-Value";
const utf8 = (text: string) => new TextEncoder().encode(text);

describe("redactMessage", () => {
  it("shows what was sent, without defaults", () => {
    const instanceUid = uidFromString("01234567-89ab-7cde-8f01-23456789abcd") ?? new Uint8Array();
    expect(
      shownAgent({
        instanceUid,
        sequenceNum: 3n,
        capabilities: 2n ** 60n,
        remoteConfigStatus: {
          lastRemoteConfigHash: Uint8Array.of(0xab),
          status: 3,
          errorMessage: "no pipeline",
        },
        agentDescription: {
          identifyingAttributes: [
            { key: "service.name", value: { value: { case: "stringValue", value: "shop" } } },
          ],
        },
        agentDisconnect: {},
      }),
    ).toEqual({
      instance_uid: "01234567-89ab-7cde-8f01-23456789abcd",
      sequence_num: 3,
      capabilities: "1152921504606846976",
      remote_config_status: { last_remote_config_hash: "ab", status: 3, error_message: "no pipeline" },
      agent_description: {
        identifying_attributes: [{ key: "service.name", value: { string_value: "shop" } }],
      },
      agent_disconnect: {},
    });
  });

  it("hides every place where a message holds a secret", () => {
    const settings = {
      destinationEndpoint: `https://user:${SECRET}@host/`,
      headers: { headers: [{ key: "Authorization", value: SECRET }] },
      certificate: { cert: utf8(SECRET), privateKey: utf8(SECRET), caCert: utf8(SECRET) },
      tls: { caPemContents: SECRET },
      proxy: { url: "http://proxy", connectHeaders: { headers: [{ key: "X", value: SECRET }] } },
    };
    const config = {
      configMap: { "a.yaml": { body: utf8(`exporters:\n  otlp:\n    api_key: ${SECRET}\n`) } },
    };
    const shown = [
      shownServer({
        connectionSettings: {
          opamp: settings,
          ownLogs: settings,
          otherConnections: {
            kafka: { ...settings, otherSettings: { case: SECRET, value: SECRET, plain: SECRET } },
          },
        },
        remoteConfig: { config },
        packagesAvailable: {
          packages: { p: { file: { headers: { headers: [{ key: "K", value: SECRET }] } } } },
        },
        customMessage: {
          capability: "com.flowplane.link/1",
          type: "intents",
          data: utf8(
            JSON.stringify({ spec: { command: "sh", args: [SECRET], env: { A: SECRET } }, token: SECRET }),
          ),
        },
      }),
      shownAgent({
        effectiveConfig: { configMap: config },
        connectionSettingsRequest: { opamp: { certificateRequest: { csr: utf8(SECRET) } } },
        health: { lastError: `dial failed: authorization: Bearer ${SECRET}` },
        agentDescription: {
          nonIdentifyingAttributes: [
            { key: "db.password", value: { value: { case: "stringValue", value: SECRET } } },
            {
              key: "process.command_line",
              value: { value: { case: "stringValue", value: `x --token=${SECRET}` } },
            },
          ],
        },
      }),
    ];
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(JSON.stringify(shown)).toContain('"command\\":\\"sh\\"');
  });

  it("makes JSON of any message", () => {
    fc.assert(
      fc.property(fc.oneof(anyAgentToServer, anyServerToAgent), (message) => {
        const shown = redactMessage(message);
        expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
      }),
    );
  });

  it("shows map entries with names of our own fields", () => {
    const body = utf8("a: 1");
    const config = { configMap: { case: { body }, value: { body }, $typeName: { body } } };
    expect(shownServer({ remoteConfig: { config } })).toEqual({
      remote_config: {
        config: {
          config_map: { case: { body: "a: 1" }, value: { body: "a: 1" }, $typeName: { body: "a: 1" } },
        },
      },
    });
  });

  it("cuts what is long, and a secret across the cut as well", () => {
    const filler = "x".repeat(SHOWN_CONFIG_CHARS_MAX - 20);
    const body = utf8(`${filler}\npassword: ${SECRET.repeat(500)}\n${"y".repeat(50_000)}`);
    const shown = JSON.stringify(shownServer({ remoteConfig: { config: { configMap: { a: { body } } } } }));
    expect(shown).not.toContain("hunter2");
    expect(shown.length).toBeLessThan(SHOWN_CONFIG_CHARS_MAX + 500);
    const list = Array.from({ length: 5_000 }, (_, index) => `cap-${index}`);
    expect(JSON.stringify(shownAgent({ customCapabilities: { capabilities: list } })).length).toBeLessThan(
      5_000,
    );
  });

  it("stays quick on text made to be slow", () => {
    const evil = [
      "a".repeat(60_000),
      "a:".repeat(30_000),
      '"'.repeat(60_000),
      "http://".repeat(9_000),
      "-----BEGIN A".repeat(5_000),
    ];
    for (const text of evil) expect(typeof shownAgent({ health: { lastError: text } })).toBe("object");
  });
});

describe("redactText", () => {
  it.each([
    ["password: abc123", "password: [REDACTED]"],
    ['{"client_secret": "abc", "name": "x"}', '{"client_secret": "[REDACTED]", "name": "x"}'],
    ["API_KEY=abc123 OTHER=1", "API_KEY=[REDACTED] OTHER=1"],
    ["token: ${env:TOKEN}", "token: ${env:TOKEN}"],
    ["key: http.method", "key: http.method"],
    ["key_file: /etc/tls/agent.key", "key_file: /etc/tls/agent.key"],
    ["endpoint: postgres://app:pw@db/x", "endpoint: postgres://app:[REDACTED]@db/x"],
    ["Authorization: Bearer abcdefgh", "Authorization: Bearer [REDACTED]"],
    ["enrol with fpe_eyJ2IjoxfQabc now", "enrol with [REDACTED] now"],
    [
      "from https://h/v1/opamp/packages/fpd_AbCdEfGh-1_2 now",
      "from https://h/v1/opamp/packages/[REDACTED] now",
    ],
    ["-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nend", "[REDACTED]\nend"],
    ["-----BEGIN PRIVATE KEY-----\nabc", "[REDACTED]"],
    ["Authorization: Own-Scheme abc def\nnext: 1", "Authorization: [REDACTED]\nnext: 1"],
    ["password: correct horse battery", "password: [REDACTED]"],
    ["dial tcp: token=abc failed", "dial tcp: token=[REDACTED] failed"],
    ["{user: me, token: abc}", "{user: me, token: [REDACTED]"],
    ["a:\n  token: |\n    abc\n\n    def\n  b: 1", "a:\n  token: |\n    [REDACTED]\n  b: 1"],
    ["token: ${env:A}, password: b", "token: [REDACTED]"],
    [
      "- name: DB_PASSWORD\n  value: abc\n- name: A\n  value: b",
      "- name: DB_PASSWORD\n  value: [REDACTED]\n- name: A\n  value: b",
    ],
    ["tokens: [abc, def]", "tokens: [REDACTED]"],
    ["nothing to hide here", "nothing to hide here"],
  ])("%j becomes %j", (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it("knows secret-looking names", () => {
    for (const name of [
      "password",
      "DB_PASSWD",
      "x-api-key",
      "clientSecret",
      "auth_token",
      "private_key",
      "Cookie",
    ]) {
      expect([name, isSecretName(name)]).toEqual([name, true]);
    }
    for (const name of ["key", "name", "token_url", "key_file", "monkey", "passive"]) {
      expect([name, isSecretName(name)]).toEqual([name, false]);
    }
  });
});

function shownAgent(init: MessageInitShape<typeof AgentToServerSchema>) {
  return redactMessage(create(AgentToServerSchema, init));
}

function shownServer(init: MessageInitShape<typeof ServerToAgentSchema>) {
  return redactMessage(create(ServerToAgentSchema, init));
}
