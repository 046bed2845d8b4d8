import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assertObjectKey, type Objects } from "./objects.ts";

/** Objects as files: written beside, synced, renamed, and the folder synced, so that a crash leaves all or nothing. */
export function createDiskObjects(root: string): Objects {
  return {
    async put(key, body) {
      assertObjectKey(key);
      const path = join(root, key);
      const folder = dirname(path);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const temporary = `${path}.${randomUUID()}.part`;
      try {
        const file = await open(temporary, "wx", 0o600);
        try {
          await file.writeFile(body);
          await file.datasync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
        await syncFolder(folder);
      } catch (cause) {
        await rm(temporary, { force: true });
        throw new Error(`storing object ${key}`, { cause });
      }
    },
    async get(key) {
      assertObjectKey(key);
      try {
        return await readFile(join(root, key));
      } catch (cause) {
        if (isMissing(cause)) return undefined;
        throw new Error(`reading object ${key}`, { cause });
      }
    },
    async open(key, range) {
      assertObjectKey(key);
      try {
        const file = await open(join(root, key), "r");
        return file.createReadStream(range);
      } catch (cause) {
        if (isMissing(cause)) return undefined;
        throw new Error(`reading object ${key}`, { cause });
      }
    },
    async delete(key) {
      assertObjectKey(key);
      await rm(join(root, key), { force: true });
    },
    async *list(prefix) {
      yield* walk(root, "", prefix);
    },
  };
}

async function* walk(root: string, folder: string, prefix: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const key = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (key.startsWith(prefix) || prefix.startsWith(`${key}/`)) yield* walk(root, key, prefix);
    } else if (key.startsWith(prefix) && !key.endsWith(".part")) {
      yield key;
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
