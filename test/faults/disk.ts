import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A small disk of a test's own, which it can fill, use up the inodes of, or make read-only under whoever uses it. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Fills it until so many bytes are free. */
  fill(leaveBytes: number): void;
  /** Takes its inodes until none is left. */
  useUpInodes(): void;
  /** Gives back what `fill` and `useUpInodes` took. */
  free(): void;
  /** As the kernel does it to a disk with errors: whoever has files open for writing can't write to them any more. */
  breakWrites(): void;
  /** Unmounts and mounts it again, as somebody who has repaired it. Nobody may have files open on it. */
  repair(): void;
}

const BLOCK = Buffer.alloc(256 * 1024, "x");

/** Whether this user on this machine may mount: root with the capability has it, most containers don't. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const path = mkdtempSync(join(tmpdir(), "flowplane-mount-"));
  const isMounted = spawnSync("mount", ["-t", "tmpfs", "none", path]).status === 0;
  if (isMounted) execFileSync("umount", [path]);
  rmSync(path, { recursive: true });
  return isMounted;
}

/** In memory, of so many bytes and inodes. */
export function memoryDisk(bytes: number, inodes = 10_000): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "flowplane-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},nr_inodes=${inodes},mode=700`, "none", path]);
  return disk(path, () => {
    throw new Error("memory never breaks");
  });
}

/** Whether a file can be mounted as a disk here, which takes loop devices and ext4. */
export function canMountFile(): boolean {
  if (!canMount()) return false;
  try {
    fileDisk(16 * 1024 * 1024)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}

/** An ext4 in a file. */
export function fileDisk(bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "flowplane-disk-"));
  const [image, path] = [join(folder, "image"), join(folder, "mount")];
  execFileSync("truncate", ["-s", String(bytes), image]);
  execFileSync("mkfs.ext4", ["-q", image], { stdio: "ignore" });
  execFileSync("mkdir", [path]);
  const mount = () => execFileSync("mount", ["-o", "loop,errors=remount-ro", image, path], { stdio: "pipe" });
  try {
    mount();
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  return disk(path, mount, folder);
}

function disk(path: string, mount: () => void, folder = path): SmallDisk {
  const ballast: string[] = [];
  const file = () => {
    const name = join(path, `ballast-${ballast.length}`);
    ballast.push(name);
    return name;
  };
  const isFull = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOSPC";
  return {
    path,
    fill(leaveBytes) {
      const descriptor = openSync(file(), "w");
      try {
        for (;;) {
          const { bavail, bsize } = statfsSync(path);
          const left = bavail * bsize - leaveBytes;
          if (left <= 0) return;
          writeSync(descriptor, BLOCK, 0, Math.min(BLOCK.length, left));
        }
      } catch (error) {
        if (!isFull(error)) throw error;
      } finally {
        closeSync(descriptor);
      }
    },
    useUpInodes() {
      try {
        for (;;) writeFileSync(file(), "");
      } catch (error) {
        if (!isFull(error)) throw error;
        ballast.pop();
      }
    },
    free() {
      for (const name of ballast.splice(0)) unlinkSync(name);
    },
    breakWrites() {
      execFileSync("mount", ["-o", "remount,abort", path]);
    },
    repair() {
      execFileSync("umount", [path]);
      mount();
    },
    [Symbol.dispose]() {
      spawnSync("umount", ["-l", path]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
