/** Where to go after signing in: a place of this site, never another one. */
export function backTo(to: string | undefined): string {
  return to !== undefined && /^\/(?![/\\])/.test(to) ? to : "/";
}

/** The codes a spent link comes back with, as sentences. */
export function signInProblem(code: string): string {
  switch (code) {
    case "EXPIRED_TOKEN":
      return "This link has expired. Ask for a new one below.";
    case "INVALID_TOKEN":
    case "ATTEMPTS_EXCEEDED":
      return "This link has been used already or is not one of ours. Ask for a new one below.";
    case "new_user_signup_disabled":
      return "This address is not a member here. Ask an admin to invite you.";
    default:
      return "That did not sign you in. Ask for a new link below.";
  }
}
