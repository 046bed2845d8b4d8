/** The pages of settings and of who may do what. */
import { accessibilityTest, tabs } from "./accessibility.ts";

accessibilityTest("pages of settings, tokens, members and the audit log", () =>
  Promise.resolve({
    paths: [
      ...tabs("/settings", "sites", "retention"),
      ...tabs("/tokens", "bearers", "api"),
      "/members",
      "/audit",
      "/device?user_code=ABCD-EFGH",
    ],
    narrow: ["/settings/sites", "/tokens", "/members", "/audit"],
  }),
);
