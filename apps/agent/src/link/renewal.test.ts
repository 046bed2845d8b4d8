import { expect, test } from "vitest";
import { Authority } from "../../test/authority.ts";
import { makeFolder } from "../../test/harness.ts";
import type { Identity } from "../data/identity.ts";
import { makeCertificateRequest, makePrivateKey } from "../data/keys.ts";
import { REFUSED_RETRY_MS, REFUSED_RETRY_MS_MAX, Renewal } from "./renewal.ts";

const LIFE_MS = 24 * 3_600_000;
const UID = "0198c0de-0000-7000-8000-000000000001";

async function enrolled(authority: Authority): Promise<Identity> {
  const key = makePrivateKey();
  return {
    agent_id: "a1",
    organization_id: "o1",
    instance_uid: UID,
    opamp_url: "wss://127.0.0.1:4320/v1/opamp",
    bulk_url: "https://127.0.0.1:4320",
    private_key: key,
    certificate: await authority.client(await makeCertificateRequest(key, UID), LIFE_MS),
    ca_certificates: [authority.pem],
  };
}

test("a refused renewal is tried again later and later, up to a limit, until a certificate comes", async () => {
  using folder = makeFolder();
  const authority = await Authority.make();
  const identity = await enrolled(authority);
  const renewal = new Renewal();
  let now = renewal.dueAt(identity);
  const waits: number[] = [];
  let request = "";
  for (let i = 0; i < 9; i += 1) {
    request = new TextDecoder().decode(await renewal.request(identity, now));
    const waitMs = renewal.refused(now);
    waits.push(waitMs);
    expect(renewal.dueAt(identity)).toBe(now + waitMs);
    now += waitMs;
  }
  expect(waits.slice(0, 3)).toEqual([REFUSED_RETRY_MS, 2 * REFUSED_RETRY_MS, 4 * REFUSED_RETRY_MS]);
  expect(waits.at(-1)).toBe(REFUSED_RETRY_MS_MAX);

  // A request that is on its way is not made again at every look.
  await renewal.request(identity, now);
  expect(renewal.dueAt(identity)).toBeGreaterThan(now);

  const cert = new TextEncoder().encode(await authority.client(request, LIFE_MS));
  const renewed = renewal.accept(
    folder.path,
    identity,
    {
      $typeName: "opamp.proto.OpAMPConnectionSettings",
      destinationEndpoint: "",
      heartbeatIntervalSeconds: 0n,
      certificate: {
        $typeName: "opamp.proto.TLSCertificate",
        cert,
        privateKey: new Uint8Array(),
        caCert: new Uint8Array(),
      },
    },
    Date.now(),
  );
  if ("problem" in renewed) throw new Error(renewed.problem);
  expect(renewed.certificate).not.toBe(identity.certificate);
  await renewal.request(renewed, now);
  expect(renewal.refused(now)).toBe(REFUSED_RETRY_MS);
});
