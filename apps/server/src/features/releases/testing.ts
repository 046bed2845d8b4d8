import { Readable } from "node:stream";
import type { PackageWithReleases, Release } from "@flowplane/contract";
import type { Ctx } from "../../platform/context.ts";
import { createPackage, readPackage } from "./packages.ts";
import { createRelease, publishRelease } from "./releases.ts";
import { createUploads } from "./upload.ts";

const upload = createUploads();

/** A published release, of a package that is made if there is none of that name. `files`: bytes by `os/arch`. */
export async function release(
  ctx: Ctx,
  name: string,
  version: string,
  files: Readonly<Record<string, string | Buffer>> = { "any/any": `${name} ${version}` },
  known?: PackageWithReleases,
): Promise<{ packageId: string; release: Release }> {
  const packageId = known?.id ?? (await createPackage(ctx, { name, type: "top_level", description: "" })).id;
  const { id } = await createRelease(ctx, packageId, { version, channel: "stable", message: "a test" });
  for (const [platform, bytes] of Object.entries(files)) {
    const [os = "any", arch = "any"] = platform.split("/");
    await upload(ctx, {
      packageId,
      releaseId: id,
      os,
      arch,
      body: Readable.from([Buffer.from(bytes)]),
      declaredBytes: undefined,
    });
  }
  return { packageId, release: await publishRelease(ctx, packageId, id) };
}

/** Another release of the same package. */
export async function upgrade(
  ctx: Ctx,
  packageId: string,
  version: string,
  files?: Readonly<Record<string, string | Buffer>>,
): Promise<Release> {
  const known = await readPackage(ctx, packageId);
  return (await release(ctx, known.name, version, files ?? { "any/any": `${known.name} ${version}` }, known))
    .release;
}
