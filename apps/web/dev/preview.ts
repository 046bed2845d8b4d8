/** Serves the built dashboard with the mock API, under the content security policy the control plane uses: `node dev/preview.ts [port]`. */
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { Mock } from "./mock.ts";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; object-src 'none'";

const mock = new Mock();
const server = createServer((request, response) => {
  mock
    .handle(request, response)
    .then((handled) => (handled ? undefined : serveFile(request.url ?? "/", response)))
    .catch((error: unknown) => {
      console.error(error);
      response.writeHead(500).end();
    });
});
server.listen(Number(process.argv[2] ?? 4310), "127.0.0.1", () =>
  console.log("The dashboard with mock data is at http://127.0.0.1:%s", process.argv[2] ?? 4310),
);

/** A file of the build, else the page itself: places are decided in the browser. */
async function serveFile(url: string, response: ServerResponse): Promise<void> {
  const path = normalize(new URL(url, "http://mock").pathname);
  const file = extname(path) === "" ? "index.html" : path;
  try {
    const body = await readFile(join(DIST, file));
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": CSP,
    });
    response.end(body);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    response.writeHead(404).end();
  }
}
