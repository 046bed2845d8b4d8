import { createTransport } from "nodemailer";
import type { Config } from "../config.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const SOCKET_TIMEOUT_MS = 20_000;

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /** Resolves when the mail server has taken the message; rejects when it has not, or does not answer in time. */
  send(mail: Mail): Promise<void>;
}

/** Mail by `SMTP_URL` (`smtp://user:password@host:587`, `smtps://…`); undefined when none is configured. */
export function createMailer(config: Config): Mailer | undefined {
  if (config.smtpUrl === undefined) return undefined;
  const transport = createTransport({
    url: config.smtpUrl,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
  });
  return {
    async send(mail) {
      try {
        await transport.sendMail({ from: config.mailFrom, ...mail });
      } catch (cause) {
        throw new Error(`mail to the server at ${new URL(config.smtpUrl ?? "").host}`, { cause });
      }
    },
  };
}
