import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ENDPOINT_CHECK_MS } from "./limits.ts";
import { isSecure } from "./settings.ts";

/**
 * Why an address looks wrong from here, null when it does not: nobody listens there, or its certificate is none that the agent would
 * trust. It only connects and says nothing. The agent may see another network, so this is a warning and no refusal.
 */
export async function endpointProblem(endpoint: string, ca: string | null): Promise<string | null> {
  const { hostname, port } = new URL(endpoint);
  const host = hostname.replace(/^\[|\]$/g, "");
  const secure = isSecure(endpoint);
  const to = { host, port: Number(port || (secure ? 443 : 80)) };
  const socket: Socket = secure
    ? connectTls({
        ...to,
        ...(ca === null ? {} : { ca }),
        ...(/[a-z]/i.test(host) ? { servername: host } : {}),
      })
    : connectTcp(to);
  const problem = await new Promise<string | null>((resolve) => {
    socket.setTimeout(ENDPOINT_CHECK_MS, () => resolve(`no answer within ${ENDPOINT_CHECK_MS / 1_000} s`));
    socket.once(secure ? "secureConnect" : "connect", () => resolve(null));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.message || (error.code ?? "failed")),
    );
  });
  socket.destroy();
  return problem;
}
