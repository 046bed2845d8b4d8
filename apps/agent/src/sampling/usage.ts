// What a run has used so far, from look to look. Pure.

/** Sums over the processes of one run as of one look. Times and bytes include children that were waited for. */
export type Look = {
  cpuMs: number;
  readBytes: number | null;
  writeBytes: number | null;
  memoryBytes: number;
};

/** `lost…` is what the last look had and this one has not: processes that ended with nobody waiting for them. */
export type Usage = {
  cpuMs: number;
  lostCpuMs: number;
  readBytes: number | null;
  lostReadBytes: number;
  writeBytes: number | null;
  lostWriteBytes: number;
  memoryPeakBytes: number;
  oomKills: number;
};

export const noUsage: Usage = {
  cpuMs: 0,
  lostCpuMs: 0,
  readBytes: null,
  lostReadBytes: 0,
  writeBytes: null,
  lostWriteBytes: 0,
  memoryPeakBytes: 0,
  oomKills: 0,
};

/** Counters never go back: what disappeared from a sum was used all the same. */
export function addLook(usage: Usage, look: Look): Usage {
  const cpu = count(usage.cpuMs, usage.lostCpuMs, look.cpuMs);
  const read =
    look.readBytes === null ? null : count(usage.readBytes ?? 0, usage.lostReadBytes, look.readBytes);
  const write =
    look.writeBytes === null ? null : count(usage.writeBytes ?? 0, usage.lostWriteBytes, look.writeBytes);
  return {
    ...usage,
    cpuMs: cpu.total,
    lostCpuMs: cpu.lost,
    readBytes: read?.total ?? usage.readBytes,
    lostReadBytes: read?.lost ?? usage.lostReadBytes,
    writeBytes: write?.total ?? usage.writeBytes,
    lostWriteBytes: write?.lost ?? usage.lostWriteBytes,
    memoryPeakBytes: Math.max(usage.memoryPeakBytes, look.memoryBytes),
  };
}

function count(totalBefore: number, lostBefore: number, sum: number): { total: number; lost: number } {
  const lost = Math.max(lostBefore, totalBefore - sum);
  return { total: sum + lost, lost };
}
