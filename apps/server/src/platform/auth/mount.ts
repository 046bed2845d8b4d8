import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import { shownCredential } from "../http/credential.ts";
import { createLimit } from "../http/limits.ts";
import type { Http } from "../http/route.ts";
import { ADDRESS_HEADER, AUTH_PATH, authSecret } from "./options.ts";
import { signSession } from "./session-token.ts";
import type { Auth } from "./auth.ts";

const MINUTE_SECONDS = 60;
export const SIGN_IN_MAILS_PER_ADDRESS_MAX = 10;
export const SIGN_IN_MAILS_PER_PERSON_MAX = 3;
export const LINK_VISITS_PER_MINUTE_MAX = 30;
/** Polling among them: a program asks every two seconds, and several may share an address. */
export const DEVICE_CALLS_PER_MINUTE_MAX = 300;
/** User codes have 40 bits and live a quarter of an hour; guessing at this rate finds nothing. */
export const DEVICE_CODES_TRIED_PER_MINUTE_MAX = 20;
const BODY_BYTES_MAX = 16 * 1024;

const tooMany = "Too many tries from this address. Wait a moment.";

/** What of better-auth is reachable: a list of its own, so that an update cannot add a way in. */
const ROUTES = [
  ["POST", "/sign-in/magic-link", "mail"],
  ["GET", "/magic-link/verify", "link"],
  ["POST", "/sign-out", "device"],
  ["GET", "/get-session", "device"],
  ["POST", "/device/code", "device"],
  ["POST", "/device/token", "device"],
  ["GET", "/device", "code"],
  ["POST", "/device/approve", "code"],
  ["POST", "/device/deny", "code"],
] as const;

/** Serves sign-in below `/api/auth`. */
export function installAuth(http: Http, auth: Auth): void {
  const limits = {
    mail: createLimit(SIGN_IN_MAILS_PER_ADDRESS_MAX, MINUTE_SECONDS, tooMany),
    link: createLimit(LINK_VISITS_PER_MINUTE_MAX, MINUTE_SECONDS, tooMany),
    device: createLimit(DEVICE_CALLS_PER_MINUTE_MAX, MINUTE_SECONDS, tooMany),
    code: createLimit(DEVICE_CODES_TRIED_PER_MINUTE_MAX, MINUTE_SECONDS, tooMany),
  };
  const perPerson = createLimit(
    SIGN_IN_MAILS_PER_PERSON_MAX,
    5 * MINUTE_SECONDS,
    "Several sign-in links were asked for already. Look into the mailbox, or wait five minutes.",
  );
  http.fastify.register(async (scope: FastifyInstance) => {
    for (const [method, path, limit] of ROUTES) {
      scope.route({
        method,
        url: AUTH_PATH + path,
        bodyLimit: BODY_BYTES_MAX,
        // A HEAD request of a link's scanner must not use the link up.
        exposeHeadRoute: false,
        onRequest: async (request) => limits[limit].consume(request.ip),
        handler: async (request, reply) => {
          if (limit === "mail") {
            if (!auth.mails) throw noMail();
            await perPerson.consume(String((request.body as { email?: unknown } | undefined)?.email));
          }
          const response = await auth.handle(forward(http, auth, request));
          return answer(http, path, response, reply);
        },
      });
    }
  });
}

function noMail(): AppError {
  return new AppError(
    "conflict",
    "This installation sends no mail, so it cannot mail a sign-in link. Whoever runs it makes one with `flowplane members link`, or sets SMTP_URL.",
  );
}

/** The request as better-auth reads it. A session shown as a bearer becomes the cookie it would be in a browser. */
function forward(http: Http, auth: Auth, request: FastifyRequest): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === "string" && name !== "content-length") headers.set(name, value);
  headers.set(ADDRESS_HEADER, request.ip);
  const credential = shownCredential(request);
  if (credential?.kind === "bearer") {
    headers.set("cookie", `${auth.sessionCookie}=${encodeURIComponent(credential.text)}`);
    // No page can add a bearer to a request, so there is no foreign page to fear.
    headers.set("origin", http.base.config.publicUrl);
    headers.delete("authorization");
  }
  return new Request(http.base.config.publicUrl + request.url, {
    method: request.method,
    headers,
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
}

async function answer(
  http: Http,
  path: string,
  response: Response,
  reply: FastifyReply,
): Promise<FastifyReply> {
  for (const [name, value] of response.headers)
    if (name !== "set-cookie" && name !== "content-length") reply.header(name, value);
  for (const cookie of response.headers.getSetCookie()) reply.header("set-cookie", cookie);
  reply.code(response.status).header("cache-control", "no-store");
  const body = await response.text();
  if (path !== "/device/token" || !response.ok) return reply.send(body);
  const token = JSON.parse(body) as { access_token: string };
  return reply.send(
    JSON.stringify({ ...token, access_token: signSession(token.access_token, authSecret(http.base)) }),
  );
}
