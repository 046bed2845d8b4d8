import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "@flowplane/opamp";
import { composeOffer, messageOf, type OfferFile, type SetPackage } from "./offer.ts";
import { fileFor, platformOf } from "./platform.ts";

const LINUX = { os: "linux", arch: "amd64" };

function fileOf(os: string, arch: string, content = 1): OfferFile {
  const sha256 = new Uint8Array(32).fill(content);
  return { id: `${os}-${arch}-${content}`, os, arch, sha256, signature: new Uint8Array() };
}

const file = fc.record({
  id: fc.uuid(),
  os: fc.constantFrom("linux", "any"),
  arch: fc.constantFrom("amd64", "any"),
  sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  signature: fc.uint8Array({ maxLength: 8 }),
});
/** Names and versions from few letters, so that one runs into the other wherever they can. */
const few = fc.stringMatching(/^[ab1]{1,3}$/);
const one = fc.record({
  name: few,
  type: fc.constantFrom("top_level" as const, "addon" as const),
  version: few,
  files: fc.uniqueArray(file, { minLength: 1, maxLength: 1 }),
});
const sets = fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: 4 });

/** All that decides what an agent has to do. */
function meaning(set: readonly SetPackage[]): string {
  const parts = set.map(({ name, type, version, files }) => [
    name,
    type,
    version,
    toHex(files[0]?.sha256 ?? new Uint8Array()),
  ]);
  return JSON.stringify(parts.toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1)));
}

function hashOf(set: readonly SetPackage[]): string {
  const offer = composeOffer(set, LINUX);
  if (!offer.ok) throw new Error(offer.reason);
  return offer.hash.toString("hex");
}

describe("hashes", () => {
  test("opamp row 36: of two sets differ exactly when a name, a type, a version or a content does", () => {
    fc.assert(
      fc.property(sets, sets, (left, right) => {
        expect(hashOf(left) === hashOf(right)).toBe(meaning(left) === meaning(right));
      }),
      { numRuns: 500 },
    );
  });

  test("opamp row 36: of a package change alone with that package", () => {
    fc.assert(
      fc.property(sets, fc.nat(), few, (set, index, version) => {
        fc.pre(set.length > 0);
        const at = index % set.length;
        const changed = set.map((each, place) => (place === at ? { ...each, version } : each));
        const [before, after] = [composeOffer(set, LINUX), composeOffer(changed, LINUX)];
        if (!before.ok || !after.ok) throw new Error("not composed");
        for (const { name, version: has, hash } of before.packages) {
          const other = after.packages.find((each) => each.name === name);
          expect(other?.hash.equals(hash)).toBe(other?.version === has);
        }
      }),
    );
  });

  test("say nothing of order, of addresses and of signatures", () => {
    fc.assert(
      fc.property(sets, fc.uint8Array({ maxLength: 4 }), (set, signature) => {
        const other = set
          .toReversed()
          .map((each) => ({ ...each, files: each.files.map((of) => ({ ...of, id: "another", signature })) }));
        expect(hashOf(other)).toBe(hashOf(set));
        const offer = composeOffer(set, LINUX);
        if (!offer.ok) throw new Error(offer.reason);
        const [here, there] = [messageOf(offer, () => "here"), messageOf(offer, () => "there")];
        expect(here.allPackagesHash).toEqual(there.allPackagesHash);
        expect(here.allPackagesHash.byteLength).toBe(32);
        expect(Object.keys(here.packages).toSorted()).toEqual(set.map(({ name }) => name).toSorted());
      }),
    );
  });

  test("an empty set has a hash as well", () => expect(hashOf([])).toHaveLength(64));
});

describe("the file for an agent", () => {
  const all = [
    fileOf("any", "any"),
    fileOf("any", "arm64"),
    fileOf("linux", "any"),
    fileOf("linux", "amd64"),
  ];

  test.each([
    ["linux", "amd64", "linux-amd64-1"],
    ["linux", "x86_64", "linux-amd64-1"],
    ["Linux", "arm64", "linux-any-1"],
    ["darwin", "aarch64", "any-arm64-1"],
    ["windows", "386", "any-any-1"],
    ["", "", "any-any-1"],
  ])("on %s/%s is the closest there is", (os, arch, id) => {
    expect(fileFor(all, platformOf({ os, arch }))?.id).toBe(id);
  });

  test("where there is none, nothing of the set is offered, and the reason says what there is", () => {
    const set = [
      { name: "a", type: "addon" as const, version: "1", files: [fileOf("any", "any")] },
      {
        name: "b",
        type: "addon" as const,
        version: "2",
        files: [fileOf("windows", "amd64"), fileOf("darwin", "arm64")],
      },
    ];
    expect(composeOffer(set, LINUX)).toEqual({
      ok: false,
      reason:
        "b 2 has no file for it: the agent runs on linux/amd64, and there are files for windows/amd64, darwin/arm64. Nothing is offered, because agents delete packages that an offer does not name.",
    });
    expect(composeOffer(set, { os: null, arch: null })).toMatchObject({
      reason: expect.stringContaining("does not say what it runs on (os.type and host.arch"),
    });
  });
});
