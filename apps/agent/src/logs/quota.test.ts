import { expect, test } from "vitest";
import { judgeQuota } from "./quota.ts";

test("a quota pauses above, and lets go on well below", () => {
  const quota = { runBytesMax: 100, hostBytesMax: 1000, diskReserveBytes: 30 };
  expect(judgeQuota(quota, false, 100, 500, 40)).toBe("fits");
  expect(judgeQuota(quota, false, 101, 500, 40)).toBe("run_full");
  expect(judgeQuota(quota, true, 90, 500, 40)).toBe("run_full");
  expect(judgeQuota(quota, true, 75, 500, 40)).toBe("fits");
  expect(judgeQuota(quota, false, 1, 1001, 40)).toBe("host_full");
  expect(judgeQuota(quota, false, 0, 1001, 40)).toBe("fits");
  expect(judgeQuota(quota, false, 1, 1, 29)).toBe("disk_full");
  expect(judgeQuota(quota, true, 1, 1, 39)).toBe("disk_full");
  expect(judgeQuota(quota, true, 1, 1, 40)).toBe("fits");
});
