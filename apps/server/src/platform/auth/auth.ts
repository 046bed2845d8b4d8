import { AsyncLocalStorage } from "node:async_hooks";
import { betterAuth } from "better-auth";
import { subjects } from "../bus/bus.ts";
import type { Base } from "../context.ts";
import { createMailer } from "../mail.ts";
import { authOptions, SIGN_IN_LINK_SECONDS, type AuthHooks } from "./options.ts";

export interface SignInLink {
  readonly url: string;
  readonly expires_at: string;
}

/** Sessions and sign-in, by better-auth. Who a session is in an organization is for `features/identity` to say. */
export interface Auth {
  /** Answers a request below `/api/auth`. */
  handle(request: Request): Promise<Response>;
  /** Name of the session cookie, which tells by its prefix whether it is secure. */
  readonly sessionCookie: string;
  /** Whether sign-in links go out by mail. */
  readonly mails: boolean;
  /** Makes a link that signs one person in once; they must exist. It is not mailed. */
  createSignInLink(email: string): Promise<SignInLink>;
  /** Mails a link to somebody. Rejects when the mail server does not take it. */
  mailSignInLink(email: string): Promise<void>;
  /** Ends every session of a user, at once in this process. */
  endSessions(userId: string): Promise<void>;
}

export function createAuth(base: Base): Auth {
  const mailer = createMailer(base.config);
  /** Where the link goes that is being made in this call; none: to the person's mailbox. */
  const capture = new AsyncLocalStorage<{ url?: string }>();
  const db = base.storage.system;
  const mail = async (email: string, url: string) => {
    await mailer?.send({
      to: email,
      subject: "Sign in to Flowplane",
      text: `This link signs you in to Flowplane once. It works for ${SIGN_IN_LINK_SECONDS / 60} minutes.\n\n${url}\n\nIf you did not ask for it, do nothing.\n`,
    });
  };
  const signOut = (userId: string) => base.bus.publish(subjects.credentialsChanged, { actor_id: userId });

  const hooks: AuthHooks = {
    async deliver({ email, url }) {
      const captured = capture.getStore();
      if (captured !== undefined) {
        captured.url = url;
        return;
      }
      const address = await addressOfMember(email);
      if (address === undefined) return;
      // Not awaited: how long an answer takes must not tell whether somebody is a member.
      mail(address, url).catch((error: unknown) => {
        base.log.error({ error, event_type: "mail" }, "a sign-in link could not be mailed");
      });
    },
    async mayEnter(userId) {
      const row = await db
        .selectFrom("memberships")
        .select("user_id")
        .where("user_id", "=", userId)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async onSignIn(userId) {
      await db
        .updateTable("auth_users")
        .set({ last_signed_in_at: new Date(base.now()) })
        .where("id", "=", userId)
        .execute();
    },
    onSignOut: signOut,
  };
  /** The address as we have it, never as somebody typed it. */
  const addressOfMember = async (email: string) => {
    const row = await db
      .selectFrom("auth_users")
      .innerJoin("memberships", "memberships.user_id", "auth_users.id")
      .select("email")
      .where("email", "=", email.toLowerCase())
      .limit(1)
      .executeTakeFirst();
    return row?.email;
  };

  const options = authOptions(base, hooks);
  const better = betterAuth(options);
  const createLink = async (email: string): Promise<SignInLink> => {
    const captured: { url?: string } = {};
    await capture.run(captured, () =>
      better.api.signInMagicLink({
        body: { email, callbackURL: "/", errorCallbackURL: "/sign-in" },
        headers: new Headers(),
      }),
    );
    if (captured.url === undefined) throw new Error("the sign-in link was not made");
    return {
      url: captured.url,
      expires_at: new Date(base.now() + SIGN_IN_LINK_SECONDS * 1000).toISOString(),
    };
  };

  return {
    handle: (request) => better.handler(request),
    sessionCookie: `${options.advanced.useSecureCookies ? "__Secure-" : ""}${options.advanced.cookiePrefix}.session_token`,
    mails: mailer !== undefined,
    createSignInLink: createLink,
    async mailSignInLink(email) {
      await mail(email, (await createLink(email)).url);
    },
    async endSessions(userId) {
      await db.deleteFrom("auth_sessions").where("user_id", "=", userId).execute();
      signOut(userId);
    },
  };
}
