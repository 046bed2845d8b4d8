/**
 * Orders two versions as semantic versioning does: numbers by value, and what stands before a release (`-rc.1`) below it.
 * More or fewer than three numbers are taken as they are, a leading `v` and build metadata are passed over.
 * Negative: `one` is older. Null: one of them does not begin with a number.
 */
export function compareVersions(one: string, other: string): number | null {
  const [left, right] = [readVersion(one), readVersion(other)];
  if (left === null || right === null) return null;
  for (let index = 0; index < Math.max(left.numbers.length, right.numbers.length); index += 1) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePrereleases(left.prerelease, right.prerelease);
}

const VERSION = /^v?(\d{1,9}(?:\.\d{1,9})*)(?:-([0-9A-Za-z.-]+))?/;

function readVersion(text: string) {
  const match = VERSION.exec(text);
  if (match === null) return null;
  return { numbers: (match[1] ?? "").split(".").map(Number), prerelease: match[2]?.split(".") ?? [] };
}

function comparePrereleases(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return right.length - left.length;
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const difference = compareIdentifiers(left[index] ?? "", right[index] ?? "");
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function compareIdentifiers(left: string, right: string): number {
  const [isLeftNumber, isRightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isLeftNumber && isRightNumber) return Number(left) - Number(right);
  if (isLeftNumber !== isRightNumber) return isLeftNumber ? -1 : 1;
  return left === right ? 0 : left < right ? -1 : 1;
}
