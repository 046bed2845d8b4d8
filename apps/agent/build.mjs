// Bundles the agent into one folder that needs no node_modules, and that folder into the archive that a control plane
// hands to machines: `node build.mjs OUT`.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "rolldown";

const here = import.meta.dirname;
const out = process.argv[2] ?? join(here, "dist");
await build({
  input: join(here, "src/main.ts"),
  platform: "node",
  logLevel: "warn",
  output: { dir: out, format: "esm", minify: true },
});
// Read from the folder the program is in.
for (const script of ["wrapper.sh", "start-as.sh"])
  copyFileSync(join(here, "src/launch", script), join(out, script));

const { name, version, license } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const manifest = JSON.stringify({ name, version, license, type: "module", private: true });
const files = readdirSync(out).filter((file) => file !== "agent.tgz");
const entries = [
  entry("flowplane-agent/package.json", Buffer.from(manifest)),
  ...files.toSorted().map((file) => entry(`flowplane-agent/dist/${file}`, readFileSync(join(out, file)))),
];
// Two empty blocks end an archive. The same sources give the same bytes: no times, no owners.
writeFileSync(
  join(out, "agent.tgz"),
  gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]), { level: 9 }),
);

/**
 * One file of a tar archive (POSIX.1-1988 ustar): a header of 512 bytes, the bytes, and zeros up to the next block.
 * @param {string} path at most 100 bytes
 * @param {Buffer} bytes
 */
function entry(path, bytes) {
  const header = Buffer.alloc(512);
  const octal = (/** @type {number} */ value, /** @type {number} */ digits) =>
    `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(path, 0);
  header.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(bytes.length, 11) + octal(0, 11), 100);
  // The checksum is taken with its own field as spaces.
  header.write("        0", 148);
  header.write("ustar\u000000", 257);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
