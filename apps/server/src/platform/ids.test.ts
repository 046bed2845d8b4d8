import { expect, test } from "vitest";
import { isUuid, newId } from "./ids.ts";

test("ids are UUIDv7 and ascend, however many are made in one millisecond", () => {
  const ids = Array.from({ length: 20_000 }, newId);
  expect(
    ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)),
  ).toBe(true);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("only a UUID is a UUID", () => {
  expect(isUuid(newId())).toBe(true);
  for (const id of ["", "abc", `${newId()}x`, newId().replaceAll("-", ""), "0".repeat(36)])
    expect(isUuid(id)).toBe(false);
});
