import type { BetterAuthOptions } from "better-auth";
import { deviceAuthorization } from "better-auth/plugins/device-authorization";
import { magicLink } from "better-auth/plugins/magic-link";
import { newId, type Base } from "../context.ts";
import { COOKIE_PREFIX } from "../http/credential.ts";

export const AUTH_PATH = "/api/auth";
export const SIGN_IN_LINK_SECONDS = 15 * 60;
/** From the sign-in on, used or not. */
export const SESSION_SECONDS = 30 * 24 * 60 * 60;
/** How long a program that signs in by another screen waits for that screen. */
const DEVICE_CODE_LIFETIME = "15m";
const DEVICE_POLL_INTERVAL = "2s";
/** Programs that may sign in by another screen; they are public clients, the name is for the person who approves. */
const DEVICE_CLIENTS = ["flowplane-cli"];
/** Set by us on every request that goes in, so never what a caller claims. */
export const ADDRESS_HEADER = "x-flowplane-address";

export interface AuthHooks {
  /** Delivers a sign-in link, or keeps it from whom nobody invited. */
  readonly deliver: (link: { email: string; url: string }) => Promise<void>;
  /** Whether somebody may have a session: they belong to an organization. */
  readonly mayEnter: (userId: string) => Promise<boolean>;
  readonly onSignIn: (userId: string) => Promise<void>;
  readonly onSignOut: (userId: string) => void;
}

/** How better-auth is set up. Apart from `betterAuth` itself, so that a test can hold it against the migrations. */
export function authOptions(base: Base, hooks: AuthHooks) {
  const url = base.config.publicUrl;
  return {
    appName: "Flowplane",
    baseURL: url,
    basePath: AUTH_PATH,
    secret: authSecret(base),
    database: { db: base.storage.system, type: "postgres", transaction: true },
    telemetry: { enabled: false },
    // Limits are in the mount, by what they protect.
    rateLimit: { enabled: false },
    // A page served under another of our names (localhost, a host name of the network) is ours as well. Cookies are
    // bound to the name they were set under, so a foreign name that is made to point here arrives without one.
    trustedOrigins: (request) => {
      const host = request?.headers.get("host");
      return host === null || host === undefined ? [] : [`http://${host}`, `https://${host}`];
    },
    logger: {
      level: "warn",
      log: (level, message) => {
        base.log[level === "error" ? "error" : "debug"]({ event_type: "auth" }, message);
      },
    },
    advanced: {
      cookiePrefix: COOKIE_PREFIX,
      // Said aloud, because the library leaves both checks out where it believes to be in a test.
      disableOriginCheck: false,
      disableCSRFCheck: false,
      useSecureCookies: url.startsWith("https:"),
      database: { generateId: newId },
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
    },
    user: {
      modelName: "auth_users",
      fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" },
    },
    session: {
      modelName: "auth_sessions",
      fields: {
        userId: "user_id",
        expiresAt: "expires_at",
        ipAddress: "ip_address",
        userAgent: "user_agent",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
      expiresIn: SESSION_SECONDS,
      disableSessionRefresh: true,
    },
    account: {
      modelName: "auth_accounts",
      fields: {
        userId: "user_id",
        accountId: "account_id",
        providerId: "provider_id",
        accessToken: "access_token",
        refreshToken: "refresh_token",
        idToken: "id_token",
        accessTokenExpiresAt: "access_token_expires_at",
        refreshTokenExpiresAt: "refresh_token_expires_at",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
    },
    verification: {
      modelName: "auth_verifications",
      fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" },
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session) => hooks.mayEnter(session.userId),
          after: async (session) => hooks.onSignIn(session.userId),
        },
        delete: { after: async (session) => hooks.onSignOut(session.userId) },
      },
    },
    plugins: [
      magicLink({
        disableSignUp: true,
        expiresIn: SIGN_IN_LINK_SECONDS,
        storeToken: "hashed",
        sendMagicLink: hooks.deliver,
      }),
      deviceAuthorization({
        expiresIn: DEVICE_CODE_LIFETIME,
        interval: DEVICE_POLL_INTERVAL,
        verificationUri: `${url}/device`,
        validateClient: (id) => DEVICE_CLIENTS.includes(id),
        schema: {
          deviceCode: {
            modelName: "auth_device_codes",
            fields: {
              deviceCode: "device_code",
              userCode: "user_code",
              userId: "user_id",
              clientId: "client_id",
              pollingInterval: "polling_interval",
              lastPolledAt: "last_polled_at",
              expiresAt: "expires_at",
            },
          },
        },
      }),
    ],
  } satisfies BetterAuthOptions;
}

/** Signs cookies and sessions; a key of its own under the master key. */
export function authSecret(base: Base): string {
  return base.secrets.derive("session-signature").toString("base64url");
}
