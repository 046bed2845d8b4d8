/** A preference kept in this browser, readable by `useSyncExternalStore`. Where storage is refused it lasts as long as the page. */
export interface Stored<T extends string> {
  readonly get: () => T;
  readonly set: (value: T) => void;
  readonly subscribe: (listener: () => void) => () => void;
}

export function stored<T extends string>(
  name: string,
  initial: T,
  parse: (text: string) => T | undefined,
): Stored<T> {
  const key = `flowplane.${name}`;
  const listeners = new Set<() => void>();
  let value = parse(readStorage(key) ?? "") ?? initial;
  return {
    get: () => value,
    set: (next) => {
      value = next;
      writeStorage(key, next);
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function storedSwitch(name: string, initial: boolean): Stored<"on" | "off"> {
  return stored(name, initial ? "on" : "off", (text) => (text === "on" || text === "off" ? text : undefined));
}

export function readStorage(key: string): string | null {
  try {
    return window.localStorage.getItem(key);
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

/** Whether it was kept; without a value, what was there is removed. */
export function writeStorage(key: string, value: string | undefined): boolean {
  try {
    if (value === undefined) window.localStorage.removeItem(key);
    else window.localStorage.setItem(key, value);
    return true;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return false;
  }
}
