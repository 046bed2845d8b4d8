// Sockets that sd_notify(3) writes to: datagrams on a UNIX socket, which Node offers by way of its foreign functions alone.
// Addresses are abstract (no file, so no folder that another user could not enter) and hold the run's random mark.

import { closeSync } from "node:fs";

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const MSG_DONTWAIT = 0x40;
/** More than systemd itself takes in one datagram. */
const DATAGRAM_BYTES_MAX = 8192;
/** Datagrams taken from one socket per look. */
const DATAGRAMS_PER_LOOK = 64;

type Libc = {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, bytes: number): number;
  recv(fd: number, into: Uint8Array, bytes: number, flags: number): bigint | number;
};

/** The name a run of this mark finds in NOTIFY_SOCKET. */
export function notifyAddress(mark: string): string {
  return `@flowplane/${mark}`;
}

let libc: Libc | null | undefined;

/** Whether this Node can listen: from 26 on, where it was built with foreign functions. */
export function canNotify(): boolean {
  libc ??= loadLibc();
  return libc !== null;
}

export class NotifySocket implements Disposable {
  readonly #fd: number;
  readonly #libc: Libc;
  readonly #buffer = Buffer.alloc(DATAGRAM_BYTES_MAX);

  /** Listens at the address of this mark. Throws when another process does, or this Node cannot. */
  constructor(mark: string) {
    if (!canNotify() || !libc) throw new Error("this Node cannot listen for sd_notify");
    this.#libc = libc;
    this.#fd = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    if (this.#fd < 0) throw new Error("the host gives no socket for sd_notify");
    const name = Buffer.from(notifyAddress(mark).replace("@", "\0"), "latin1");
    const address = Buffer.concat([Buffer.from(new Uint16Array([AF_UNIX]).buffer), name]);
    if (libc.bind(this.#fd, address, address.length) === 0) return;
    closeSync(this.#fd);
    throw new Error("the address for sd_notify is taken");
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** The datagrams that have come since, oldest first. */
  take(): string[] {
    const taken: string[] = [];
    while (taken.length < DATAGRAMS_PER_LOOK) {
      const bytes = Number(this.#libc.recv(this.#fd, this.#buffer, DATAGRAM_BYTES_MAX, MSG_DONTWAIT));
      if (bytes <= 0) break;
      taken.push(this.#buffer.toString("utf8", 0, bytes));
    }
    return taken;
  }
}

function loadLibc(): Libc | null {
  const ffi = process.getBuiltinModule("node:ffi") as typeof import("node:ffi") | undefined;
  if (!ffi) return null;
  try {
    const { functions } = ffi.dlopen(null, {
      socket: { arguments: ["i32", "i32", "i32"], return: "i32" },
      bind: { arguments: ["i32", "buffer", "u32"], return: "i32" },
      recv: { arguments: ["i32", "buffer", "u64", "i32"], return: "i64" },
    });
    return {
      socket: (domain, type, protocol) => functions.socket(domain, type, protocol),
      bind: (fd, address, bytes) => functions.bind(fd, address, bytes),
      recv: (fd, into, bytes, flags) => functions.recv(fd, into, BigInt(bytes), flags),
    };
  } catch {
    // Built without them, or forbidden by the permission model.
    return null;
  }
}
