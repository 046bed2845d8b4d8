// What an agent is offered, of what it is to have. Pure: rows in, hashes and names out.
//
// OpAMP has three hashes: of the file (SHA-256, which the agent checks), of the package, and of all of them. The upper two are the
// server's own, and no agent looks into them. Each is of what decides whether something has to be done, of nothing else: not of the file's
// address, which is another one for each agent and each day, and not of the signature, which changes nothing of what is installed. Parts
// are told apart by their lengths, so that no two sets have one text.

import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { PackagesAvailableSchema, PackageType, type PackagesAvailable } from "@flowplane/opamp";
import { ANY, fileFor, platformOf, type Platform } from "./platform.ts";

/** One package of an agent's set. */
export interface SetPackage<File extends OfferFile = OfferFile> {
  readonly name: string;
  readonly type: "top_level" | "addon";
  readonly version: string;
  readonly files: readonly File[];
}

export interface OfferFile extends Platform {
  readonly id: string;
  /** 32 bytes. */
  readonly sha256: Uint8Array;
  readonly signature: Uint8Array;
}

export interface OfferedPackage<File extends OfferFile = OfferFile> extends SetPackage<File> {
  readonly file: File;
  readonly hash: Buffer;
}

/** A complete set, or why the agent is offered nothing at all: what is not in an offer agents delete. */
export type Offer<File extends OfferFile = OfferFile> =
  | { readonly ok: true; readonly hash: Buffer; readonly packages: readonly OfferedPackage<File>[] }
  | { readonly ok: false; readonly reason: string };

/** What the agent says it runs on; null where it says nothing. */
export interface ReportedPlatform {
  readonly os: string | null;
  readonly arch: string | null;
}

export function composeOffer<File extends OfferFile>(
  set: readonly SetPackage<File>[],
  reported: ReportedPlatform,
): Offer<File> {
  const known = platformOf({ os: reported.os ?? "", arch: reported.arch ?? "" });
  const packages: OfferedPackage<File>[] = [];
  for (const one of set.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = fileFor(one.files, known);
    if (file === undefined) return { ok: false, reason: noFileReason(one, reported) };
    packages.push({ ...one, file, hash: packageHash(one, file.sha256) });
  }
  return { ok: true, hash: allPackagesHash(packages), packages };
}

export function packageHash(
  { name, type, version }: Pick<SetPackage, "name" | "type" | "version">,
  sha256: Uint8Array,
): Buffer {
  return hashOf(["package", name, type, version, sha256]);
}

export function allPackagesHash(packages: readonly { name: string; hash: Uint8Array }[]): Buffer {
  const sorted = packages.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return hashOf(["all packages", ...sorted.flatMap(({ name, hash }) => [name, hash])]);
}

/** The message, with an address for each file. */
export function messageOf<File extends OfferFile>(
  { hash, packages }: Extract<Offer<File>, { ok: true }>,
  urlOf: (file: File) => string,
): PackagesAvailable {
  return create(PackagesAvailableSchema, {
    allPackagesHash: Uint8Array.from(hash),
    packages: Object.fromEntries(
      packages.map(({ name, type, version, file, hash }) => [
        name,
        {
          type: type === "top_level" ? PackageType.PackageType_TopLevel : PackageType.PackageType_Addon,
          version,
          hash: Uint8Array.from(hash),
          // No headers: the address alone is the right to the file, since some clients send none.
          file: {
            downloadUrl: urlOf(file),
            contentHash: Uint8Array.from(file.sha256),
            signature: Uint8Array.from(file.signature),
          },
        },
      ]),
    ),
  });
}

function hashOf(parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    hash.update(`${bytes.byteLength} `).update(bytes);
  }
  return hash.digest();
}

function noFileReason({ name, version, files }: SetPackage, { os, arch }: ReportedPlatform): string {
  const made = files.map((file) =>
    file.os === ANY && file.arch === ANY ? "any" : `${file.os}/${file.arch}`,
  );
  const runsOn =
    os === null && arch === null
      ? "the agent does not say what it runs on (os.type and host.arch of its description)"
      : `the agent runs on ${os ?? "an unknown system"}/${arch ?? "an unknown architecture"}`;
  return `${name} ${version} has no file for it: ${runsOn}, and there ${made.length === 1 ? "is one" : "are files"} for ${made.join(", ")}. Nothing is offered, because agents delete packages that an offer does not name.`;
}
