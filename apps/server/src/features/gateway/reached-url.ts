import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { Transport } from "@flowplane/opamp";

const URL_CHARS_MAX = 500;

/**
 * Where the peer reached us, as it named it: what an offer of connection settings repeats to it. Through a proxy that is the
 * proxy's address, which only the configured one tells. Null when nothing usable was said.
 */
export function reachedUrl(
  { socket, headers, url }: Pick<IncomingMessage, "socket" | "headers" | "url">,
  transport: Transport,
  publicUrl: string,
): string | null {
  const path = (url ?? "/").split("?", 1)[0] ?? "/";
  const isTls = socket instanceof TLSSocket;
  const isProxied = ["forwarded", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-for"].some(
    (name) => headers[name] !== undefined,
  );
  if (!isTls && (isProxied || publicUrl.startsWith("https:")))
    return publicUrl.replace(/\/+$/, "").replace(/^http/, transport) + path;
  const named = `${transport}${isTls ? "s" : ""}://${headers.host ?? ""}${path}`;
  return URL.canParse(named) && new URL(named).username === "" && named.length <= URL_CHARS_MAX
    ? named
    : null;
}
