import { expect, test } from "vitest";
import { ConfigError, readConfig } from "./config.ts";

test("defaults are loopback, and addresses follow the listeners", () => {
  const config = readConfig({ HOME: "/home/u", FLOWPLANE_DATA: "/data" });
  expect(config).toMatchObject({
    dataDir: "/data",
    http: { host: "127.0.0.1", port: 4300 },
    publicUrl: "http://127.0.0.1:4300",
    agentsUrl: "https://127.0.0.1:4320",
    databaseUrl: undefined,
  });
  expect(readConfig({ FLOWPLANE_HTTP: "[::1]:80" }).publicUrl).toBe("http://[::1]:80");
  expect(readConfig({ FLOWPLANE_PUBLIC_URL: "https://f.example/" }).publicUrl).toBe("https://f.example");
});

test.each([
  [{ FLOWPLANE_HTTP: "4300" }, /FLOWPLANE_HTTP is "4300"; it must be HOST:PORT/],
  [{ FLOWPLANE_AGENTS: "localhost:99999" }, /must be HOST:PORT/],
  [{ FLOWPLANE_PUBLIC_URL: "flow" }, /must be an http or https URL/],
])("a setting that cannot be used says how to mend it: %o", (env, message) => {
  expect(() => readConfig(env)).toThrow(ConfigError);
  expect(() => readConfig(env)).toThrow(message);
});
