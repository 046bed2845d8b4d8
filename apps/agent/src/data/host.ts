// By what a host is known again. A cloned machine differs from its original in one of these as a rule: hypervisors give it another UUID
// and other addresses, whoever prepares images another machine-id, and a folder that was copied is another folder.

import { readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";

/** Null and empty where this host does not tell. */
export type Host = {
  machineId: string | null;
  /** Only root may read it. */
  productUuid: string | null;
  /** Of network hardware that is built in. */
  addresses: string[];
  /** The data folder's number on its file system. */
  folder: number;
};

export function readHost(dataDir: string): Host {
  return {
    machineId: readText("/etc/machine-id"),
    productUuid: readText("/sys/class/dmi/id/product_uuid"),
    addresses: readAddresses(),
    folder: statSync(dataDir).ino,
  };
}

/** Whether these are two hosts, or two folders; what one of them does not tell says nothing. */
export function isOtherHost(before: Host, now: Host): boolean {
  const differs = (a: string | null, b: string | null) => a !== null && b !== null && a !== b;
  const isElsewhere =
    before.addresses.length > 0 &&
    now.addresses.length > 0 &&
    !now.addresses.some((address) => before.addresses.includes(address));
  return (
    differs(before.machineId, now.machineId) ||
    differs(before.productUuid, now.productUuid) ||
    isElsewhere ||
    before.folder !== now.folder
  );
}

/** As they were made: neither set by hand or at random, nor of what is plugged in and out. */
function readAddresses(): string[] {
  const root = "/sys/class/net";
  try {
    return readdirSync(root)
      .filter((name) => {
        const bus = linkedName(`${root}/${name}/device/subsystem`);
        return bus !== null && bus !== "usb" && readText(`${root}/${name}/addr_assign_type`) === "0";
      })
      .flatMap((name) => readText(`${root}/${name}/address`) ?? [])
      .toSorted();
  } catch {
    return [];
  }
}

function readText(path: string): string | null {
  try {
    const text = readFileSync(path, "utf8").trim();
    return text === "" ? null : text;
  } catch {
    return null;
  }
}

function linkedName(path: string): string | null {
  try {
    return basename(readlinkSync(path));
  } catch {
    return null;
  }
}
